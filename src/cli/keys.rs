//! `veetflow keys`: which master key is in force, what depends on which, rotation and destruction.
//!
//! The keyring belongs to one process. These commands are that process while they run, so the server must be stopped; it
//! may be started again after a rotation was cut short, at whatever point.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::say;
use crate::app::{Foundation, master_source};
use crate::domain::audit::{Action, Deed, Objects};
use crate::services::backups::Shelf;
use crate::store::Store;
use crate::vault::{CensusLine, Destruction, Rotation};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Say which master key is in force, and what is to be done next.
    Status,
    /// Count the keys under each master key, from the keyring itself.
    Census,
    /// Make a new master key and wrap every key anew under it. No message is rewritten.
    #[command(
        after_long_help = "Stop the server first: the keyring belongs to one process. A rotation that is cut \
        short loses nothing: the server starts and works in between, and the same command goes on where it stopped.\n\n\
        Where the master key is given in the environment, make a new one and give both, the new one first:\n  \
        VEETFLOW__VAULT__MASTER_KEY=$(openssl rand -hex 32),$OLD veetflow keys rotate\n\n\
        The order of things:\n  \
        1. veetflow keys rotate      new keys, everything wrapped anew; the old master stays beside the new one\n  \
        2. copy the new master key to its safe place\n  \
        3. wait until no backup of the keyring is older than the rotation (7 days at most)\n  \
        4. veetflow keys destroy 1   the census is taken again; refused while one key is under the old master"
    )]
    Rotate,
    /// Destroy a master key that was succeeded. Refused while a single key is under it.
    #[command(
        after_long_help = "What is certain afterwards depends on where the master key comes from:\n  \
        a file: it is overwritten and removed; copies elsewhere are yours to destroy\n  \
        the environment: nothing is destroyed by this program; take the value away\n  \
        a key service: its key is deleted there, and it is asked to show that it refuses; copies are dead too"
    )]
    Destroy {
        /// The number that `veetflow keys status` shows.
        generation: u16,
    },
}

pub(super) async fn run(
    foundation: &Foundation,
    command: &KeysCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::Status => status(foundation).await?,
        KeysCommand::Census => census(foundation)?,
        KeysCommand::Rotate => rotate(foundation).await?,
        KeysCommand::Destroy { generation } => destroy(foundation, *generation).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(line: &CensusLine) -> String {
    format!(
        "master key {}: {} keys of tenants, {} of conversations and documents",
        line.generation, line.tenants, line.conversations
    )
}

fn census(foundation: &Foundation) -> anyhow::Result<()> {
    for line in foundation.services.vault.census()? {
        say(&shown(&line));
    }
    Ok(())
}

async fn status(foundation: &Foundation) -> anyhow::Result<()> {
    let vault = &foundation.services.vault;
    let census = vault.census()?;
    for line in &census {
        say(&shown(line));
    }
    say(&format!("keys were destroyed {} times", vault.epoch()?));
    if let Some(at) = last_rotation(&foundation.services.store).await? {
        let days = foundation.services.clock.now().duration_since(at).as_hours() / 24;
        say(&format!("the last rotation was asked for {at:.0}, {days} days ago"));
    }
    say(&advice(&census));
    Ok(())
}

/// When the audit log says that a rotation was asked for last.
async fn last_rotation(store: &Store) -> anyhow::Result<Option<jiff::Timestamp>> {
    let (mut after, mut last) = (0, None);
    loop {
        let page = store.audit_page(after, 2_000).await?;
        let Some(newest) = page.last() else { return Ok(last) };
        after = newest.seq;
        let mut rotations = page.iter().filter(|line| line.action == Action::KeysRotated.as_str());
        last = rotations.next_back().map(|line| line.at).or(last);
    }
}

pub(super) fn advice(census: &[CensusLine]) -> String {
    match census {
        [old, newest] if old.keys() > 0 => format!(
            "a rotation to master key {} was cut short with {} keys to go; `veetflow keys rotate` goes on",
            newest.generation,
            old.keys()
        ),
        [old, newest] => format!(
            "master key {} is in force and nothing is under {}; once no backup of the keyring is older than the \
             rotation: veetflow keys destroy {}",
            newest.generation, old.generation, old.generation
        ),
        _ => "the master key should be rotated every 30 days: veetflow keys rotate".to_owned(),
    }
}

async fn rotate(foundation: &Foundation) -> anyhow::Result<()> {
    let services = &foundation.services;
    let source = master_source(&services.config)?;
    let from = services.vault.census()?.iter().map(|line| line.generation).min();
    let amount = i64::from(from.unwrap_or_default());
    let deed = Deed { action: Action::KeysRotated, objects: Objects::None, amount };
    services.store.record_alone(&deed).await?;
    let mut rotation = services.vault.rotate(&source)?;
    let due: u64 = services.vault.census()?.iter().map(CensusLine::keys).sum();
    let bar = ProgressBar::new(due);
    if let Ok(style) =
        ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} keys ({per_sec})")
    {
        bar.set_style(style);
    }
    let done = to_the_end(&mut rotation, &bar);
    bar.finish_and_clear();
    let done = done.context("the rotation was cut short; `veetflow keys rotate` goes on")?;
    say(&format!(
        "{done} keys were wrapped anew; master key {} is in force",
        rotation.generation()
    ));
    status(foundation).await
}

fn to_the_end(rotation: &mut Rotation, bar: &ProgressBar) -> anyhow::Result<u64> {
    let mut done = 0;
    while let Some(keys) = rotation.step()? {
        done += keys;
        bar.inc(keys);
    }
    Ok(done)
}

async fn destroy(foundation: &Foundation, generation: u16) -> anyhow::Result<()> {
    let services = &foundation.services;
    let source = master_source(&services.config)?;
    let (action, amount) = (Action::MasterDestroyed, i64::from(generation));
    services.store.record_alone(&Deed { action, objects: Objects::None, amount }).await?;
    // What a backup needs must not go with the old master.
    Shelf::of(&services.config.data_dir, None, source.clone()).rewrap()?;
    let how = match services.vault.destroy_master(generation, &source)? {
        Destruction::Refused => "was destroyed at the key service, which refuses to open it",
        Destruction::FileRemoved => {
            "was overwritten and removed; copies of it elsewhere are yours to destroy"
        }
        Destruction::Unconfigured => {
            "is no longer needed; it was NOT destroyed by this program: take it out of the environment and destroy \
             every copy"
        }
    };
    say(&format!("master key {generation} {how}"));
    Ok(())
}
