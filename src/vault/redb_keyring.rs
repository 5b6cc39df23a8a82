//! The keyring of one node: a single file, opened by one process.
//!
//! It decides the tables and what belongs into one transaction: a new tenant key together with the first
//! conversation key under it, a removal together with its tombstone, its epoch and the note that its bytes are still
//! to be overwritten. Tombstones carry identifiers and a time, nothing about a person, and stay for ever.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::keyring::{Renewer, Rewrapper, Wrapper, grant};
use crate::vault::redb_erasure::{erase_conversation, erase_tenant};
use crate::vault::redb_file::{Fault, KeyringFile};
use crate::vault::redb_rotation as rotation;
use crate::vault::{
    CensusLine, Cursor, Extent, Generation, Identity, KeyCheck, Keyring, Reservation, Scope,
    VaultError, WrappedKey, WrappedPair,
};

pub(super) type ScopeBytes = [u8; 32];
/// A scope and a version, big-endian.
pub(super) type VersionBytes = [u8; 34];

/// `identity`: format 1, identifier, check value of the first master; `clock`: the last reading as RFC 3339 text;
/// `signing_root`: wrapped by the newest master, since the first rotation.
pub(super) const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
const EPOCH: TableDefinition<'_, (), u64> = TableDefinition::new("epoch");
pub(super) const TENANT_KEYS: TableDefinition<'_, &[u8; 16], &[u8]> =
    TableDefinition::new("tenant_keys");
/// The content key before the one in force, until no conversation key is under it.
pub(super) const FORMER_TENANT_KEYS: TableDefinition<'_, &[u8; 16], &[u8]> =
    TableDefinition::new("former_tenant_keys");
/// The newest version of each.
pub(super) const CONVERSATION_KEYS: TableDefinition<'_, &ScopeBytes, &[u8]> =
    TableDefinition::new("conversation_keys");
/// The versions that were succeeded.
pub(super) const EARLIER_KEYS: TableDefinition<'_, &VersionBytes, &[u8]> =
    TableDefinition::new("earlier_conversation_keys");
/// Check values of the masters after the first, which `identity` holds until it is forgotten.
pub(super) const MASTERS: TableDefinition<'_, u16, &[u8; 16]> = TableDefinition::new("masters");
/// Seals set aside of the newest version.
pub(super) const SEALS: TableDefinition<'_, &ScopeBytes, u32> = TableDefinition::new("seals");
/// When it was erased, in seconds since 1970.
pub(super) const ERASED_TENANTS: TableDefinition<'_, &[u8; 16], i64> =
    TableDefinition::new("erased_tenants");
pub(super) const ERASED_CONVERSATIONS: TableDefinition<'_, &ScopeBytes, i64> =
    TableDefinition::new("erased_conversations");

/// The only layout so far.
const FORMAT: u8 = 1;

/// A keyring in a redb file.
pub struct RedbKeyring {
    file: KeyringFile,
    identity: Identity,
    /// What is in the file; nobody else writes there.
    epoch: AtomicU64,
}

impl RedbKeyring {
    /// Makes a keyring at `at`, mode 0600, that will be moved to `path`.
    pub(super) fn create(at: &Path, path: &Path, identity: Identity) -> Result<Self, VaultError> {
        let file = KeyringFile::create(at, path)?;
        let record =
            [&[FORMAT], identity.id.as_bytes().as_slice(), identity.master_check.as_bytes()]
                .concat();
        file.write(|transaction| {
            transaction.open_table(EPOCH)?.insert((), 0)?;
            transaction.open_table(FACTS)?.insert("identity", record.as_slice())?;
            transaction.open_table(MASTERS)?.insert(1, identity.master_check.as_bytes())?;
            make_tables(transaction)
        })?;
        Ok(Self { file, identity, epoch: AtomicU64::new(0) })
    }

