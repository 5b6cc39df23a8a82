//! A model's answer on its way to the visitor. Each scenario runs twice in a round: against the model directly, and
//! through the server with everything switched on (consent, sealing, durable question and answer).
//!
//! `relay/floor` is the server's processor time for each delta, divided by what model and caller together spend for each
//! delta in the direct run: one write and one read. On a crowded machine deltas wait and then ride together, which makes
//! it look better than it is: a run in which half the deltas need more than a millisecond says nothing about it.

use std::future::Future;
use std::time::Instant;

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::ask::{Answer, Caller};
use crate::measure::{Mark, Table, micros_each, milliseconds, per_second};
use crate::place::{self, Spent};
use crate::scenario::{Kind, Outcome, SCENARIOS, Scenario};
use crate::server::Server;
use crate::stub::Stub;
use crate::visitor::{Reply, Visitor};
use crate::{Settings, crowd, progress};

/// The first mark for the relay's share.
const MARK: f64 = 1.8;

/// Runs all scenarios in turn, round after round.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let cores = place::two_cores().filter(|_| !settings.spread);
    let stub = Stub::start()?;
    let server = Server::start(&settings.server, stub.port(), cores.map(|cores| cores.server))?;
    if let Some(cores) = cores {
        place::pin(stub.pid(), cores.crowd);
        place::pin(std::process::id(), cores.crowd);
    }
    let measured = measure(settings, table, &stub, &server);
    if cores.is_some() {
        place::pin(std::process::id(), "0-1");
    }
    measured
}

fn measure(
    settings: &Settings,
    table: &mut Table,
    stub: &Stub,
    server: &Server,
) -> anyhow::Result<()> {
    let wanted: Vec<Scenario> =
        SCENARIOS.into_iter().filter(|scenario| scenario.name.contains(&settings.only)).collect();
    let bar = progress(u64::from(settings.rounds) * wanted.len() as u64);
    for _ in 0..settings.rounds {
        for scenario in wanted.iter().copied() {
            bar.set_message(format!("relay: {}, load {}", scenario.name, place::load_average()));
            let direct = crowd()?.block_on(directly(scenario, stub))?;
            let through = crowd()?.block_on(through_server(scenario, stub, server))?;
            enter(table, scenario, &direct, &through);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

async fn directly(scenario: Scenario, stub: &Stub) -> anyhow::Result<Outcome> {
    let mut callers = Vec::new();
    for _ in 0..scenario.streams {
        callers.push(Caller::connect(stub.port()).await?);
    }
    let ask = move |mut caller: Caller| async move {
        let answer = caller.ask(scenario.order).await?;
        Ok((caller, answer))
    };
    watched(scenario, stub, None, callers, ask).await
}

async fn through_server(
    scenario: Scenario,
    stub: &Stub,
    server: &Server,
) -> anyhow::Result<Outcome> {
    let mut visitors = Vec::new();
    for _ in 0..scenario.streams {
        let mut visitor = Visitor::enter(server.port()).await?;
        visitor.agree().await?;
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
    watched(scenario, stub, Some(server), visitors, ask).await
}

/// Lets everyone ask at their time and notes what everyone else spends meanwhile.
async fn watched<Asker, Asking>(
    scenario: Scenario,
    stub: &Stub,
    server: Option<&Server>,
    askers: Vec<Asker>,
    ask: impl Fn(Asker) -> Asking + Copy + Send + 'static,
) -> anyhow::Result<Outcome>
where
    Asker: Send + 'static,
    Asking: Future<Output = anyhow::Result<(Asker, Answer)>> + Send + 'static,
{
    let server_spent = || server.map(Server::spent).unwrap_or_default();
    let (began, ours, model, before) =
        (Instant::now(), Spent::by_us(), stub.spent(), server_spent());
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
        model: stub.spent().since(model).own,
        server: server_spent().since(before),
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

fn enter(table: &mut Table, scenario: Scenario, direct: &Outcome, through: &Outcome) {
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
    let relay = micros_each(through.server.own, deltas);
    table.add(&row("floor, processor time for each delta"), "us", floor);
    table.add(&row("server, processor time for each delta"), "us", relay);
    table.add(
        &row("database, processor time for each delta"),
        "us",
        micros_each(through.server.descendants, deltas),
    );
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
