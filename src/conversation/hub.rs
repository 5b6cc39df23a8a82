//! The conversations that live on this node, by address.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix::Addr;

use super::actor::{Command, ConversationActor};
use crate::id::{ConversationId, TenantId, VisitorId};

type Key = (TenantId, ConversationId);

/// The register of live conversations.
#[derive(Debug, Default)]
pub struct Hub {
    live: Mutex<HashMap<Key, Live>>,
}

#[derive(Debug)]
struct Live {
    visitor: VisitorId,
    epoch: i64,
    address: Addr<ConversationActor>,
}

impl Hub {
    /// A visitor's own live conversation. Somebody else's is not found, like one that does not exist.
    pub fn find(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        visitor: VisitorId,
    ) -> Option<Addr<ConversationActor>> {
        self.live()
            .get(&(tenant, conversation))
            .filter(|live| live.visitor == visitor && live.address.connected())
            .map(|live| live.address.clone())
    }

    /// Registers the holder of a lease. Of two holders the one with the newer lease stays; the other is told that it was
    /// superseded.
    pub fn register(
        &self,
        key: (TenantId, ConversationId),
        visitor: VisitorId,
        epoch: i64,
        address: &Addr<ConversationActor>,
    ) {
        let mut live = self.live();
        let rival = live.get(&key).filter(|rival| rival.address != *address);
        let (is_outdated, loser) = match rival {
            Some(rival) if rival.epoch > epoch => (true, Some(address.clone())),
            Some(rival) => (false, Some(rival.address.clone())),
            None => (false, None),
        };
        if !is_outdated {
            live.insert(key, Live { visitor, epoch, address: address.clone() });
        }
        drop(live);
        if let Some(loser) = loser {
            loser.do_send(Command::Supersede);
        }
    }

    /// Removes a conversation that stopped, unless another has taken its place.
    pub fn remove(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        address: &Addr<ConversationActor>,
    ) {
        let mut live = self.live();
        if live.get(&(tenant, conversation)).is_some_and(|entry| entry.address == *address) {
            live.remove(&(tenant, conversation));
        }
    }

    /// Tells one conversation something, if it lives here.
    pub fn tell(&self, tenant: TenantId, conversation: ConversationId, command: Command) {
        let address = self.live().get(&(tenant, conversation)).map(|live| live.address.clone());
        if let Some(address) = address {
            address.do_send(command);
        }
    }

    /// Tells all conversations of one visitor something.
    pub fn tell_visitor(&self, tenant: TenantId, visitor: VisitorId, command: Command) {
        let theirs: Vec<_> = self
            .live()
            .iter()
            .filter(|((of, _), live)| *of == tenant && live.visitor == visitor)
            .map(|(_, live)| live.address.clone())
            .collect();
        for address in theirs {
            address.do_send(command);
        }
    }

    /// Tells every conversation something.
    pub fn tell_all(&self, command: Command) {
        let everyone: Vec<_> = self.live().values().map(|live| live.address.clone()).collect();
        for address in everyone {
            address.do_send(command);
        }
    }

    /// How many live here.
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// Whether none lives here.
    pub fn is_empty(&self) -> bool {
        self.live().is_empty()
    }

    /// Forgets those whose actor has ended without saying so.
    pub fn sweep(&self) {
        self.live().retain(|_, live| live.address.connected());
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Key, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