    /// Opens a keyring: `KeyringMissing`, `KeyringDamaged`, or `KeyringBusy` if another process has it.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let file = KeyringFile::open(path)?;
        let identity = file.read(|transaction| {
            let facts = transaction.open_table(FACTS)?;
            let record =
                facts.get("identity")?.ok_or(Fault::Record("it does not say which it is"))?;
            parse_identity(record.value()).ok_or(Fault::Record("it has an unknown layout"))
        })?;
        // A keyring of an earlier program knows of one master only.
        if file.read(|transaction| Ok(transaction.open_table(MASTERS).is_err()))? {
            file.write(|transaction| {
                transaction.open_table(MASTERS)?.insert(1, identity.master_check.as_bytes())?;
                make_tables(transaction)
            })?;
        }
        let epoch = file.read(|transaction| {
            let epoch = transaction.open_table(EPOCH)?.get(())?.map(|epoch| epoch.value());
            epoch.ok_or(Fault::Record("it has no epoch"))
        })?;
        Ok(Self { file, identity, epoch: AtomicU64::new(epoch) })
    }
}

/// Makes the tables that are not there, so that reading never finds one missing.
fn make_tables(transaction: &WriteTransaction) -> Result<(), Fault> {
    drop(transaction.open_table(TENANT_KEYS)?);
    drop(transaction.open_table(FORMER_TENANT_KEYS)?);
    drop(transaction.open_table(CONVERSATION_KEYS)?);
    drop(transaction.open_table(EARLIER_KEYS)?);
    drop(transaction.open_table(SEALS)?);
    drop(transaction.open_table(ERASED_TENANTS)?);
    drop(transaction.open_table(ERASED_CONVERSATIONS)?);
    Ok(())
}

fn parse_identity(record: &[u8]) -> Option<Identity> {
    let (id, check) = record.strip_prefix(&[FORMAT])?.split_first_chunk()?;
    Some(Identity {
        id: Uuid::from_bytes(*id),
        master_check: KeyCheck::from_stored(check.try_into().ok()?),
    })
}

pub(super) fn scope_bytes(scope: Scope) -> ScopeBytes {
    let mut bytes = [0; 32];
    let (tenant, conversation) = (scope.tenant.uuid(), scope.conversation.uuid());
    for (slot, byte) in
        bytes.iter_mut().zip(tenant.as_bytes().iter().chain(conversation.as_bytes()))
    {
        *slot = *byte;
    }
    bytes
}

pub(super) fn version_bytes(scope: Scope, version: u16) -> VersionBytes {
    let mut bytes = [0; 34];
    let parts = [scope_bytes(scope).as_slice(), &version.to_be_bytes()].concat();
    for (slot, byte) in bytes.iter_mut().zip(parts) {
        *slot = byte;
    }
    bytes
}

pub(super) fn tenant_bytes(tenant: TenantId) -> [u8; 16] {
    tenant.uuid().into_bytes()
}

pub(super) fn stored_key(record: &[u8]) -> Result<WrappedKey, Fault> {
    WrappedKey::from_stored(record).ok_or(Fault::Record("a wrapped key has the wrong length"))
}

fn refuse_erased(
    scope: Scope,
    tenants: &impl ReadableTable<&'static [u8; 16], i64>,
    conversations: &impl ReadableTable<&'static ScopeBytes, i64>,
) -> Result<(), Fault> {
    let is_erased = tenants.get(&tenant_bytes(scope.tenant))?.is_some()
        || conversations.get(&scope_bytes(scope))?.is_some();
    if is_erased { Err(VaultError::Revoked.into()) } else { Ok(()) }
}

fn refuse_erased_before_writing(scope: Scope, transaction: &WriteTransaction) -> Result<(), Fault> {
    refuse_erased(
        scope,
        &transaction.open_table(ERASED_TENANTS)?,
        &transaction.open_table(ERASED_CONVERSATIONS)?,
    )
}

