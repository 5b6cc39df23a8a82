//! The audit log as a whole: verified from its first line, signed where it ends, shortened under a signature from outside.

use super::Services;
use super::checkpoint::{NoteError, PURPOSE, Verifier};
use crate::privacy::audit_log::{Chain, Tamper};
use crate::store::audit::DropError;
use crate::store::{Store, StoreError};
use crate::vault::{SigningKey, VaultError};

/// Lines read at a time.
const PAGE: i32 = 2_000;

/// Why the log could not be vouched for.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Somebody changed it.
    #[error(transparent)]
    Tampered(#[from] Tamper),
    /// A text is no checkpoint of it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A part could not be dropped.
    #[error(transparent)]
    Drop(#[from] DropError),
    /// The database.
    #[error("the audit log could not be reached")]
    Store(#[from] StoreError),
    /// The keys.
    #[error("the audit log could not be signed")]
    Vault(#[from] VaultError),
}

/// Verifies every line that is there, that none is missing up to the end the log claims, and that what was signed once
/// is still its beginning. Gives back where it ends. `told` hears how many lines were verified.
pub async fn verify(
    store: &Store,
    signed: &[Chain],
    told: impl FnMut(u64),
) -> Result<Chain, AuditError> {
    let mut chain = Chain::genesis();
    for epoch in store.audit_epochs().await? {
        if epoch.first_seq != chain.seq.saturating_add(1) {
            return Err(Tamper::Missing(chain.seq.saturating_add(1)).into());
        }
        chain = epoch.end;
        check_signed(signed, &chain)?;
    }
    let end = follow(store, chain, signed, told).await?;
    match signed.iter().find(|signed| signed.seq > end.seq) {
        Some(later) => {
            let (found, signed) = (end.seq, later.seq);
            Err(Tamper::ShorterThanSigned { found, signed }.into())
        }
        None => Ok(end),
    }
}

/// Verifies the lines behind `chain`, up to the end that the log claims.
async fn follow(
    store: &Store,
    mut chain: Chain,
    signed: &[Chain],
    mut told: impl FnMut(u64),
) -> Result<Chain, AuditError> {
    loop {
        let entries = store.audit_page(chain.seq, PAGE).await?;
        for entry in &entries {
            chain.follow(entry)?;
            check_signed(signed, &chain)?;
        }
        told(chain.seq.unsigned_abs());
        if !entries.is_empty() {
            continue;
        }
        let head = store.audit_head().await?;
        if head == chain {
            return Ok(chain);
        }
        if head.seq <= chain.seq {
            return Err(Tamper::FalseEnd(chain.seq).into());
        }
        // Appended between the two looks, or gone.
        if store.audit_page(chain.seq, 1).await?.is_empty() {
            return Err(Tamper::CutOff { found: chain.seq, head: head.seq }.into());
        }
    }
}

fn check_signed(signed: &[Chain], chain: &Chain) -> Result<(), Tamper> {
    let differs = signed.iter().any(|end| end.seq == chain.seq && end.hash != chain.hash);
    if differs { Err(Tamper::Rewritten(chain.seq)) } else { Ok(()) }
}

impl Services {
    fn checkpoint_key(&self) -> Result<SigningKey, VaultError> {
        self.vault.signing_key(PURPOSE)
    }

    /// Who signs this installation's checkpoints, for others to verify with.
    pub fn checkpoint_verifier(&self) -> Result<Verifier, VaultError> {
        Ok(Verifier::new(self.vault.keyring_id(), self.checkpoint_key()?.public_key()))
    }

    /// Signs where the log ends, unless that was signed before, and keeps the note. A log that fails its own
    /// verification since the last checkpoint is not signed.
    pub async fn checkpoint(&self) -> Result<String, AuditError> {
        let (key, verifier) = (self.checkpoint_key()?, self.checkpoint_verifier()?);
        let newest = self.store.newest_checkpoint().await?;
        let last = newest.as_deref().map(|note| verifier.open(note)).transpose()?;
        let end = match last {
            Some(chain) => follow(&self.store, chain, &[], |_| {}).await?,
            None => verify(&self.store, &[], |_| {}).await?,
        };
        if let Some(note) = newest.filter(|_| last == Some(end)) {
            return Ok(note);
        }
        let note = verifier.sign(&key, &end);
        self.store.keep_checkpoint(end.seq, &note, false).await?;
        Ok(note)
    }

    /// Drops the parts of the log up to a month under a checkpoint that was kept outside: its signature is verified,
    /// and the whole log against it, before anything goes.
    pub async fn drop_audit(
        &self,
        through: jiff::civil::Date,
        note: &str,
    ) -> Result<i64, AuditError> {
        let end = self.checkpoint_verifier()?.open(note)?;
        verify(&self.store, &[end], |_| {}).await?;
        self.store.keep_checkpoint(end.seq, note, true).await?;
        Ok(self.store.drop_audit_parts(through).await?)
    }
}
