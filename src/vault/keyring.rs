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
use crate::vault::{KeyCheck, MasterKey, Scope, VaultError, WrappedKey};

/// Which keyring it is, and under which master key it was made.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The identifier the database remembers.
    pub id: Uuid,
    /// The check value of the master key.
    pub master_check: KeyCheck,
}

/// All wrapped keys on the way from the master to a conversation.
#[derive(Debug, Clone)]
pub struct WrappedPair {
    /// The tenant's content key, wrapped by the master.
    pub tenant: WrappedKey,
    /// The content key before it, while conversation keys may still be under it.
    pub former_tenant: Option<WrappedKey>,
    /// The conversation's key that seals, wrapped by the tenant's.
    pub conversation: WrappedKey,
    /// Its earlier versions, which only open.
    pub earlier: Vec<WrappedKey>,
}

/// A master key as the keyring knows it: by number and check value.
#[derive(Debug, Clone, Copy)]
pub struct Generation {
    /// 1 for the first.
    pub number: u16,
    /// Tells it from any other.
    pub check: KeyCheck,
}

impl Generation {
    /// The master key of this generation, if it is among `keys`.
    pub(super) fn find<'keys>(
        &self,
        keys: &[&'keys MasterKey],
    ) -> Result<Option<&'keys MasterKey>, VaultError> {
        for key in keys {
            if self.check.agree(&key.check()?).is_ok() {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

/// How many keys need one master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CensusLine {
    /// The generation of the master.
    pub generation: u16,
    /// Content keys of tenants under it.
    pub tenants: u64,
    /// Conversation keys, all versions, under those.
    pub conversations: u64,
}

impl CensusLine {
    /// All keys that would be lost with the master.
    pub const fn keys(&self) -> u64 {
        self.tenants.saturating_add(self.conversations)
    }
}

/// One version of one conversation's key, as a place to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Whether it is among the earlier versions, which come last.
    pub is_earlier: bool,
    /// Whose.
    pub scope: Scope,
    /// Which.
    pub version: u16,
}

/// A conversation key to be wrapped by the tenant's content key in force.
#[derive(Debug, Clone, Copy)]
pub struct Rewrapping<'keyring> {
    /// Whose.
    pub scope: Scope,
    /// As it is wrapped now.
    pub conversation: &'keyring WrappedKey,
    /// The content key that wraps it now.
    pub former_tenant: &'keyring WrappedKey,
    /// The content key in force.
    pub tenant: &'keyring WrappedKey,
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
    /// Of which version of the key.
    pub version: u16,
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

/// Makes the next content key of a tenant.
pub type Renewer<'caller> = dyn FnMut(TenantId) -> Result<WrappedKey, VaultError> + 'caller;

/// Wraps a conversation key anew.
pub type Rewrapper<'caller> = dyn FnMut(Rewrapping<'_>) -> Result<WrappedKey, VaultError> + 'caller;

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

    /// Sets seals aside, at least one, at most what is wanted; `Exhausted` at the ceiling or for a version that was
    /// succeeded.
    fn reserve(&self, scope: Scope, request: Reservation) -> Result<u32, VaultError>;

    /// Destroys the keys of every extent, leaves tombstones, and raises the epoch by one if any of them is new.
    /// The bytes of the destroyed keys are gone from the store's own files when this returns.
    fn revoke(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError>;

    /// Keeps the next version that `wrapper` makes of a conversation's key, with the `first` seals set aside; gives
    /// back how many were, none if `first.version` is there already. The versions before go on to open.
    fn succeed(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError>;

    /// The master keys it knows, oldest first: one, or two from a rotation until the older one is destroyed.
    fn masters(&self) -> Result<Vec<Generation>, VaultError>;

    /// The root of all signers, if it does not simply come from the first master.
    fn signing_root(&self) -> Result<Option<WrappedKey>, VaultError>;

    /// Knows one more master, and keeps the root of all signers under it, in one step. Does nothing the second time.
    fn add_master(&self, next: Generation, signing_root: &WrappedKey) -> Result<(), VaultError>;

    /// Forgets a master; `MasterInUse` while a key is under it.
    fn forget_master(&self, generation: u16) -> Result<(), VaultError>;

    /// Gives up to `limit` tenants a content key under the newest master and keeps the one before; says how many.
    fn renew_tenants(&self, limit: usize, renewer: &mut Renewer<'_>) -> Result<u64, VaultError>;

    /// Wraps the conversation keys of the next `limit` records anew where they are not under the tenant's content key
    /// in force. Gives back how many were, and where to go on; nothing when all were looked at.
    fn rewrap(
        &self,
        after: Option<Cursor>,
        limit: usize,
        rewrapper: &mut Rewrapper<'_>,
    ) -> Result<(u64, Option<Cursor>), VaultError>;

    /// Destroys every former content key that wraps nothing any more, as thoroughly as [`revoke`](Self::revoke).
    fn retire_tenants(&self) -> Result<u64, VaultError>;

    /// What needs which master, one line for each master known.
    fn census(&self) -> Result<Vec<CensusLine>, VaultError>;

    /// How often keys were destroyed; only ever rises. Asked before each seal and each opening, so it must be cheap; a
    /// keyring on another machine may answer from a copy at most 60 seconds old and must say `Unavailable` after that,
    /// which is the lease of every key that is held.
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