impl Keyring for RedbKeyring {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn load(&self, scope: Scope) -> Result<WrappedPair, VaultError> {
        self.file.read(|transaction| {
            let erased_tenants = transaction.open_table(ERASED_TENANTS)?;
            refuse_erased(scope, &erased_tenants, &transaction.open_table(ERASED_CONVERSATIONS)?)?;
            let conversations = transaction.open_table(CONVERSATION_KEYS)?;
            let conversation =
                conversations.get(&scope_bytes(scope))?.ok_or(VaultError::Missing)?;
            let tenants = transaction.open_table(TENANT_KEYS)?;
            let tenant = tenants
                .get(&tenant_bytes(scope.tenant))?
                .ok_or(Fault::Record("a conversation has no tenant key"))?;
            let former = transaction.open_table(FORMER_TENANT_KEYS)?;
            let former = former.get(&tenant_bytes(scope.tenant))?;
            let mut earlier = Vec::new();
            let conversation = stored_key(conversation.value())?;
            if conversation.version() > 1 {
                let versions = version_bytes(scope, 0)..=version_bytes(scope, u16::MAX);
                for entry in transaction
                    .open_table(EARLIER_KEYS)?
                    .range::<&VersionBytes>(versions.start()..=versions.end())?
                {
                    earlier.push(stored_key(entry?.1.value())?);
                }
            }
            Ok(WrappedPair {
                tenant: stored_key(tenant.value())?,
                former_tenant: former.map(|record| stored_key(record.value())).transpose()?,
                conversation,
                earlier,
            })
        })
    }

