//! The way from the master key to the key of a conversation, and the destruction of that key.
//!
//! Every key is random and wrapped by the one above it; none is computed from an identifier, because a key that
//! can be computed again was never destroyed. Destroying reaches the keyring first and then everyone in this
//! process who holds the key; afterwards no late writer can make a new one (policy §6.2, NIST SP 800-88 §2.6).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::custody::{Custody, SEALS_PER_KEY};
use crate::vault::{
    ConversationKey, Extent, Keyring, MasterKey, Scope, Signer, SigningKey, VaultError, Witness,
};

/// Gives out the keys of conversations. Clones share everything; calls may wait for the disk.
#[derive(Clone)]
pub struct Vault(pub(super) Arc<Custody>);

impl Vault {
    /// A vault over any keyring; `WrongKey` unless the keyring was made under this master key.
    pub fn with_keyring(keyring: Arc<dyn Keyring>, master: &MasterKey) -> Result<Self, VaultError> {
        Self::with_masters(keyring, &[master])
    }

    /// A vault over a keyring whose master key may be in rotation: `WrongKey` unless every master is given that a key
    /// still needs.
    pub fn with_masters(
        keyring: Arc<dyn Keyring>,
        masters: &[&MasterKey],
    ) -> Result<Self, VaultError> {
        Ok(Self(Arc::new(Custody::new(keyring, masters, SEALS_PER_KEY)?)))
    }

    /// With fewer seals per key.
    #[cfg(test)]
    pub(super) fn with_ceiling(
        keyring: Arc<dyn Keyring>,
        master: &MasterKey,
        ceiling: u32,
    ) -> Result<Self, VaultError> {
        Ok(Self(Arc::new(Custody::new(keyring, &[master], ceiling)?)))
    }

    /// The identifier the database remembers the keyring by.
    pub fn keyring_id(&self) -> Uuid {
        self.0.keyring.identity().id
    }

    /// The key of a conversation that is written to: the one in force, or a new one, ready to seal without waiting.
    /// `Revoked` if the conversation or its tenant was erased.
    pub fn mint(&self, scope: Scope) -> Result<ConversationKey, VaultError> {
        let held = match self.0.held(scope) {
            Err(VaultError::Missing) => self.0.mint(scope)?,
            found_or_refused => found_or_refused?,
        };
        held.prepare_to_seal()?;
        Ok(ConversationKey::of(held))
    }

    /// The key of a conversation that is only read; `Missing` if it never had one. It can seal too, after waiting
    /// once for the keyring.
    pub fn key(&self, scope: Scope) -> Result<ConversationKey, VaultError> {
        self.0.held(scope).map(ConversationKey::of)
    }

    /// Destroys the key of a conversation for good; does nothing the second time. Also closes a conversation that
    /// never had a key. Whoever holds the key in this process loses it at once.
    pub fn revoke(&self, scope: Scope, at: Timestamp) -> Result<(), VaultError> {
        self.revoke_all(&[Extent::Conversation(scope)], at)
    }

    /// Destroys the keys of a tenant and of all its conversations, and refuses it new ones.
    pub fn revoke_tenant(&self, tenant: TenantId, at: Timestamp) -> Result<(), VaultError> {
        self.revoke_all(&[Extent::Tenant(tenant)], at)
    }

    /// Destroys many keys with the cost of one: one write, one pass over the keyring file, one step of the epoch.
    pub fn revoke_all(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError> {
        self.0.revoke(extents, at)
    }

    /// From now on every destruction is shown to `witness` before it happens. The first one stays.
    pub fn attend(&self, witness: Arc<dyn Witness>) {
        if self.0.witness.set(witness).is_err() {
            tracing::error!("a second witness of the vault was turned away");
        }
    }

    /// Destroys once more what a witness has on record: after a restore, or where a crash came between. Shown to nobody.
    pub fn destroy_again(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError> {
        self.0.destroy_again(extents, at)
    }

    /// How often keys were destroyed. A holder that sees it rise asks for its key again.
    pub fn epoch(&self) -> Result<u64, VaultError> {
        self.0.keyring.epoch()
    }

    /// The signer of a label. Tags stay valid over rotations of the master key.
    pub fn signer(&self, label: &'static str) -> Signer {
        Signer::new(&self.0.signing_root, label)
    }

    /// The key pair with which things of one purpose are signed for others to verify. Stays the same for good.
    pub fn signing_key(&self, purpose: &'static str) -> Result<SigningKey, VaultError> {
        SigningKey::new(&self.0.signing_root, purpose)
    }

    /// The clock reading recorded last, for the clock guard; kept here because the guard must not trust the database
    /// it guards. An unreadable one is an error, never a silent reset.
    pub fn last_clock_reading(&self) -> Result<Option<Timestamp>, VaultError> {
        self.0.keyring.clock_reading()
    }

    /// Records a clock reading, earlier or later than the one before: judging it is the guard's affair.
    pub fn record_clock_reading(&self, at: Timestamp) -> Result<(), VaultError> {
        self.0.keyring.record_clock_reading(at)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vault({:?})", self.0.keyring)
    }
}
