//! What stands behind every key that is given out: the keyring, the master keys at hand, and the list of keys in use.
//!
//! During a rotation two masters are at hand. Which one opens a record is written on the record; none is tried out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use crate::vault::cipher::{Cipher, KeyBytes, fresh_key};
use crate::vault::conversation_key::{HeldKey, Versions};
use crate::vault::live_keys::LiveKeys;
use crate::vault::wrapping::{FIRST_GENERATION, Label, Purpose};
use crate::vault::{
    Extent, Keyring, MasterKey, Offer, Reservation, Scope, VaultError, Witness, WrappedKey,
    WrappedPair,
};

/// How often one key may seal: 2^20 times, so that two random nonces meet with a probability below 2^-57.
pub(super) const SEALS_PER_KEY: u32 = 1 << 20;
/// Seals set aside in the same write that makes a key.
pub(super) const FIRST_SEALS: u32 = 64;
/// Seals set aside at a time once the first block is used up.
const BLOCK_OF_SEALS: u32 = 1024;

/// The master keys at hand, ready to wrap.
pub(super) struct Masters {
    pub(super) in_force: u16,
    pub(super) ciphers: BTreeMap<u16, Cipher>,
}

impl Masters {
    /// Those of `keys` that the keyring knows. `WrongKey` unless the one in force is among them, and every other one
    /// under which a key still is.
    pub(super) fn of(keyring: &dyn Keyring, keys: &[&MasterKey]) -> Result<Self, VaultError> {
        let mut masters = Self { in_force: 0, ciphers: BTreeMap::new() };
        let known = keyring.masters()?;
        masters.in_force = known.iter().map(|one| one.number).max().ok_or(VaultError::WrongKey)?;
        for generation in known {
            match generation.find(keys)? {
                Some(key) => {
                    masters.ciphers.insert(generation.number, key.wrapping_cipher()?);
                }
                None if generation.number == masters.in_force => return Err(VaultError::WrongKey),
                None => {
                    let is_needed = |line: &crate::vault::CensusLine| {
                        line.generation == generation.number && line.keys() > 0
                    };
                    if keyring.census()?.iter().any(is_needed) {
                        return Err(VaultError::WrongKey);
                    }
                }
            }
        }
        Ok(masters)
    }

    pub(super) fn cipher(&self, generation: u16) -> Result<&Cipher, VaultError> {
        self.ciphers.get(&generation).ok_or(VaultError::WrongKey)
    }
}

/// The root of all signers: kept in the keyring since the first rotation, and derived from the first master before.
pub(super) fn signing_root(
    keyring: &dyn Keyring,
    masters: &Masters,
    keys: &[&MasterKey],
) -> Result<KeyBytes, VaultError> {
    if let Some(kept) = keyring.signing_root()? {
        return kept.unwrap(masters.cipher(kept.generation())?, Purpose::SigningRoot);
    }
    let first = keyring.masters()?.into_iter().find(|one| one.number == FIRST_GENERATION);
    let key = first.map(|one| one.find(keys)).transpose()?.flatten();
    key.ok_or(VaultError::WrongKey)?.signing_root()
}

/// What all clones of a vault share.
pub(super) struct Custody {
    pub(super) keyring: Arc<dyn Keyring>,
    pub(super) masters: RwLock<Arc<Masters>>,
    pub(super) signing_root: KeyBytes,
    live_keys: LiveKeys,
    revoking: Mutex<()>,
    pub(super) witness: OnceLock<Arc<dyn Witness>>,
    ceiling: u32,
}

impl Custody {
    /// Over a keyring, with the master keys it knows.
    pub(super) fn new(
        keyring: Arc<dyn Keyring>,
        keys: &[&MasterKey],
        ceiling: u32,
    ) -> Result<Self, VaultError> {
        let masters = Masters::of(&*keyring, keys)?;
        let signing_root = signing_root(&*keyring, &masters, keys)?;
        Ok(Self {
            keyring,
            masters: RwLock::new(Arc::new(masters)),
            signing_root,
            live_keys: LiveKeys::default(),
            revoking: Mutex::new(()),
            witness: OnceLock::new(),
            ceiling: ceiling.min(SEALS_PER_KEY),
        })
    }

