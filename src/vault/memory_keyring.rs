//! A keyring that forgets everything when it is dropped, for tests of what stands on the trait.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::keyring::{Wrapper, grant};
use crate::vault::{
    Extent, Identity, Keyring, MasterKey, Reservation, Scope, VaultError, WrappedKey, WrappedPair,
};

/// A keyring in memory.
pub struct MemoryKeyring {
    identity: Identity,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    tenants: HashMap<TenantId, WrappedKey>,
    conversations: HashMap<Scope, (WrappedKey, u32)>,
    erased_tenants: HashSet<TenantId>,
    erased_conversations: HashSet<Scope>,
    epoch: u64,
    clock_reading: Option<Timestamp>,
}

impl MemoryKeyring {
    /// An empty keyring for this master key.
    pub fn new(id: Uuid, master: &MasterKey) -> Result<Self, VaultError> {
        let identity = Identity { id, master_check: master.check()? };
        Ok(Self { identity, contents: Mutex::default() })
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
        Some(WrappedPair { tenant: tenant.clone(), conversation: conversation.clone() })
    }

    fn erase(&mut self, extent: Extent) -> bool {
        match extent {
            Extent::Conversation(scope) => {
                self.conversations.remove(&scope);
                self.erased_conversations.insert(scope)
            }
            Extent::Tenant(tenant) => {
                self.tenants.remove(&tenant);
                self.conversations.retain(|scope, _| scope.tenant != tenant);
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
        let contents = self.contents();
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
        let (_, used) = contents.conversations.get_mut(&scope).ok_or(VaultError::Missing)?;
        let granted = grant(*used, request)?;
        *used = used.saturating_add(granted);
        Ok(granted)
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
