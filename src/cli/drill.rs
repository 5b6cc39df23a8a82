//! `veetflow backup drill`: what a restore would take and bring back, tried out on a database that is thrown away.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};

use super::say;
use crate::app::Ground;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::audit::{Action, Deed, Objects};
use crate::embedded::{Cluster, Settings};
use crate::id::BackupId;
use crate::ledger::FILE;
use crate::services::backups::{Shelf, made_at};
use crate::services::restoring::{Replay, replay_rows};
use crate::store::{Address, Store, StoreSettings, migrate};

/// Restores a backup into a database of its own, erases there what the ledger names, and says how long that took.
pub(super) async fn drill(
    ground: &Ground,
    config: &Config,
    shelf: &Shelf,
    id: BackupId,
) -> anyhow::Result<ExitCode> {
    let keyring = ground.store.keyring_id().await?.context("no server was ever started here")?;
    let started = SystemClock.now();
    let folder = config.data_dir.join("drill");
    let mut settings = Settings::new(&folder);
    settings.binaries =
        Some(config.database.binaries.clone()).filter(|folder| !folder.as_os_str().is_empty());
    let cluster = ground.runtime().spawn_blocking(move || Cluster::start(settings)).await??;
    let address = Address::embedded(cluster.socket_dir(), cluster.user(), cluster.password());
    let tried = tried(ground, &address, &config.data_dir.join(FILE), shelf, (keyring, id)).await;
    let stopping = tokio::task::spawn_blocking(move || cluster.stop(Duration::from_secs(10)));
    stopping.await.context("the database of the drill could not be stopped")?;
    std::fs::remove_dir_all(&folder).context("the folder of the drill could not be removed")?;
    let (done, restored) = tried?;
    let ended = SystemClock.now();
    let amount = done.resurrected;
    let deed = Deed { action: Action::BackupDrilled, objects: Objects::Thing(id.uuid()), amount };
    ground.store.record_alone(&deed).await?;
    let age = made_at(id).map_or(SignedDuration::ZERO, |made| started.duration_since(made));
    say(&format!(
        "{} erasures done again; resurrected before: {}, after: {}",
        done.erasures, done.resurrected, done.left
    ));
    say(&format!("what is newer than the backup would be lost: {} s", age.as_secs()));
    say(&format!(
        "it would take {} ms: {} ms to restore, {} ms to erase again",
        ended.duration_since(started).as_millis(),
        restored.duration_since(started).as_millis(),
        ended.duration_since(restored).as_millis()
    ));
    Ok(if done.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tried(
    ground: &Ground,
    address: &Address,
    ledger: &Path,
    shelf: &Shelf,
    (keyring, id): (uuid::Uuid, BackupId),
) -> anyhow::Result<(Replay, Timestamp)> {
    let (mut operator, driver) = address.connect_as_operator().await?;
    migrate::migrate(&mut operator).await?;
    drop(operator);
    driver.abort();
    shelf.restore(address, keyring, id, |_| {}).await?;
    let restored = SystemClock.now();
    let settings = StoreSettings { connections: 2, timeout: Duration::from_secs(30) };
    let store = Store::open(address, &ground.runtime(), settings)?;
    let done = replay_rows(&store, ledger).await;
    store.close();
    Ok((done?, restored))
}
