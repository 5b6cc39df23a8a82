//! A keyring that forgets everything when it is dropped, for tests of what stands on the trait.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::keyring::{Renewer, Rewrapper, Wrapper, grant};
use crate::vault::{
    CensusLine, Cursor, Extent, Generation, Identity, Keyring, MasterKey, Reservation, Rewrapping,
    Scope, VaultError, WrappedKey, WrappedPair,
};

/// A keyring in memory.
pub struct MemoryKeyring {
    identity: Identity,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    masters: Vec<Generation>,
    signing_root: Option<WrappedKey>,
    tenants: HashMap<TenantId, WrappedKey>,
    former_tenants: HashMap<TenantId, WrappedKey>,
    conversations: HashMap<Scope, (WrappedKey, u32)>,
    earlier: HashMap<Scope, Vec<WrappedKey>>,
    erased_tenants: HashSet<TenantId>,
    erased_conversations: HashSet<Scope>,
    epoch: u64,
    clock_reading: Option<Timestamp>,
    times_loaded: u64,
}

impl MemoryKeyring {
    /// An empty keyring for this master key.
    pub fn new(id: Uuid, master: &MasterKey) -> Result<Self, VaultError> {
        let identity = Identity { id, master_check: master.check()? };
        let masters = vec![Generation { number: 1, check: identity.master_check }];
        Ok(Self { identity, contents: Mutex::new(Contents { masters, ..Contents::default() }) })
    }

    /// How often it was asked for a key.
    pub fn times_loaded(&self) -> u64 {
        self.contents().times_loaded
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn refuse_erased(&self, scope: Scope) -> Result<(), VaultError> {
        let erased = self.erased_tenants.contains(&scope.tenant)
            || self.erased_conversations.contains(&scope);
        if erased { Err(VaultError::Revoked) } else { Ok(()) }
    }

    fn pair(&self, scope: Scope) -> Option<WrappedPair> {
        let (conversation, _) = self.conversations.get(&scope)?;
        let tenant = self.tenants.get(&scope.tenant)?;
        Some(WrappedPair {
            tenant: tenant.clone(),
            former_tenant: self.former_tenants.get(&scope.tenant).cloned(),
            conversation: conversation.clone(),
            earlier: self.earlier.get(&scope).cloned().unwrap_or_default(),
        })
    }

    /// All conversation keys, whatever their version.
    fn versions(&self) -> impl Iterator<Item = (&Scope, &WrappedKey)> {
        let newest = self.conversations.iter().map(|(scope, (key, _))| (scope, key));
        let earlier = self.earlier.iter();
        newest.chain(earlier.flat_map(|(scope, keys)| keys.iter().map(move |key| (scope, key))))
    }

    fn erase(&mut self, extent: Extent) -> bool {
        match extent {
            Extent::Conversation(scope) => {
                self.conversations.remove(&scope);
                self.earlier.remove(&scope);
                self.erased_conversations.insert(scope)
            }
            Extent::Tenant(tenant) => {
                self.tenants.remove(&tenant);
                self.former_tenants.remove(&tenant);
                self.conversations.retain(|scope, _| scope.tenant != tenant);
                self.earlier.retain(|scope, _| scope.tenant != tenant);
                self.erased_tenants.insert(tenant)
            }
        }
    }
}

impl Keyring for MemoryKeyring {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn load(&self, scope: Scope) -> Result<WrappedPair, VaultError> {
        let mut contents = self.contents();
        contents.times_loaded += 1;
        contents.refuse_erased(scope)?;
        contents.pair(scope).ok_or(VaultError::Missing)
    }

