//! `veetflow backup`: copies of the database that nobody reads without their keys, and back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{busy, drill, on_gate, on_ground, say};
use crate::app::{Foundation, Gate, Ground, master_source};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::audit::{Action, Deed, Objects};
use crate::id::{BackupId, Ids};
use crate::services::backups::{Shelf, made_at};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Make a backup of the database, beside a running server. Destroys the keys of those older than 90 days.
    #[command(
        after_long_help = "The archive is encrypted (AES-256-GCM) under a key of its own, which lies in the data \
        folder in backup-keys and is wrapped by the master key. The keyring is not in it: docs/BACKUPS.md says what to \
        keep where, and for how long.\n\n  \
        veetflow backup create --folder /mnt/backups"
    )]
    Create(Where),
    /// List the backups, and which of them can be opened.
    List(Where),
    /// Read all of a backup and verify every part of it.
    Verify {
        /// The backup, `bkp_…`.
        backup: String,
        #[command(flatten)]
        place: Where,
    },
    /// Try a restore out: restore into a database of its own, erase again what was erased, count, throw it away.
    Drill {
        /// The backup, `bkp_…`.
        backup: String,
        #[command(flatten)]
        place: Where,
    },
    /// Put a backup in place of everything in the database. The server must be stopped.
    #[command(after_long_help = "The order of things:\n  \
        1. stop the server\n  \
        2. veetflow backup restore bkp_…   all of it or nothing\n  \
        3. veetflow ledger replay          what was erased since is erased again; nothing is served before\n  \
        4. veetflow                        start")]
    Restore {
        /// The backup, `bkp_…`.
        backup: String,
        #[command(flatten)]
        place: Where,
    },
}

#[derive(Debug, Args)]
pub(super) struct Where {
    /// The folder of the backups; else `backups` in the data folder.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn shelf(config: &Config, place: Where) -> anyhow::Result<Shelf> {
    Ok(Shelf::of(&config.data_dir, place.folder, master_source(config)?))
}

fn named(text: &str) -> anyhow::Result<BackupId> {
    text.parse().context("a backup is named bkp_ and 32 digits; see `veetflow backup list`")
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template("{elapsed:>4} {spinner} {bytes} ({bytes_per_sec})")
    {
        bar.set_style(style);
    }
    bar
}

pub(super) fn backup(config: Config, command: BackupCommand) -> anyhow::Result<ExitCode> {
    match command {
        BackupCommand::Create(place) => {
            let shelf = shelf(&config, place)?;
            on_ground(&config, async |ground| create(ground, &shelf).await)
        }
        BackupCommand::List(place) => list(&shelf(&config, place)?),
        BackupCommand::Verify { backup, place } => {
            let bar = bar();
            let read = shelf(&config, place)?.verify(named(&backup)?, |bytes| bar.inc(bytes));
            bar.finish_and_clear();
            say(&format!("{backup} is whole: {} of rows, every part verified", HumanBytes(read?)));
            Ok(ExitCode::SUCCESS)
        }
        BackupCommand::Drill { backup, place } => {
            let (shelf, id) = (shelf(&config, place)?, named(&backup)?);
            on_ground(&config, async |ground| drill::drill(ground, &config, &shelf, id).await)
        }
        BackupCommand::Restore { backup, place } => {
            let (shelf, id) = (shelf(&config, place)?, named(&backup)?);
            on_gate(config, Gate::Open, async |foundation| restore(foundation, &shelf, id).await)
                .map_err(busy)
        }
    }
}

async fn create(ground: &Ground, shelf: &Shelf) -> anyhow::Result<ExitCode> {
    let keyring = ground.store.keyring_id().await?;
    let keyring =
        keyring.context("there is nothing to back up: no server was ever started here")?;
    let mark = ground.store.ledger_mark().await?;
    anyhow::ensure!(
        !mark.is_some_and(|mark| mark.is_restored),
        "the database was restored and has what was erased: run `veetflow ledger replay` first"
    );
    let id: BackupId = Ids::new(Arc::new(SystemClock)).next();
    let bar = bar();
    let made = shelf.create(&ground.address, keyring, id, |bytes| bar.inc(bytes)).await;
    bar.finish_and_clear();
    let made = made?;
    // What cannot be read back is no backup.
    shelf.verify(id, |_| {})?;
    let deed = Deed::on(Action::BackupMade, id.uuid());
    ground.store.record_alone(&deed).await?;
    say(&format!("{id}  {}  {}", HumanBytes(made.size), shelf.path(id).display()));
    let over = shelf.rotate(SystemClock.now())?;
    if over > 0 {
        say(&format!("the keys of {over} backups older than 90 days were destroyed"));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(shelf: &Shelf) -> anyhow::Result<ExitCode> {
    for backup in shelf.list()? {
        let made = made_at(backup.id).map_or_else(String::new, |made| format!("{made:.0}"));
        let state = if backup.has_key { "can be opened" } else { "its key is gone" };
        say(&format!("{}  {made}  {}  {state}", backup.id, HumanBytes(backup.size)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn restore(foundation: &Foundation, shelf: &Shelf, id: BackupId) -> anyhow::Result<ExitCode> {
    let keyring = foundation.services.vault.keyring_id();
    let bar = bar();
    let restored = shelf.restore(foundation.address(), keyring, id, |bytes| bar.inc(bytes)).await;
    bar.finish_and_clear();
    restored?;
    let deed =
        Deed { action: Action::BackupRestored, objects: Objects::Thing(id.uuid()), amount: 1 };
    foundation.services.store.record_alone(&deed).await?;
    say(&format!("{id} was restored; now run `veetflow ledger replay`, nothing is served before"));
    Ok(ExitCode::SUCCESS)
}
