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
use crate::vault::cipher::{Cipher, KeyBytes, fresh_key};
use crate::vault::conversation_key::HeldKey;
use crate::vault::live_keys::LiveKeys;
use crate::vault::wrapping::Purpose;
use crate::vault::{
    ConversationKey, Extent, Keyring, MasterKey, Offer, Reservation, Scope, Signer, VaultError,
    WrappedKey, WrappedPair,
};

/// How often one key may seal: 2^20 times, so that two random nonces meet with a probability below 2^-57.
const SEALS_PER_KEY: u32 = 1 << 20;
/// Seals set aside in the same write that makes a key.
const FIRST_SEALS: u32 = 64;

/// Gives out the keys of conversations. Clones share everything; calls may wait for the disk.
#[derive(Clone)]
pub struct Vault(Arc<Custody>);

struct Custody {
    keyring: Arc<dyn Keyring>,
    wrapping: Cipher,
    signing_root: KeyBytes,
    live_keys: LiveKeys,
    ceiling: u32,
}

impl Vault {
    /// A vault over any keyring; `WrongKey` unless the keyring was made under this master key.
    pub fn with_keyring(keyring: Arc<dyn Keyring>, master: &MasterKey) -> Result<Self, VaultError> {
        Self::with_ceiling(keyring, master, SEALS_PER_KEY)
    }

    /// The same with fewer seals per key.
    pub(super) fn with_ceiling(
        keyring: Arc<dyn Keyring>,
        master: &MasterKey,
        ceiling: u32,
    ) -> Result<Self, VaultError> {
        keyring.identity().master_check.agree(&master.check()?)?;
        Ok(Self(Arc::new(Custody {
            keyring,
            wrapping: master.wrapping_cipher()?,
            signing_root: master.signing_root()?,
            live_keys: LiveKeys::default(),
            ceiling: ceiling.min(SEALS_PER_KEY),
        })))
    }

    /// The identifier the database remembers the keyring by.
    pub fn keyring_id(&self) -> Uuid {
        self.0.keyring.identity().id
    }

    /// The key of a conversation that is written to: the one in force, or a new one, ready to seal without waiting.
    /// `Revoked` if the conversation or its tenant was erased; `Exhausted` if the key may not seal any more.
    pub fn mint(&self, scope: Scope) -> Result<ConversationKey, VaultError> {
        let custody = &*self.0;
        let held = match custody.held(scope) {
            Err(VaultError::Missing) => {
                let first = Reservation { wanted: FIRST_SEALS, ceiling: custody.ceiling };
                let granted = custody
                    .keyring
                    .mint(scope, first, &mut |tenant| custody.offer(scope, tenant))?;
                let held = custody.held(scope)?;
                held.grant(granted);
                held
            }
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
        let outcome = self.0.keyring.revoke(extents, at);
        self.0.live_keys.revoke(extents);
        outcome
    }

    /// How often keys were destroyed. A holder that sees it rise asks for its key again.
    pub fn epoch(&self) -> Result<u64, VaultError> {
        self.0.keyring.epoch()
    }

    /// The signer of a label. Tags stay valid for as long as the master key does.
    pub fn signer(&self, label: &'static str) -> Signer {
        Signer::new(&self.0.signing_root, label)
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

impl Custody {
    /// The key in force, shared with whoever already holds it.
    fn held(&self, scope: Scope) -> Result<Arc<HeldKey>, VaultError> {
        loop {
            let revocations = self.live_keys.revocations();
            let pair = match self.keyring.load(scope) {
                Err(VaultError::Revoked) => {
                    self.live_keys.revoke(&[Extent::Conversation(scope)]);
                    return Err(VaultError::Revoked);
                }
                found_or_refused => found_or_refused?,
            };
            if let Some(held) = self.live_keys.find(scope, &pair.conversation) {
                return Ok(held);
            }
            let loaded = self.unwrap(scope, &pair)?;
            if let Some(held) = self.live_keys.share(scope, &pair.conversation, revocations, loaded)
            {
                return Ok(held);
            }
        }
    }

    fn unwrap(&self, scope: Scope, pair: &WrappedPair) -> Result<HeldKey, VaultError> {
        let tenant = pair.tenant.unwrap(&self.wrapping, Purpose::Tenant(scope.tenant))?;
        let key = pair.conversation.unwrap(&Cipher::new(&tenant), Purpose::Conversation(scope))?;
        Ok(HeldKey::new(scope, &pair.conversation, &key, self.ceiling, Arc::clone(&self.keyring)))
    }

    /// New wrapped keys for a conversation, below the tenant's key or a new one for the tenant.
    fn offer(&self, scope: Scope, tenant: Option<&WrappedKey>) -> Result<Offer, VaultError> {
        let purpose = Purpose::Tenant(scope.tenant);
        let (content_key, new_tenant) = if let Some(wrapped) = tenant {
            (wrapped.unwrap(&self.wrapping, purpose)?, None)
        } else {
            let made = fresh_key()?;
            let wrapped = WrappedKey::wrap(&self.wrapping, purpose, &made)?;
            (made, Some(wrapped))
        };
        let above = Cipher::new(&content_key);
        let conversation = WrappedKey::wrap(&above, Purpose::Conversation(scope), &fresh_key()?)?;
        Ok(Offer { tenant: new_tenant, conversation })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vault({:?})", self.0.keyring)
    }
}