    pub(super) fn masters(&self) -> Arc<Masters> {
        Arc::clone(&self.masters.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn epoch(&self) -> Result<u64, VaultError> {
        self.keyring.epoch()
    }

    /// The wrapped keys of a conversation. A key that the keyring has lost is taken from its holders at once.
    pub(super) fn look_up(&self, scope: Scope) -> Result<WrappedPair, VaultError> {
        let found = self.keyring.load(scope);
        if matches!(found, Err(VaultError::Revoked)) {
            self.live_keys.revoke(&[Extent::Conversation(scope)]);
        }
        found
    }

    /// Destroys keys and takes them from whoever holds them. The holders of all others need not ask the keyring, as long
    /// as nobody else destroyed anything meanwhile: a purge would send every conversation there.
    pub(super) fn revoke(&self, extents: &[Extent], at: jiff::Timestamp) -> Result<(), VaultError> {
        let _one_at_a_time = self.revoking.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.epoch()?;
        if let Some(witness) = self.witness.get() {
            witness.about_to_destroy(extents, before, at)?;
        }
        self.destroy(extents, before, at)
    }

    /// Destroys once more what is on record already.
    pub(super) fn destroy_again(
        &self,
        extents: &[Extent],
        at: jiff::Timestamp,
    ) -> Result<(), VaultError> {
        let _one_at_a_time = self.revoking.lock().unwrap_or_else(PoisonError::into_inner);
        self.destroy(extents, self.epoch()?, at)
    }

    fn destroy(
        &self,
        extents: &[Extent],
        before: u64,
        at: jiff::Timestamp,
    ) -> Result<(), VaultError> {
        let outcome = self.keyring.revoke(extents, at);
        self.live_keys.revoke(extents);
        outcome?;
        let after = self.epoch()?;
        if after == before.saturating_add(1) {
            self.live_keys.renew(before, after);
        }
        Ok(())
    }

    /// The key in force, shared with whoever already holds it.
    pub(super) fn held(self: &Arc<Self>, scope: Scope) -> Result<Arc<HeldKey>, VaultError> {
        loop {
            let revocations = self.live_keys.revocations();
            let epoch = self.epoch()?;
            let pair = self.look_up(scope)?;
            if let Some(held) = self.live_keys.find(scope) {
                if !held.is_of(&pair.conversation) {
                    held.adopt(self.unwrap(scope, &pair)?);
                }
                held.renew_lease(epoch);
                return Ok(held);
            }
            let versions = self.unwrap(scope, &pair)?;
            let loaded = HeldKey::new(scope, Arc::clone(self), versions, epoch);
            if let Some(held) = self.live_keys.share(scope, revocations, loaded) {
                return Ok(held);
            }
        }
    }

    /// Makes the first key of a conversation, unless there is one.
    pub(super) fn mint(self: &Arc<Self>, scope: Scope) -> Result<Arc<HeldKey>, VaultError> {
        let first = self.reservation(1, FIRST_SEALS);
        let granted =
            self.keyring.mint(scope, first, &mut |tenant| self.offer(scope, tenant, 1))?;
        let held = self.held(scope)?;
        held.versions().grant(granted);
        Ok(held)
    }

    /// More seals for one version of a key.
    pub(super) fn reserve(&self, scope: Scope, version: u16) -> Result<u32, VaultError> {
        self.keyring.reserve(scope, self.reservation(version, BLOCK_OF_SEALS))
    }

    /// The versions of a key after the one that is used up, which somebody else may have succeeded already.
    pub(super) fn succeed(&self, scope: Scope, used_up: u16) -> Result<Versions, VaultError> {
        let version = used_up.checked_add(1).ok_or(VaultError::Exhausted)?;
        let first = self.reservation(version, FIRST_SEALS);
        let granted =
            self.keyring.succeed(scope, first, &mut |tenant| self.offer(scope, tenant, version))?;
        let versions = self.reload(scope)?;
        if versions.newest == version {
            versions.grant(granted);
        }
        Ok(versions)
    }

    /// The versions of a key as the keyring has them now.
    pub(super) fn reload(&self, scope: Scope) -> Result<Versions, VaultError> {
        self.unwrap(scope, &self.look_up(scope)?)
    }

    const fn reservation(&self, version: u16, wanted: u32) -> Reservation {
        Reservation { version, wanted, ceiling: self.ceiling }
    }

    fn unwrap(&self, scope: Scope, pair: &WrappedPair) -> Result<Versions, VaultError> {
        let tenants = self.tenant_ciphers(scope, pair)?;
        let open = |record: &WrappedKey| {
            let above = tenants.get(&record.generation()).ok_or(VaultError::WrongKey)?;
            record.unwrap(above, Purpose::Conversation(scope)).map(|key| Cipher::new(&key))
        };
        let earlier = pair.earlier.iter().map(|record| Ok((record.version(), open(record)?)));
        let earlier = earlier.collect::<Result<_, VaultError>>()?;
        Ok(Versions::new(&pair.conversation, open(&pair.conversation)?, earlier))
    }

    /// The tenant's content keys that wrap the versions of one conversation's key; the former one only where needed.
    fn tenant_ciphers(
        &self,
        scope: Scope,
        pair: &WrappedPair,
    ) -> Result<BTreeMap<u16, Cipher>, VaultError> {
        let masters = self.masters();
        let mut ciphers = BTreeMap::new();
        for record in std::iter::once(&pair.tenant).chain(&pair.former_tenant) {
            let is_needed = std::iter::once(&pair.conversation)
                .chain(&pair.earlier)
                .any(|version| version.generation() == record.generation());
            if is_needed {
                let master = masters.cipher(record.generation())?;
                let key = record.unwrap(master, Purpose::Tenant(scope.tenant))?;
                ciphers.insert(record.generation(), Cipher::new(&key));
            }
        }
        Ok(ciphers)
    }

    /// A new wrapped key for a conversation, below the tenant's key or a new one for the tenant.
    fn offer(
        &self,
        scope: Scope,
        tenant: Option<&WrappedKey>,
        version: u16,
    ) -> Result<Offer, VaultError> {
        let purpose = Purpose::Tenant(scope.tenant);
        let masters = self.masters();
        let (content_key, generation, new_tenant) = if let Some(wrapped) = tenant {
            let above = masters.cipher(wrapped.generation())?;
            (wrapped.unwrap(above, purpose)?, wrapped.generation(), None)
        } else {
            let label = Label::of_generation(masters.in_force);
            let made = fresh_key()?;
            let above = masters.cipher(masters.in_force)?;
            let wrapped = WrappedKey::wrap(above, purpose, &made, label)?;
            (made, masters.in_force, Some(wrapped))
        };
        let conversation = WrappedKey::wrap(
            &Cipher::new(&content_key),
            Purpose::Conversation(scope),
            &fresh_key()?,
            Label { version, generation },
        )?;
        Ok(Offer { tenant: new_tenant, conversation })
    }
}
