//! What the vault needs from whatever keeps its wrapped keys.
//!
//! A keyring stores and destroys; it never sees a key in clear and decides nothing about cryptography. It must not
//! share a backup with the database of the conversations: a wrapped key beside its data survives every erasure in
//! that backup. One node uses [`RedbKeyring`](crate::vault::RedbKeyring); many nodes need another store behind the
//! same trait.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::{KeyCheck, Scope, VaultError, WrappedKey};

/// Which keyring it is, and under which master key it was made.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The identifier the database remembers.
    pub id: Uuid,
    /// The check value of the master key.
    pub master_check: KeyCheck,
}

/// Both wrapped keys on the way from the master to a conversation.
#[derive(Debug, Clone)]
pub struct WrappedPair {
    /// The tenant's content key, wrapped by the master.
    pub tenant: WrappedKey,
    /// The conversation's key, wrapped by the tenant's.
    pub conversation: WrappedKey,
}

/// New keys to be kept.
#[derive(Debug)]
pub struct Offer {
    /// The tenant's content key, if the keyring had none.
    pub tenant: Option<WrappedKey>,
    /// The conversation's key.
    pub conversation: WrappedKey,
}

/// A request for permission to seal.
#[derive(Debug, Clone, Copy)]
pub struct Reservation {
    /// How many seals to set aside.
    pub wanted: u32,
    /// How many seals the key may make in its whole life.
    pub ceiling: u32,
}

/// What is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// One conversation.
    Conversation(Scope),
    /// A tenant with every conversation it has or could still get.
    Tenant(TenantId),
}

/// Makes the wrapped keys of a new conversation, given the tenant's wrapped key if there is one.
pub type Wrapper<'caller> = dyn FnMut(Option<&WrappedKey>) -> Result<Offer, VaultError> + 'caller;

/// A store of wrapped keys. Calls may block; what they changed is on disk when they return.
pub trait Keyring: Send + Sync + fmt::Debug {
    /// Which keyring it is.
    fn identity(&self) -> Identity;

    /// The keys of a conversation; `Revoked` before `Missing`.
    fn load(&self, scope: Scope) -> Result<WrappedPair, VaultError>;

    /// Keeps the keys that `wrapper` makes, unless there are keys already, as one atomic step with the `first`
    /// seals set aside; gives back how many were, none if the keys existed. `Revoked` if a tombstone covers the
    /// conversation or its tenant.
    fn mint(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError>;

    /// Sets seals aside, at least one, at most what is wanted; `Exhausted` at the ceiling.
    fn reserve(&self, scope: Scope, request: Reservation) -> Result<u32, VaultError>;

    /// Destroys the keys of every extent, leaves tombstones, and raises the epoch by one if any of them is new.
    /// The bytes of the destroyed keys are gone from the store's own files when this returns.
    fn revoke(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError>;

    /// How often keys were destroyed; only ever rises.
    fn epoch(&self) -> Result<u64, VaultError>;

    /// The last clock reading recorded; an unreadable one is an error, never nothing.
    fn clock_reading(&self) -> Result<Option<Timestamp>, VaultError>;

    /// Records a clock reading.
    fn record_clock_reading(&self, at: Timestamp) -> Result<(), VaultError>;
}

/// How many seals to grant when `used` of the ceiling are gone.
pub(super) fn grant(used: u32, request: Reservation) -> Result<u32, VaultError> {
    match request.wanted.min(request.ceiling.saturating_sub(used)) {
        0 => Err(VaultError::Exhausted),
        granted => Ok(granted),
    }
}
