//! Messages that must survive a crash: visitors who write as fast as they are answered, beside the append lane alone and
//! bare inserts, all into the same database in the same round.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::lane::Lane;
use crate::measure::{Mark, Table, micros_each, per_second};
use crate::place::{self, Spent};
use crate::raw::{Cluster, Way};
use crate::server::Server;
use crate::stub::{Order, Stub};
use crate::visitor::{Reply, Visitor};
use crate::{Settings, crowd, progress};

const MESSAGE_BYTES: usize = 500;
/// The first mark for durable rows a second.
const MARK: f64 = 10_000.0;
const WORDS: &str = "My parcel was to arrive on Tuesday and has not been seen since it left your warehouse; the page for \
    tracking says only that it is on its way. Could you find out where it is, and whether the two shirts that I ordered \
    the day after can be sent together with it? I would rather not pay for the postage twice. If the parcel is lost, please \
    tell me what I have to do to get my money back, and how long that takes. I paid by card. Thank you very much for your \
    help, and have a good day!";

/// What visitors got done.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    answered: u64,
    refused: u64,
}

/// Runs all contenders in turn, round after round.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let stub = Stub::start()?;
    let server = Server::start(&settings.server, stub.port(), None)?;
    let cluster = Cluster::of(server.data())?;
    let crowd = crowd()?;
    crowd.block_on(async {
        cluster.make_database("scratch_raw").await?;
        cluster.make_database("scratch_lane").await
    })?;
    let lane = Lane::lay(&cluster.address("scratch_lane"))?;
    let time = settings.writing_time();
    let bar = progress(u64::from(settings.rounds) * (3 + settings.visitors.len() as u64));
    let next = |what: &str| {
        bar.inc(1);
        bar.set_message(format!("durable: {what}, load {}", place::load_average()));
    };
    for _ in 0..settings.rounds {
        for visitors in &settings.visitors {
            next(&format!("{visitors} visitors"));
            enter_visitors(table, *visitors, &server, time)?;
        }
        next("lane");
        let lane_rows = watched(table, "lane alone, 256 appenders", &server, || lane.append(time))?;
        for (way, name) in [
            (Way::Single, "bare, 1 row on 32 connections"),
            (Way::Batches, "bare, 100 rows on 4 connections"),
        ] {
            next(name);
            let rows = watched(table, name, &server, || {
                crowd.block_on(cluster.insert("scratch_raw", way, time))
            })?;
            table.add(&format!("durable: lane / {name}"), "x", lane_rows / rows);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Notes what one contender, which writes from this process, gets done and what that costs; returns its rows a second.
fn watched(
    table: &mut Table,
    name: &str,
    server: &Server,
    write: impl FnOnce() -> anyhow::Result<(u64, Duration)>,
) -> anyhow::Result<f64> {
    let (ours, theirs) = (Spent::by_us(), server.spent());
    let (rows, time) = write()?;
    let (ours, theirs) = (Spent::by_us().saturating_sub(ours), server.spent().since(theirs));
    let rate = per_second(rows, time);
    let row = |what: &str| format!("durable: {name}: {what}");
    if name.starts_with("lane") {
        table.add_marked(&row("rows"), "1/s", Mark::AtLeast(MARK), rate);
    } else {
        table.add(&row("rows"), "1/s", rate);
    }
    table.add(
        &row("database, processor time for each row"),
        "us",
        micros_each(theirs.descendants, rows),
    );
    table.add(&row("writer, processor time for each row"), "us", micros_each(ours, rows));
    Ok(rate)
}

fn enter_visitors(
    table: &mut Table,
    visitors: u32,
    server: &Server,
    time: Duration,
) -> anyhow::Result<()> {
    let (tally, time, spent) = crowd()?.block_on(write_all(visitors, server, time))?;
    // A question and its answer: two rows of the log, each durable before it is shown as such.
    let turns = tally.answered * 2;
    let row = |what: &str| format!("durable: {visitors} visitors: {what}");
    table.add(&row("turns"), "1/s", per_second(turns, time));
    table.add(&row("server, processor time for each turn"), "us", micros_each(spent.own, turns));
    table.add(
        &row("database, processor time for each turn"),
        "us",
        micros_each(spent.descendants, turns),
    );
    table.add(&row("refused for a second"), "1/s", per_second(tally.refused, time));
    Ok(())
}

async fn write_all(
    visitors: u32,
    server: &Server,
    time: Duration,
) -> anyhow::Result<(Tally, Duration, Spent)> {
    let mut everyone = Vec::new();
    for _ in 0..visitors {
        let mut visitor = Visitor::enter(server.port()).await?;
        visitor.agree().await?;
        everyone.push(visitor);
    }
    let (began, spent) = (Instant::now(), server.spent());
    let mut writers = JoinSet::new();
    for visitor in everyone {
        writers.spawn(write(visitor, began + time));
    }
    let mut all = Tally::default();
    while let Some(tally) = writers.join_next().await {
        let tally = tally??;
        all.answered += tally.answered;
        all.refused += tally.refused;
    }
    Ok((all, began.elapsed(), server.spent().since(spent)))
}

async fn write(mut visitor: Visitor, until: Instant) -> anyhow::Result<Tally> {
    let order = Order { deltas: 1, pause: Duration::ZERO };
    let mut message = format!("{WORDS} {}", order.question());
    let spare = message.len().saturating_sub(MESSAGE_BYTES);
    message.drain(..spare);
    let mut tally = Tally::default();
    while Instant::now() < until {
        match visitor.ask(&message).await? {
            Reply::Done(_) => tally.answered += 1,
            Reply::Refused(pause) => {
                tally.refused += 1;
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(tally)
}
