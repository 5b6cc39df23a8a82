//! A model's answer on its way to the visitor. Each scenario runs twice in a round: against the model directly, and
//! through the server with everything switched on (consent, sealing, durable question and answer).
//!
//! `relay/floor` is the server's processor time for each delta, divided by what model and caller together spend for each
//! delta in the direct run: one write and one read. On a crowded machine deltas wait and then ride together, which makes
//! it look better than it is: a run in which half the deltas need more than a millisecond says nothing about it.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::ask::{Answer, Caller};
use crate::bare::Bare;
use crate::measure::{Mark, Table, micros_each, milliseconds, per_second};
use crate::place::{self, Spent};
use crate::scenario::{Kind, Outcome, SCENARIOS, Scenario};
use crate::server::Server;
use crate::stub::{Order, Stub};
use crate::visitor::{Reply, Visitor};
use crate::{Settings, crowd, progress};

/// The first mark for the relay's share.
const MARK: f64 = 1.8;

/// What each visitor asks before anything is measured.
const WARM_UP: Order = Order { deltas: 1, pause: Duration::ZERO };

/// Runs all scenarios in turn, round after round.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let cores = place::two_cores().filter(|_| !settings.spread);
    let stub = Stub::start()?;
    let server = Server::start(&settings.server, stub.port(), cores.map(|cores| cores.server))?;
    if let Some(cores) = cores {
        place::pin(stub.pid(), cores.crowd);
        place::pin(std::process::id(), cores.crowd);
    }
    let bare = Bare::start(stub.port(), cores.map(|cores| cores.server))?;
    let measured = measure(settings, table, &Contenders { stub, bare, server });
    if cores.is_some() {
        place::pin(std::process::id(), "0-1");
    }
    measured
}

/// Who is measured in one run.
#[derive(Debug)]
struct Contenders {
    stub: Stub,
    bare: Bare,
    server: Server,
}

