//! Which conversation keys this process holds right now.
//!
//! Everyone who holds the key of a conversation holds the same one, so that its seals are counted once and a
//! revocation reaches a conversation in the middle of an answer. The list does not keep a key alive, and it is no
//! cache: the keyring is asked every time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::vault::conversation_key::HeldKey;
use crate::vault::{Extent, Scope};

/// The keys held in this process.
#[derive(Default)]
pub(super) struct LiveKeys(Mutex<Held>);

#[derive(Default)]
struct Held {
    keys: HashMap<Scope, Weak<HeldKey>>,
    revocations: u64,
    sweep_at: usize,
}

impl LiveKeys {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often keys were taken away; read it before asking the keyring, and hand it to [`Self::share`].
    pub(super) fn revocations(&self) -> u64 {
        self.held().revocations
    }

    /// The held key of this conversation, if somebody has it.
    pub(super) fn find(&self, scope: Scope) -> Option<Arc<HeldKey>> {
        self.held().keys.get(&scope)?.upgrade()
    }

    /// Lists a key just loaded, or gives back the one listed meanwhile. Nothing if a key was taken away since
    /// `revocations` was read: what was loaded may be the one, so the keyring must be asked again.
    pub(super) fn share(
        &self,
        scope: Scope,
        revocations: u64,
        loaded: HeldKey,
    ) -> Option<Arc<HeldKey>> {
        let mut held = self.held();
        if held.revocations != revocations {
            return None;
        }
        if let Some(listed) = held.keys.get(&scope).and_then(Weak::upgrade) {
            return Some(listed);
        }
        let key = Arc::new(loaded);
        held.keys.insert(scope, Arc::downgrade(&key));
        held.sweep();
        Some(key)
    }

    /// Renews every key held for an epoch that nothing but what was just taken away from here has raised.
    pub(super) fn renew(&self, before: u64, after: u64) {
        for key in self.held().keys.values().filter_map(Weak::upgrade) {
            key.renew_lease_of(before, after);
        }
    }

    /// Takes the keys of an extent away from whoever holds them.
    pub(super) fn revoke(&self, extents: &[Extent]) {
        let mut held = self.held();
        held.revocations = held.revocations.wrapping_add(1);
        for extent in extents {
            match extent {
                Extent::Conversation(scope) => take_away(held.keys.remove(scope)),
                Extent::Tenant(tenant) => held.keys.retain(|scope, key| {
                    let stays = scope.tenant != *tenant;
                    if !stays {
                        take_away(Some(key.clone()));
                    }
                    stays
                }),
            }
        }
    }
}

impl Held {
    /// Forgets dropped keys whenever the list has doubled.
    fn sweep(&mut self) {
        if self.keys.len() > self.sweep_at {
            self.keys.retain(|_, key| key.strong_count() > 0);
            self.sweep_at = self.keys.len().saturating_mul(2).max(64);
        }
    }
}

fn take_away(key: Option<Weak<HeldKey>>) {
    if let Some(key) = key.and_then(|key| key.upgrade()) {
        key.revoke();
    }
}
