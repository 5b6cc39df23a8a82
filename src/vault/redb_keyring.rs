//! The keyring of one node: a single file, opened by one process.
//!
//! It decides the tables and what belongs into one transaction: a new tenant key together with the first
//! conversation key under it, a removal together with its tombstone, its epoch and the note that its bytes are still
//! to be overwritten. Tombstones carry identifiers and a time, nothing about a person, and stay for ever.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::keyring::{Wrapper, grant};
use crate::vault::redb_file::{Fault, KeyringFile};
use crate::vault::{
    Extent, Identity, KeyCheck, Keyring, Reservation, Scope, VaultError, WrappedKey, WrappedPair,
};

type ScopeBytes = [u8; 32];

/// `identity`: format 1, identifier, check value of the master; `clock`: the last reading as RFC 3339 text.
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
const EPOCH: TableDefinition<'_, (), u64> = TableDefinition::new("epoch");
const TENANT_KEYS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("tenant_keys");
const CONVERSATION_KEYS: TableDefinition<'_, &ScopeBytes, &[u8]> =
    TableDefinition::new("conversation_keys");
/// Seals set aside per conversation key.
const SEALS: TableDefinition<'_, &ScopeBytes, u32> = TableDefinition::new("seals");
/// When it was erased, in seconds since 1970.
const ERASED_TENANTS: TableDefinition<'_, &[u8; 16], i64> = TableDefinition::new("erased_tenants");
const ERASED_CONVERSATIONS: TableDefinition<'_, &ScopeBytes, i64> =
    TableDefinition::new("erased_conversations");

/// The only layout so far.
const FORMAT: u8 = 1;

/// A keyring in a redb file.
pub struct RedbKeyring {
    file: KeyringFile,
    identity: Identity,
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
            drop(transaction.open_table(TENANT_KEYS)?);
            drop(transaction.open_table(CONVERSATION_KEYS)?);
            drop(transaction.open_table(SEALS)?);
            drop(transaction.open_table(ERASED_TENANTS)?);
            drop(transaction.open_table(ERASED_CONVERSATIONS)?);
            transaction.open_table(FACTS)?.insert("identity", record.as_slice())?;
            Ok(())
        })?;
        Ok(Self { file, identity })
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
        Ok(Self { file, identity })
    }
}

fn parse_identity(record: &[u8]) -> Option<Identity> {
    let (id, check) = record.strip_prefix(&[FORMAT])?.split_first_chunk()?;
    Some(Identity {
        id: Uuid::from_bytes(*id),
        master_check: KeyCheck::from_stored(check.try_into().ok()?),
    })
}

fn scope_bytes(scope: Scope) -> ScopeBytes {
    let mut bytes = [0; 32];
    let (tenant, conversation) = (scope.tenant.uuid(), scope.conversation.uuid());
    for (slot, byte) in
        bytes.iter_mut().zip(tenant.as_bytes().iter().chain(conversation.as_bytes()))
    {
        *slot = *byte;
    }
    bytes
}

fn tenant_bytes(tenant: TenantId) -> [u8; 16] {
    tenant.uuid().into_bytes()
}

fn stored_key(record: &[u8]) -> Result<WrappedKey, Fault> {
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
            Ok(WrappedPair {
                tenant: stored_key(tenant.value())?,
                conversation: stored_key(conversation.value())?,
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

    fn revoke(&self, extents: &[Extent], at: Timestamp) -> Result<(), VaultError> {
        self.file.write(|transaction| {
            let mut is_any_new = false;
            for extent in extents {
                is_any_new |= match extent {
                    Extent::Conversation(scope) => erase_conversation(transaction, *scope, at)?,
                    Extent::Tenant(tenant) => erase_tenant(transaction, *tenant, at)?,
                };
            }
            if is_any_new {
                let mut table = transaction.open_table(EPOCH)?;
                let epoch = table.get(())?.map(|epoch| epoch.value()).unwrap_or_default();
                table.insert((), epoch.saturating_add(1))?;
            }
            Ok(())
        })?;
        self.file.overwrite_traces()
    }

    fn epoch(&self) -> Result<u64, VaultError> {
        self.file.read(|transaction| {
            let epoch = transaction.open_table(EPOCH)?.get(())?.map(|epoch| epoch.value());
            epoch.ok_or(Fault::Record("it has no epoch"))
        })
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

/// Removes a conversation's key and leaves a tombstone; says whether the tombstone is new.
fn erase_conversation(
    transaction: &WriteTransaction,
    scope: Scope,
    at: Timestamp,
) -> Result<bool, Fault> {
    let key = scope_bytes(scope);
    let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
    if let Some(record) = conversations.remove(&key)? {
        note(transaction, record.value())?;
    }
    transaction.open_table(SEALS)?.remove(&key)?;
    let mut tombstones = transaction.open_table(ERASED_CONVERSATIONS)?;
    if tombstones.get(&key)?.is_some() {
        return Ok(false);
    }
    tombstones.insert(&key, at.as_second())?;
    Ok(true)
}

/// Removes a tenant's key and those of its conversations, which are unreadable without it, and leaves a tombstone.
fn erase_tenant(
    transaction: &WriteTransaction,
    tenant: TenantId,
    at: Timestamp,
) -> Result<bool, Fault> {
    let key = tenant_bytes(tenant);
    let mut tenants = transaction.open_table(TENANT_KEYS)?;
    if let Some(record) = tenants.remove(&key)? {
        note(transaction, record.value())?;
    }
    let first = scope_bytes(Scope { tenant, conversation: crate::id::Id::from_uuid(Uuid::nil()) });
    let last = scope_bytes(Scope { tenant, conversation: crate::id::Id::from_uuid(Uuid::max()) });
    let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
    conversations.retain_in::<&ScopeBytes, _>(&first..=&last, |_, _| false)?;
    transaction.open_table(SEALS)?.retain_in::<&ScopeBytes, _>(&first..=&last, |_, _| false)?;
    let mut tombstones = transaction.open_table(ERASED_TENANTS)?;
    if tombstones.get(&key)?.is_some() {
        return Ok(false);
    }
    tombstones.insert(&key, at.as_second())?;
    Ok(true)
}

/// Notes a removed record for overwriting. One of the wrong length holds no key, and must not stop an erasure.
fn note(transaction: &WriteTransaction, record: &[u8]) -> Result<(), Fault> {
    match WrappedKey::from_stored(record).and_then(|key| key.nonce()) {
        Some(trace) => KeyringFile::note_trace(transaction, trace),
        None => Ok(()),
    }
}

impl fmt::Debug for RedbKeyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedbKeyring({})", self.file.path().display())
    }
}
