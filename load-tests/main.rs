//! The load test: a real release server on a real database, spoken to over real sockets by a crowd that lives here.
//!
//! It prints ratios of things measured in one run rather than times: a busy machine slows every contender down alike.
//! Everything stays on the loopback interface and is bounded in number and time. See README.md beside this file.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a tool for developers: it ends with a sentence when something is wrong, speaks on its terminal, lives in \
              real time, and its counts are far below the precision of a float"
)]

mod ask;
mod bare;
mod corpus;
mod decode;
mod durable;
mod idle;
mod lane;
mod measure;
mod place;
mod pseudonyms;
mod raw;
mod relay;
mod rewrap;
mod scenario;
mod server;
mod stub;
mod vendor;
mod visitor;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, value_parser};
use indicatif::{ProgressBar, ProgressStyle};

use measure::Table;

/// Measures a VeetFlow server under load.
#[derive(Debug, Clone, Parser)]
#[command(name = "load")]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    settings: Settings,
}

/// What can be set.
#[derive(Debug, Clone, clap::Args)]
struct Settings {
    /// The server's program, built with `cargo build --release`.
    #[arg(long, global = true, default_value = "target/release/veetflow")]
    server: PathBuf,
    /// Rounds; the table shows their median.
    #[arg(long, global = true, default_value_t = 3, value_parser = value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Relay: leave it to the system on which core the server runs (else core 0, and everything else on core 1).
    #[arg(long, global = true)]
    spread: bool,
    /// Relay: only the scenarios whose name contains this.
    #[arg(long, global = true, default_value = "")]
    only: String,
    /// Durable: how many seconds each contender writes.
    #[arg(long, global = true, default_value_t = 4, value_parser = value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Durable: how many visitors write; may be repeated.
    #[arg(long, global = true, default_values_t = [64, 512], value_parser = value_parser!(u32).range(1..=2000))]
    visitors: Vec<u32>,
    /// Idle: how many conversations are opened.
    #[arg(long, global = true, default_value_t = 5_000, value_parser = value_parser!(u32).range(100..=15_000))]
    connections: u32,
    /// Rewrap: how many conversation keys.
    #[arg(long, global = true, default_value_t = 20_000, value_parser = value_parser!(u32).range(200..=2_000_000))]
    keys: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum What {
    /// All of them, one after another.
    All,
    /// A model's answer on its way to the visitor: added time, processor time for each delta.
    Relay,
    /// Messages that must survive a crash, beside bare inserts into the same database.
    Durable,
    /// Memory of conversations in which nothing happens.
    Idle,
    /// Personal values on their way to a model: how many are found, at what cost.
    Pseudonyms,
    /// A rotation of the master key: keys wrapped anew a second, beside the bare work of it.
    Rewrap,
    /// The adapters by themselves: processor time for each delta beside a bare relay, and hedging.
    Decode,
    /// The local model that answers.
    #[command(hide = true)]
    Stub,
    /// The least that a relay can be.
    #[command(hide = true)]
    Bare {
        /// The port of the model.
        #[arg(long)]
        model: u16,
    },
}

impl Settings {
    fn writing_time(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }
}

fn main() -> anyhow::Result<()> {
    let Arguments { what, settings } = Arguments::parse();
    let what = what.unwrap_or(What::All);
    match what {
        What::Stub => return stub::run(),
        What::Bare { model } => return bare::run(model),
        What::All
        | What::Relay
        | What::Durable
        | What::Idle
        | What::Pseudonyms
        | What::Rewrap
        | What::Decode => {}
    }
    let descriptors = place::raise_descriptor_limit();
    let mut table = Table::default();
    let started = place::load_average();
    let wanted = |one| what == What::All || what == one;
    if wanted(What::Relay) {
        relay::run(&settings, &mut table)?;
    }
    if wanted(What::Durable) {
        durable::run(&settings, &mut table)?;
    }
    if wanted(What::Idle) {
        anyhow::ensure!(
            descriptors > u64::from(settings.connections) + 500,
            "this process may open {descriptors} files; ask for fewer --connections"
        );
        idle::run(&settings, &mut table)?;
    }
    if wanted(What::Pseudonyms) {
        pseudonyms::run(&settings, &mut table)?;
    }
    if wanted(What::Rewrap) {
        rewrap::run(&settings, &mut table)?;
    }
    if wanted(What::Decode) {
        decode::run(&settings, &mut table)?;
    }
    println!(
        "median [min - max] of {} rounds; load average {started} before, {} after",
        settings.rounds,
        place::load_average()
    );
    println!("{table}");
    Ok(())
}

/// A bar for so many steps.
fn progress(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} {msg}")
        .expect("the template is a valid one");
    ProgressBar::new(steps).with_style(style)
}

/// The runtime of the crowd: one thread, so that what it costs is what its work costs.
fn crowd() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