    fn mint(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError> {
        self.file.write(|transaction| {
            refuse_erased_before_writing(scope, transaction)?;
            let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
            if conversations.get(&scope_bytes(scope))?.is_some() {
                return Ok(0);
            }
            let granted = grant(0, first)?;
            let mut tenants = transaction.open_table(TENANT_KEYS)?;
            let known = tenants
                .get(&tenant_bytes(scope.tenant))?
                .map(|record| stored_key(record.value()))
                .transpose()?;
            let offer = wrapper(known.as_ref())?;
            if let Some(tenant) = offer.tenant.filter(|_| known.is_none()) {
                tenants.insert(&tenant_bytes(scope.tenant), tenant.to_stored().as_slice())?;
            }
            conversations.insert(&scope_bytes(scope), offer.conversation.to_stored().as_slice())?;
            transaction.open_table(SEALS)?.insert(&scope_bytes(scope), granted)?;
            Ok(granted)
        })
    }

    fn reserve(&self, scope: Scope, request: Reservation) -> Result<u32, VaultError> {
        self.file.write(|transaction| {
            refuse_erased_before_writing(scope, transaction)?;
            let newest = newest_version(transaction, scope)?.ok_or(VaultError::Missing)?;
            if newest.version() != request.version {
                return Err(VaultError::Exhausted.into());
            }
            let mut seals = transaction.open_table(SEALS)?;
            let used = seals
                .get(&scope_bytes(scope))?
                .map(|used| used.value())
                .ok_or(VaultError::Missing)?;
            let granted = grant(used, request)?;
            seals.insert(&scope_bytes(scope), used.saturating_add(granted))?;
            Ok(granted)
        })
    }

    fn succeed(
        &self,
        scope: Scope,
        first: Reservation,
        wrapper: &mut Wrapper<'_>,
    ) -> Result<u32, VaultError> {
        self.file.write(|transaction| {
            refuse_erased_before_writing(scope, transaction)?;
            let newest = newest_version(transaction, scope)?.ok_or(VaultError::Missing)?;
            if newest.version() >= first.version {
                return Ok(0);
            }
            let granted = grant(0, first)?;
            let tenants = transaction.open_table(TENANT_KEYS)?;
            let tenant = tenants
                .get(&tenant_bytes(scope.tenant))?
                .ok_or(Fault::Record("a conversation has no tenant key"))?;
            let offer = wrapper(Some(&stored_key(tenant.value())?))?;
            let earlier = version_bytes(scope, newest.version());
            let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
            transaction
                .open_table(EARLIER_KEYS)?
                .insert(&earlier, newest.to_stored().as_slice())?;
            conversations.insert(&scope_bytes(scope), offer.conversation.to_stored().as_slice())?;
            transaction.open_table(SEALS)?.insert(&scope_bytes(scope), granted)?;
            Ok(granted)
        })
    }

    fn masters(&self) -> Result<Vec<Generation>, VaultError> {
        self.file.read(rotation::masters)
    }

    fn signing_root(&self) -> Result<Option<WrappedKey>, VaultError> {
        self.file.read(rotation::signing_root)
    }

    fn add_master(&self, next: Generation, signing_root: &WrappedKey) -> Result<(), VaultError> {
        self.file.write(|transaction| rotation::add_master(transaction, next, signing_root))
    }

    fn forget_master(&self, generation: u16) -> Result<(), VaultError> {
        self.file.write(|transaction| rotation::forget_master(transaction, generation))
    }

    fn renew_tenants(&self, limit: usize, renewer: &mut Renewer<'_>) -> Result<u64, VaultError> {
        self.file.write(|transaction| rotation::renew_tenants(transaction, limit, renewer))
    }

    fn rewrap(
        &self,
        after: Option<Cursor>,
        limit: usize,
        rewrapper: &mut Rewrapper<'_>,
    ) -> Result<(u64, Option<Cursor>), VaultError> {
        self.file.write(|transaction| rotation::rewrap(transaction, after, limit, rewrapper))
    }

    fn retire_tenants(&self) -> Result<u64, VaultError> {
        let retired = self.file.write(rotation::retire_tenants)?;
        self.file.overwrite_traces()?;
        Ok(retired)
    }

    fn census(&self) -> Result<Vec<CensusLine>, VaultError> {
        self.file.read(rotation::census)
    }

    fn revoke(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError> {
        let epoch = self.file.write(|transaction| {
            let mut is_any_new = false;
            for extent in extents {
                is_any_new |= match extent {
                    Extent::Conversation(scope) => erase_conversation(transaction, *scope, at)?,
                    Extent::Tenant(tenant) => erase_tenant(transaction, *tenant, at)?,
                };
            }
            let mut table = transaction.open_table(EPOCH)?;
            let epoch = table.get(())?.map(|epoch| epoch.value()).unwrap_or_default();
            let epoch = epoch.saturating_add(u64::from(is_any_new));
            table.insert((), epoch)?;
            Ok(epoch)
        })?;
        // The new epoch sends every holder to the file, which nobody may read while it is overwritten: so it comes after.
        let overwritten = self.file.overwrite_traces();
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
        overwritten
    }

    fn epoch(&self) -> Result<u64, VaultError> {
        Ok(self.epoch.load(Ordering::SeqCst))
    }

    fn clock_reading(&self) -> Result<Option<Timestamp>, VaultError> {
        self.file.read(|transaction| {
            let Some(record) = transaction.open_table(FACTS)?.get("clock")? else {
                return Ok(None);
            };
            let reading =
                std::str::from_utf8(record.value()).ok().and_then(|text| text.parse().ok());
            reading.map(Some).ok_or(Fault::Record("its last clock reading cannot be read"))
        })
    }

    fn record_clock_reading(&self, at: Timestamp) -> Result<(), VaultError> {
        self.file.write(|transaction| {
            transaction.open_table(FACTS)?.insert("clock", at.to_string().as_bytes())?;
            Ok(())
        })
    }
}

fn newest_version(
    transaction: &WriteTransaction,
    scope: Scope,
) -> Result<Option<WrappedKey>, Fault> {
    let conversations = transaction.open_table(CONVERSATION_KEYS)?;
    let record = conversations.get(&scope_bytes(scope))?;
    record.map(|record| stored_key(record.value())).transpose()
}

impl fmt::Debug for RedbKeyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedbKeyring({})", self.file.path().display())
    }
}