fn measure(settings: &Settings, table: &mut Table, who: &Contenders) -> anyhow::Result<()> {
    let wanted: Vec<Scenario> =
        SCENARIOS.into_iter().filter(|scenario| scenario.name.contains(&settings.only)).collect();
    let bar = progress(u64::from(settings.rounds) * wanted.len() as u64);
    for _ in 0..settings.rounds {
        for scenario in wanted.iter().copied() {
            bar.set_message(format!("relay: {}, load {}", scenario.name, place::load_average()));
            let direct = crowd()?.block_on(directly(scenario, who, who.stub.port()))?;
            let bare = crowd()?.block_on(directly(scenario, who, who.bare.port()))?;
            let through = crowd()?.block_on(through_server(scenario, who))?;
            enter(table, scenario, &direct, &bare, &through);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Asks whoever listens at a port: the model itself, or the least relay before it.
async fn directly(scenario: Scenario, who: &Contenders, port: u16) -> anyhow::Result<Outcome> {
    let mut callers = Vec::new();
    for _ in 0..scenario.streams {
        callers.push(Caller::connect(port).await?);
    }
    let ask = move |mut caller: Caller| async move {
        let answer = caller.ask(scenario.order).await?;
        Ok((caller, answer))
    };
    watched(scenario, who, callers, ask).await
}

async fn through_server(scenario: Scenario, who: &Contenders) -> anyhow::Result<Outcome> {
    let mut visitors = Vec::new();
    for _ in 0..scenario.streams {
        let mut visitor = Visitor::enter(who.server.port()).await?;
        visitor.agree().await?;
        // Like the direct caller's, its connections are open and its conversation begun before anything is measured.
        visitor.ask(&WARM_UP.question()).await?;
        visitors.push(visitor);
    }
    let ask = move |mut visitor: Visitor| async move {
        let question = scenario.order.question();
        loop {
            match visitor.ask(&question).await? {
                Reply::Done(answer) => return Ok((visitor, answer)),
                Reply::Refused(pause) => tokio::time::sleep(pause).await,
            }
        }
    };
    watched(scenario, who, visitors, ask).await
}

/// Lets everyone ask at their time and notes what everyone else spends meanwhile.
async fn watched<Asker, Asking>(
    scenario: Scenario,
    who: &Contenders,
    askers: Vec<Asker>,
    ask: impl Fn(Asker) -> Asking + Copy + Send + 'static,
) -> anyhow::Result<Outcome>
where
    Asker: Send + 'static,
    Asking: Future<Output = anyhow::Result<(Asker, Answer)>> + Send + 'static,
{
    let (began, ours, model) = (Instant::now(), Spent::by_us(), who.stub.spent());
    let (bare, server) = (who.bare.spent(), who.server.spent());
    let mut tasks = JoinSet::new();
    for (number, asker) in (0..scenario.streams).zip(askers) {
        tasks.spawn(one_stream(scenario, number, asker, ask));
    }
    let mut answers = Vec::new();
    while let Some(asked) = tasks.join_next().await {
        answers.extend(asked??);
    }
    let outcome = Outcome {
        time: began.elapsed(),
        crowd: Spent::by_us().saturating_sub(ours),
        model: who.stub.spent().since(model).own,
        bare: who.bare.spent().since(bare).own,
        server: who.server.spent().since(server),
        answers,
    };
    let expected = u64::from(scenario.streams * scenario.asks * scenario.order.deltas);
    ensure!(
        outcome.deltas() == expected,
        "{}: {} of {expected} deltas came",
        scenario.name,
        outcome.deltas()
    );
    Ok(outcome)
}

async fn one_stream<Asker, Asking>(
    scenario: Scenario,
    number: u32,
    mut asker: Asker,
    ask: impl Fn(Asker) -> Asking,
) -> anyhow::Result<Vec<Answer>>
where
    Asking: Future<Output = anyhow::Result<(Asker, Answer)>>,
{
    tokio::time::sleep(scenario.stagger * number / scenario.streams).await;
    let mut answers = Vec::new();
    for _ in 0..scenario.asks {
        let answer;
        (asker, answer) = ask(asker).await?;
        answers.push(answer);
        tokio::time::sleep(scenario.rest).await;
    }
    Ok(answers)
}

fn enter(
    table: &mut Table,
    scenario: Scenario,
    direct: &Outcome,
    bare: &Outcome,
    through: &Outcome,
) {
    let row = |what: &str| format!("relay: {}: {what}", scenario.name);
    if scenario.kind == Kind::FirstToken {
        for percent in [50.0, 99.0] {
            let added = through.first(percent) - direct.first(percent);
            table.add(&row(&format!("added p{percent:.0}")), "ms", added);
        }
        let answers = through.answers.len() as u64;
        table.add(
            &row("server, processor time for each answer"),
            "us",
            micros_each(through.server.own, answers),
        );
        table.add(
            &row("database, processor time for each answer"),
            "us",
            micros_each(through.server.descendants, answers),
        );
        return;
    }
    let deltas = through.deltas();
    let floor = micros_each(direct.crowd + direct.model, direct.deltas());
    let least = micros_each(bare.bare, bare.deltas());
    let relay = micros_each(through.server.own, deltas);
    table.add(&row("floor, processor time for each delta"), "us", floor);
    table.add(&row("least relay, processor time for each delta"), "us", least);
    table.add(&row("server, processor time for each delta"), "us", relay);
    table.add(
        &row("database, processor time for each delta"),
        "us",
        micros_each(through.server.descendants, deltas),
    );
    table.add(&row("least relay/floor"), "x", least / floor);
    table.add(&row("server/least relay"), "x", relay / least);
    if scenario.kind == Kind::Paced {
        table.add_marked(&row("relay/floor"), "x", Mark::AtMost(MARK), relay / floor);
        table.add(&row("way of a delta, p50"), "ms", through.latency(50.0));
        table.add(&row("way of a delta, p99"), "ms", through.latency(99.0));
    } else {
        table.add(&row("relay/floor"), "x", relay / floor);
        table.add(
            &row("deltas in each frame"),
            "",
            (deltas as f64) / (through.deliveries() as f64),
        );
        table.add(&row("deltas relayed"), "1/s", per_second(deltas, through.time));
        table.add(&row("time of all, direct"), "ms", milliseconds(direct.time));
    }
}
