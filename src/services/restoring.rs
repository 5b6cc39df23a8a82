//! Whether this database may be served, and what makes one that was restored fit for it.
//!
//! A restored database holds what was erased since its copy was made; a restored keyring has its keys. Neither can know
//! it. The erasure ledger does, and it is newer than both: so it is asked before anything is served, and replayed where
//! it must be. An empty or an older ledger must not satisfy the question, or a restore of all three would pass.

use std::collections::BTreeMap;
use std::path::Path;

use crate::code::{Coded, ErrorCode};
use crate::domain::audit::{Action, Deed, Objects};
use crate::id::{ConversationId, TenantId};
use crate::ledger::{Act, Ledger, LedgerError, Position, survey};
use crate::services::Services;
use crate::store::restoring::LedgerMark;
use crate::store::{Store, StoreError};
use crate::vault::{Extent, Scope, Vault, VaultError};

/// Erasures done in one go.
const BATCH: usize = 1_000;
/// Conversations of an erased tenant deleted in one go.
const ROWS: i64 = 500;

/// Why nothing is served. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Quarantine {
    /// The ledger itself.
    #[error("nothing is served: {0}. If every copy of it is lost: veetflow ledger begin-anew")]
    Ledger(#[from] LedgerError),
    /// The ledger is older than the database or the keyring.
    #[error(
        "nothing is served: the erasure ledger is older than the {0}, so it does not name everything that was erased; \
         put back its newest copy. If every copy of it is lost: veetflow ledger begin-anew"
    )]
    LedgerIsOlder(&'static str),
    /// The ledger went on from another state than this database knows.
    #[error(
        "nothing is served: this erasure ledger is not the one that the database knows; put back the right one"
    )]
    Forked,
    /// The keyring is older than the ledger.
    #[error(
        "nothing is served: the keyring is older than the erasure ledger, so it has keys that were destroyed; \
         run `veetflow ledger replay`, then start again"
    )]
    KeyringIsOlder,
    /// The database was restored by this program.
    #[error(
        "nothing is served: the database was restored from a backup; run `veetflow ledger replay`, then start again"
    )]
    Restored,
    /// Conversations that were erased are there.
    #[error(
        "nothing is served: {0} erased conversations are in this database, so it was restored from an older copy; \
         run `veetflow ledger replay`, then start again"
    )]
    Resurrected(i64),
    /// Rows were left behind by a replay.
    #[error("nothing is served: {0} rows of erased conversations are left after the replay")]
    Residue(i64),
    /// The database.
    #[error("the database could not be asked whether it may be served")]
    Store(#[from] StoreError),
    /// The keyring.
    #[error("the keyring could not be asked whether it may be served")]
    Vault(#[from] VaultError),
}

impl Quarantine {
    /// Whether it is a verdict, and not a failure on the way to one.
    pub const fn is_verdict(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Vault(_) | Self::Ledger(LedgerError::Unavailable(_)))
    }
}

impl Coded for Quarantine {
    fn code(&self) -> ErrorCode {
        ErrorCode::Unavailable
    }
}

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// Erasures that the ledger names.
    pub erasures: u64,
    /// Rows that the restored database had of them.
    pub resurrected: i64,
    /// Rows that are left; 0, or the replay failed.
    pub left: i64,
}

/// Erasures of the ledger, in the shape in which they are carried out.
#[derive(Debug, Default)]
struct Erasures {
    extents: Vec<Extent>,
    conversations: BTreeMap<TenantId, Vec<ConversationId>>,
    tenants: Vec<TenantId>,
}

impl Erasures {
    fn take(&mut self, extent: Extent) {
        self.extents.push(extent);
        match extent {
            Extent::Tenant(tenant) => self.tenants.push(tenant),
            Extent::Conversation(Scope { tenant, conversation }) => {
                self.conversations.entry(tenant).or_default().push(conversation);
            }
        }
    }
}

/// What the ledger names behind line `after`, in batches, and where it stood at that line.
fn erasures(
    ledger: &Ledger,
    after: i64,
    from_epoch: u64,
) -> Result<(Vec<Erasures>, Option<Position>), LedgerError> {
    let (mut batches, mut known) = (Vec::<Erasures>::new(), None);
    ledger.each::<LedgerError>(|entry, position| {
        if entry.seq == after {
            known = Some(*position);
        }
        let Act::Erased(extent) = entry.act else { return Ok(()) };
        if entry.seq > after && entry.epoch >= from_epoch {
            put(&mut batches, extent);
        }
        Ok(())
    })?;
    Ok((batches, known))
}

fn put(batches: &mut Vec<Erasures>, extent: Extent) {
    if batches.last().is_none_or(|batch| batch.extents.len() >= BATCH) {
        batches.push(Erasures::default());
    }
    if let Some(batch) = batches.last_mut() {
        batch.take(extent);
    }
}

