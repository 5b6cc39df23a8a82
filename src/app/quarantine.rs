//! The erasure ledger is opened, and whether anything may be served is judged, before anything is.

use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;

use crate::config::Config;
use crate::ledger::{self, Ledger, LedgerError};
use crate::services::restoring::{Quarantine, judge};
use crate::store::Store;
use crate::store::restoring::LedgerMark;
use crate::vault::Vault;

/// How a foundation is laid when the ledger may not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Only if everything belongs together: what everybody uses who serves or erases.
    Closed,
    /// For the replay, which makes it so.
    Open,
    /// With a new ledger in place of one that is lost.
    Anew,
}

/// Opens the ledger, or begins one for an installation that never had one, and lets it attend every destruction.
pub(super) async fn pass(
    config: &Config,
    store: &Store,
    vault: &Vault,
    gate: Gate,
    now: Timestamp,
) -> anyhow::Result<Arc<Ledger>> {
    let path = config.data_dir.join(ledger::FILE);
    let key = vault.signing_key(ledger::PURPOSE)?;
    let keyring = vault.keyring_id();
    let begin = || {
        Ledger::begin(&path, key.clone(), keyring, vault.epoch()?, now).map_err(Quarantine::from)
    };
    let is_there = path.try_exists().context("the data folder cannot be looked at")?;
    let mark = store.ledger_mark().await?;
    if gate == Gate::Anew {
        if is_there {
            std::fs::rename(&path, path.with_extension("ledger.replaced"))
                .context("the former ledger cannot be put aside")?;
        }
        let opened = begin()?;
        let (position, is_restored) =
            (opened.head().position, mark.is_some_and(|mark| mark.is_restored));
        let mark = LedgerMark { seq: position.seq, hash: position.hash, is_restored };
        store.set_ledger_mark(&mark).await?;
        return Ok(attending(vault, opened));
    }
    let opened = match Ledger::open(&path, key.clone(), keyring) {
        Err(LedgerError::Missing { .. }) if mark.is_none() => begin()?,
        opened => opened.map_err(Quarantine::from)?,
    };
    if gate == Gate::Closed {
        judge(store, vault, &opened, now).await?;
    }
    Ok(attending(vault, opened))
}

fn attending(vault: &Vault, opened: Ledger) -> Arc<Ledger> {
    let opened = Arc::new(opened);
    vault.attend(opened.clone());
    opened
}
