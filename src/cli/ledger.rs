//! `veetflow ledger`: what was erased, that nobody changed the record of it, and erasing it again after a restore.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::{busy, on_gate, say};
use crate::app::{Foundation, Gate};
use crate::config::Config;
use crate::domain::audit::{Action, Deed, Objects};
use crate::ledger::{Act, FILE, LedgerError, survey};
use crate::services::restoring;

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Verify every line and every seal. Works beside a running server, and on a copy.
    Verify {
        /// Another file than that of the data folder.
        file: Option<PathBuf>,
    },
    /// After a restore: erase again everything that was erased before. The server serves nothing until then.
    #[command(
        after_long_help = "The server ends with exit code 78 while the database or the keyring is older than the \
        erasure ledger. The order of things after a restore:\n  \
        1. put back the newest copy of the ledger, if the one in the data folder is not the newest\n  \
        2. veetflow ledger replay    keys first, then rows; may be cut short and run again\n  \
        3. veetflow                  start\n\n\
        It prints how many rows had come back, and how many are left: 0."
    )]
    Replay,
    /// Begin a new ledger because every copy of the old one is lost. What it named can come back with a restore.
    BeginAnew,
}

pub(super) fn ledger(config: Config, command: LedgerCommand) -> anyhow::Result<ExitCode> {
    match command {
        LedgerCommand::Verify { file } => {
            verify(&file.unwrap_or_else(|| config.data_dir.join(FILE)))
        }
        LedgerCommand::Replay => {
            on_gate(config, Gate::Open, async |foundation| replay(foundation).await).map_err(busy)
        }
        LedgerCommand::BeginAnew => on_gate(config, Gate::Anew, async |foundation| {
            let deed = Deed { action: Action::LedgerBegunAnew, objects: Objects::None, amount: 1 };
            foundation.services.store.record_alone(&deed).await?;
            say(&format!("a new erasure ledger was begun: {}", foundation.ledger.path().display()));
            Ok(ExitCode::SUCCESS)
        })
        .map_err(busy),
    }
}

fn verify(path: &Path) -> anyhow::Result<ExitCode> {
    let mut erasures = 0_u64;
    let head = survey::<LedgerError>(path, |entry, _| {
        erasures += u64::from(matches!(entry.act, Act::Erased(_)));
        Ok(())
    })?;
    say(&format!(
        "{erasures} erasures in {} lines, every line and seal verified",
        head.position.seq
    ));
    say(&format!("keyring {}", head.keyring.simple()));
    if head.torn > 0 {
        say(&format!("{} bytes behind the last seal count for nothing", head.torn));
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(foundation: &Foundation) -> anyhow::Result<ExitCode> {
    let lines = foundation.ledger.head().position.seq;
    let bar = ProgressBar::new(lines.unsigned_abs());
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} lines") {
        bar.set_style(style);
    }
    let services = &foundation.services;
    let outcome = restoring::replay(services, &foundation.ledger, |done| bar.inc(done)).await;
    bar.finish_and_clear();
    let done = outcome?;
    say(&format!(
        "{} erasures done again; resurrected before: {}, after: {}",
        done.erasures, done.resurrected, done.left
    ));
    Ok(ExitCode::SUCCESS)
}