/// Judges whether database, keyring and ledger belong together in time. Finishes the last destruction if a crash came
/// between its line and itself, and remembers where the ledger stands.
pub async fn judge(
    store: &Store,
    vault: &Vault,
    ledger: &Ledger,
    now: jiff::Timestamp,
) -> Result<(), Quarantine> {
    let head = ledger.head();
    let mark = store.ledger_mark().await?;
    if mark.is_some_and(|mark| mark.is_restored) {
        return Err(Quarantine::Restored);
    }
    judge_keyring(vault, ledger)?;
    let seen = mark.map_or(0, |mark| mark.seq);
    if seen > head.position.seq {
        return Err(Quarantine::LedgerIsOlder("database"));
    }
    let (batches, known) = erasures(ledger, seen, 0)?;
    if known.map(|position| position.hash) != mark.filter(|_| seen > 0).map(|mark| mark.hash) {
        return Err(Quarantine::Forked);
    }
    let mut live = 0;
    for batch in &batches {
        for (tenant, conversations) in &batch.conversations {
            live += store.count_live(*tenant, conversations).await?;
        }
    }
    if live > 0 {
        return Err(Quarantine::Resurrected(live));
    }
    let (last, _) = erasures(ledger, 0, vault.epoch()?)?;
    for batch in &last {
        vault.destroy_again(&batch.extents, now)?;
    }
    let Position { seq, hash } = head.position;
    Ok(store.set_ledger_mark(&LedgerMark { seq, hash, is_restored: false }).await?)
}

/// The last line says how often keys had been destroyed, and may have destroyed some itself.
fn judge_keyring(vault: &Vault, ledger: &Ledger) -> Result<(), Quarantine> {
    let Some(last) = ledger.head().last else { return Err(Quarantine::LedgerIsOlder("keyring")) };
    let (epoch, erases) = (vault.epoch()?, matches!(last.act, Act::Erased(_)));
    if epoch < last.epoch {
        return Err(Quarantine::KeyringIsOlder);
    }
    if epoch > last.epoch.saturating_add(u64::from(erases)) {
        return Err(Quarantine::LedgerIsOlder("keyring"));
    }
    Ok(())
}

/// Erases again whatever the ledger names, keys first, then rows, and proves that nothing of it is left. May be cut short
/// anywhere and done again; nothing is served before it came to its end. `step` hears of each batch.
pub async fn replay(
    services: &Services,
    ledger: &Ledger,
    mut step: impl FnMut(u64),
) -> Result<Replay, Quarantine> {
    let (store, vault, now) = (&services.store, &services.vault, services.clock.now());
    let mark = store.ledger_mark().await?;
    let seen = mark.map_or(0, |mark| mark.seq);
    if seen > ledger.head().position.seq {
        return Err(Quarantine::LedgerIsOlder("database"));
    }
    // A keyring that is newer than the ledger has destroyed what the ledger cannot name.
    match judge_keyring(vault, ledger) {
        Ok(()) | Err(Quarantine::KeyringIsOlder) => {}
        Err(refusal) => return Err(refusal),
    }
    let known = erasures(ledger, seen, u64::MAX)?.1;
    if known.map(|position| position.hash) != mark.filter(|_| seen > 0).map(|mark| mark.hash) {
        return Err(Quarantine::Forked);
    }
    let (batches, _) = erasures(ledger, 0, 0)?;
    let mut done = Replay { erasures: 0, resurrected: 0, left: 0 };
    for batch in &batches {
        vault.destroy_again(&batch.extents, now)?;
        done.erase(store, batch).await?;
        let erased = u64::try_from(batch.extents.len()).unwrap_or(u64::MAX);
        step(erased);
    }
    if done.left > 0 {
        return Err(Quarantine::Residue(done.left));
    }
    ledger.append(&[Act::Replayed], vault.epoch()?, now)?;
    let Position { seq, hash } = ledger.head().position;
    let amount = i64::try_from(done.erasures).unwrap_or(i64::MAX);
    let deed = Deed { action: Action::LedgerReplayed, objects: Objects::None, amount };
    store.record_alone(&deed).await?;
    store.set_ledger_mark(&LedgerMark { seq, hash, is_restored: false }).await?;
    Ok(done)
}

/// Erases the rows that a ledger names from a database that has no keyring and is thrown away, to see whether it would work.
pub async fn replay_rows(store: &Store, ledger: &Path) -> Result<Replay, Quarantine> {
    let mut batches = Vec::new();
    survey::<LedgerError>(ledger, |entry, _| {
        if let Act::Erased(extent) = entry.act {
            put(&mut batches, extent);
        }
        Ok(())
    })?;
    let mut done = Replay { erasures: 0, resurrected: 0, left: 0 };
    for batch in &batches {
        done.erase(store, batch).await?;
    }
    Ok(done)
}

impl Replay {
    async fn erase(&mut self, store: &Store, batch: &Erasures) -> Result<(), StoreError> {
        for (tenant, conversations) in &batch.conversations {
            self.resurrected += store.count_rows(*tenant, conversations).await?;
            store.delete_again(*tenant, conversations).await?;
            self.left += store.count_rows(*tenant, conversations).await?;
        }
        for tenant in &batch.tenants {
            self.resurrected += empty(store, *tenant).await?;
        }
        self.erasures += u64::try_from(batch.extents.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Deletes all conversations of a tenant that was erased as a whole.
async fn empty(store: &Store, tenant: TenantId) -> Result<i64, StoreError> {
    let mut rows = 0;
    loop {
        let some = store.some_conversations(tenant, ROWS).await?;
        if some.is_empty() {
            return Ok(rows);
        }
        rows += store.count_rows(tenant, &some).await?;
        store.delete_again(tenant, &some).await?;
    }
}
