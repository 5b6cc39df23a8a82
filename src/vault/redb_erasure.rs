//! What goes from the keyring file with an erasure, and what stays: a tombstone without a word about anybody.

use jiff::Timestamp;
use redb::{ReadableTable, WriteTransaction};
use uuid::Uuid;

use crate::id::{Id, TenantId};
use crate::vault::redb_file::{Fault, KeyringFile};
use crate::vault::redb_keyring::{
    CONVERSATION_KEYS, EARLIER_KEYS, ERASED_CONVERSATIONS, ERASED_TENANTS, FORMER_TENANT_KEYS,
    SEALS, ScopeBytes, TENANT_KEYS, VersionBytes, scope_bytes, tenant_bytes, version_bytes,
};
use crate::vault::{Scope, WrappedKey};

/// Removes a conversation's key and leaves a tombstone; says whether the tombstone is new.
pub(super) fn erase_conversation(
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
    let mut earlier = transaction.open_table(EARLIER_KEYS)?;
    let (first, last) = (version_bytes(scope, 0), version_bytes(scope, u16::MAX));
    for entry in earlier.extract_from_if::<&VersionBytes, _>(&first..=&last, |_, _| true)? {
        note(transaction, entry?.1.value())?;
    }
    drop(earlier);
    let mut tombstones = transaction.open_table(ERASED_CONVERSATIONS)?;
    if tombstones.get(&key)?.is_some() {
        return Ok(false);
    }
    tombstones.insert(&key, at.as_second())?;
    Ok(true)
}

/// Removes a tenant's key and those of its conversations, which are unreadable without it, and leaves a tombstone.
pub(super) fn erase_tenant(
    transaction: &WriteTransaction,
    tenant: TenantId,
    at: Timestamp,
) -> Result<bool, Fault> {
    let key = tenant_bytes(tenant);
    let mut tenants = transaction.open_table(TENANT_KEYS)?;
    if let Some(record) = tenants.remove(&key)? {
        note(transaction, record.value())?;
    }
    if let Some(record) = transaction.open_table(FORMER_TENANT_KEYS)?.remove(&key)? {
        note(transaction, record.value())?;
    }
    let first = scope_bytes(Scope { tenant, conversation: Id::from_uuid(Uuid::nil()) });
    let last = scope_bytes(Scope { tenant, conversation: Id::from_uuid(Uuid::max()) });
    let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
    conversations.retain_in::<&ScopeBytes, _>(&first..=&last, |_, _| false)?;
    transaction.open_table(SEALS)?.retain_in::<&ScopeBytes, _>(&first..=&last, |_, _| false)?;
    let (first, last) =
        ([first.as_slice(), &[0; 2]].concat(), [last.as_slice(), &[255; 2]].concat());
    let mut earlier = transaction.open_table(EARLIER_KEYS)?;
    if let (Ok(first), Ok(last)) = (VersionBytes::try_from(first), VersionBytes::try_from(last)) {
        earlier.retain_in::<&VersionBytes, _>(&first..=&last, |_, _| false)?;
    }
    let mut tombstones = transaction.open_table(ERASED_TENANTS)?;
    if tombstones.get(&key)?.is_some() {
        return Ok(false);
    }
    tombstones.insert(&key, at.as_second())?;
    Ok(true)
}

/// Notes a removed record for overwriting. One of the wrong length holds no key, and must not stop an erasure.
pub(super) fn note(transaction: &WriteTransaction, record: &[u8]) -> Result<(), Fault> {
    match WrappedKey::from_stored(record).and_then(|key| key.nonce()) {
        Some(trace) => KeyringFile::note_trace(transaction, trace),
        None => Ok(()),
    }
}
