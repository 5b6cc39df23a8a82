//! Memory of conversations in which nothing happens: opened and silent, and again after each has had one answer.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::measure::{Mark, Table};
use crate::place;
use crate::server::Server;
use crate::stub::{Order, Stub};
use crate::visitor::{Reply, Visitor};
use crate::{Settings, crowd, progress};

/// The first mark for an idle conversation, in KiB.
const MARK: f64 = 20.0;
/// So many visitors act at once, as a crowd does not.
const AT_ONCE: usize = 64;
/// Visitors before the first figure, so that what the server makes once is made.
const EARLY: u32 = 128;
/// How long the server may put things away before its memory is looked at.
const CALM: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(2);

/// What a crowd is told, once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Silent,
    Speak,
}

/// Opens the crowd, round after round, each time on a fresh server.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let stub = Stub::start()?;
    let bar = progress(u64::from(settings.rounds) * 2 * u64::from(settings.connections));
    for _ in 0..settings.rounds {
        let server = Server::start(&settings.server, stub.port(), None)?;
        let [opened, spoken] = crowd()?.block_on(measure(&server, settings.connections, &bar))?;
        let row = |what: &str| {
            format!("idle: {} conversations: {what}, resident each", settings.connections)
        };
        table.add_marked(&row("opened"), "KiB", Mark::AtMost(MARK), opened);
        table.add(&row("after one message"), "KiB", spoken);
    }
    bar.finish_and_clear();
    Ok(())
}

/// KiB for each conversation, opened and after one message.
async fn measure(server: &Server, connections: u32, bar: &ProgressBar) -> anyhow::Result<[f64; 2]> {
    gather(server, EARLY, &ProgressBar::hidden()).await?.speak().await?;
    tokio::time::sleep(CALM).await;
    let before = place::resident(server.pid());
    let each = |now: u64| (now.saturating_sub(before) as f64) / 1024.0 / f64::from(connections);
    bar.set_message(format!("idle: opening, load {}", place::load_average()));
    let mut crowd = gather(server, connections, bar).await?;
    crowd.calm_down().await?;
    let opened = each(place::resident(server.pid()));
    bar.set_message(format!("idle: one message each, load {}", place::load_average()));
    let mut crowd = crowd.speak().await?;
    crowd.calm_down().await?;
    Ok([opened, each(place::resident(server.pid()))])
}

/// Visitors who listen until the whole crowd is dropped.
#[derive(Debug)]
struct Crowd {
    members: JoinSet<anyhow::Error>,
    done: mpsc::UnboundedReceiver<()>,
    stage: watch::Sender<Stage>,
    size: u32,
    bar: ProgressBar,
}

async fn gather(server: &Server, size: u32, bar: &ProgressBar) -> anyhow::Result<Crowd> {
    let (stage, told) = watch::channel(Stage::Silent);
    let (report, done) = mpsc::unbounded_channel();
    let turnstile = Arc::new(Semaphore::new(AT_ONCE));
    let mut members = JoinSet::new();
    for _ in 0..size {
        let member = Member {
            port: server.port(),
            told: told.clone(),
            report: report.clone(),
            turnstile: turnstile.clone(),
        };
        members.spawn(async move { Box::pin(member.live()).await.unwrap_or_else(|error| error) });
    }
    let mut crowd = Crowd { members, done, stage, size, bar: bar.clone() };
    crowd.everyone().await?;
    Ok(crowd)
}

impl Crowd {
    /// Everyone says one thing and is answered.
    async fn speak(mut self) -> anyhow::Result<Self> {
        self.stage.send(Stage::Speak).context("the crowd has gone")?;
        self.everyone().await?;
        Ok(self)
    }

    /// Waits until every member has reported once.
    async fn everyone(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.size {
            let next = tokio::time::timeout(PATIENCE, self.done.recv());
            unless_lost(&mut self.members, next).await?.context("the crowd stood still")?;
            self.bar.inc(1);
        }
        Ok(())
    }

    async fn calm_down(&mut self) -> anyhow::Result<()> {
        unless_lost(&mut self.members, tokio::time::sleep(CALM)).await
    }
}

/// Does something while the crowd listens; a member that goes ends the run.
async fn unless_lost<T>(
    members: &mut JoinSet<anyhow::Error>,
    something: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let mut something = pin!(something);
    tokio::select! {
        biased;
        done = &mut something => Ok(done),
        Some(lost) = members.join_next() => Err(lost?),
    }
}

/// One visitor of the crowd.
#[derive(Debug)]
struct Member {
    port: u16,
    told: watch::Receiver<Stage>,
    report: mpsc::UnboundedSender<()>,
    turnstile: Arc<Semaphore>,
}

impl Member {
    /// Comes in, listens, speaks once when told, listens on; returns why it had to go.
    async fn live(mut self) -> anyhow::Result<anyhow::Error> {
        let mut visitor = {
            let _pass = self.turnstile.acquire().await?;
            Visitor::enter(self.port).await?
        };
        self.report.send(())?;
        tokio::select! {
            lost = visitor.linger() => return Ok(lost),
            told = self.told.wait_for(|stage| *stage == Stage::Speak) => drop(told?),
        }
        {
            let pass = self.turnstile.acquire();
            let _pass = tokio::select! {
                lost = visitor.linger() => return Ok(lost),
                pass = pass => pass?,
            };
            speak(&mut visitor).await?;
        }
        self.report.send(())?;
        Ok(visitor.linger().await)
    }
}

async fn speak(visitor: &mut Visitor) -> anyhow::Result<()> {
    visitor.agree().await?;
    let question = Order { deltas: 8, pause: Duration::ZERO }.question();
    while let Reply::Refused(pause) = visitor.ask(&question).await? {
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