    fn mint(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError> {
        let mut contents = self.contents();
        contents.refuse_erased(scope)?;
        if contents.pair(scope).is_some() {
            return Ok(0);
        }
        let granted = grant(0, first)?;
        let known = contents.tenants.get(&scope.tenant).cloned();
        let offer = wrapper(known.as_ref())?;
        let tenant = known.or(offer.tenant).ok_or(VaultError::Missing)?;
        contents.tenants.insert(scope.tenant, tenant);
        contents.conversations.insert(scope, (offer.conversation, granted));
        Ok(granted)
    }

    fn reserve(&self, scope: Scope, request: Reservation) -> Result<u32, VaultError> {
        let mut contents = self.contents();
        contents.refuse_erased(scope)?;
        let (newest, used) = contents.conversations.get_mut(&scope).ok_or(VaultError::Missing)?;
        if newest.version() != request.version {
            return Err(VaultError::Exhausted);
        }
        let granted = grant(*used, request)?;
        *used = used.saturating_add(granted);
        Ok(granted)
    }

    fn succeed(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError> {
        let mut contents = self.contents();
        contents.refuse_erased(scope)?;
        let pair = contents.pair(scope).ok_or(VaultError::Missing)?;
        if pair.conversation.version() >= first.version {
            return Ok(0);
        }
        let granted = grant(0, first)?;
        let offer = wrapper(Some(&pair.tenant))?;
        contents.earlier.entry(scope).or_default().push(pair.conversation);
        contents.conversations.insert(scope, (offer.conversation, granted));
        Ok(granted)
    }

    fn masters(&self) -> Result<Vec<Generation>, VaultError> {
        Ok(self.contents().masters.clone())
    }

    fn signing_root(&self) -> Result<Option<WrappedKey>, VaultError> {
        Ok(self.contents().signing_root.clone())
    }

    fn add_master(&self, next: Generation, signing_root: &WrappedKey) -> Result<(), VaultError> {
        let mut contents = self.contents();
        if contents.masters.iter().all(|known| known.number != next.number) {
            contents.masters.push(next);
            contents.signing_root = Some(signing_root.clone());
        }
        Ok(())
    }

    fn forget_master(&self, generation: u16) -> Result<(), VaultError> {
        let census = self.census()?;
        let line = census.iter().find(|line| line.generation == generation);
        if let Some(keys) = line.map(CensusLine::keys).filter(|keys| *keys > 0) {
            return Err(VaultError::MasterInUse { generation, keys });
        }
        self.contents().masters.retain(|known| known.number != generation);
        Ok(())
    }

    fn renew_tenants(&self, limit: usize, renewer: &mut Renewer<'_>) -> Result<u64, VaultError> {
        let contents = &mut *self.contents();
        let newest = contents.masters.last().map(|known| known.number).unwrap_or_default();
        let mut count = 0;
        let due = contents.tenants.iter_mut().filter(|(_, key)| key.generation() < newest);
        for (tenant, key) in due.take(limit) {
            let former = std::mem::replace(key, renewer(*tenant)?);
            contents.former_tenants.insert(*tenant, former);
            count += 1;
        }
        Ok(count)
    }

    /// All in one step, which is as good as many where nothing survives anyway.
    fn rewrap(
        &self,
        _after: Option<Cursor>,
        _limit: usize,
        rewrapper: &mut Rewrapper<'_>,
    ) -> Result<(u64, Option<Cursor>), VaultError> {
        let contents = &mut *self.contents();
        let mut done = 0;
        let newest = contents.conversations.iter_mut().map(|(scope, (key, _))| (scope, key));
        let earlier = contents.earlier.iter_mut();
        let earlier =
            earlier.flat_map(|(scope, keys)| keys.iter_mut().map(move |key| (scope, key)));
        for (scope, key) in newest.chain(earlier) {
            let tenant = contents.tenants.get(&scope.tenant).ok_or(VaultError::Missing)?;
            if key.generation() == tenant.generation() {
                continue;
            }
            let former = contents.former_tenants.get(&scope.tenant).ok_or(VaultError::Missing)?;
            let wanted =
                Rewrapping { scope: *scope, conversation: key, former_tenant: former, tenant };
            *key = rewrapper(wanted)?;
            done += 1;
        }
        Ok((done, None))
    }

    fn retire_tenants(&self) -> Result<u64, VaultError> {
        let contents = &mut *self.contents();
        let in_use: HashSet<(TenantId, u16)> =
            contents.versions().map(|(scope, key)| (scope.tenant, key.generation())).collect();
        let before = contents.former_tenants.len();
        contents.former_tenants.retain(|tenant, key| in_use.contains(&(*tenant, key.generation())));
        Ok((before - contents.former_tenants.len()) as u64)
    }

    fn census(&self) -> Result<Vec<CensusLine>, VaultError> {
        let contents = self.contents();
        let line = |known: &Generation| {
            let generation = known.number;
            let tenants = contents.tenants.values().chain(contents.former_tenants.values());
            let tenants = tenants.filter(|key| key.generation() == generation).count() as u64;
            let conversations =
                contents.versions().filter(|(_, key)| key.generation() == generation).count()
                    as u64;
            CensusLine { generation, tenants, conversations }
        };
        Ok(contents.masters.iter().map(line).collect())
    }

    fn revoke(&self, extents: &[Extent], _at: Timestamp) -> Result<(), VaultError> {
        let mut contents = self.contents();
        let mut any_new = false;
        for extent in extents {
            any_new |= contents.erase(*extent);
        }
        contents.epoch = contents.epoch.saturating_add(u64::from(any_new));
        Ok(())
    }

    fn epoch(&self) -> Result<u64, VaultError> {
        Ok(self.contents().epoch)
    }

    fn clock_reading(&self) -> Result<Option<Timestamp>, VaultError> {
        Ok(self.contents().clock_reading)
    }

    fn record_clock_reading(&self, at: Timestamp) -> Result<(), VaultError> {
        self.contents().clock_reading = Some(at);
        Ok(())
    }
}

impl fmt::Debug for MemoryKeyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemoryKeyring({})", self.identity.id)
    }
}
