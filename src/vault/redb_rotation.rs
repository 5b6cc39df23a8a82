//! A rotation of the master key as the keyring file sees it: which records are under which generation, and one
//! transaction for each batch of them.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use uuid::Uuid;

use crate::id::{Id, TenantId};
use crate::vault::keyring::{Renewer, Rewrapper};
use crate::vault::redb_erasure::note;
use crate::vault::redb_file::Fault;
use crate::vault::redb_keyring::{
    CONVERSATION_KEYS, EARLIER_KEYS, FACTS, FORMER_TENANT_KEYS, MASTERS, ScopeBytes, TENANT_KEYS,
    VersionBytes, scope_bytes, stored_key, tenant_bytes, version_bytes,
};
use crate::vault::{
    CensusLine, Cursor, Generation, KeyCheck, Rewrapping, Scope, VaultError, WrappedKey,
};

const SIGNING_ROOT: &str = "signing_root";

/// The masters known, oldest first.
pub(super) fn masters(transaction: &ReadTransaction) -> Result<Vec<Generation>, Fault> {
    let mut known = Vec::new();
    for entry in transaction.open_table(MASTERS)?.iter()? {
        let (number, check) = entry?;
        let check = KeyCheck::from_stored(*check.value());
        known.push(Generation { number: number.value(), check });
    }
    Ok(known)
}

/// The root of all signers, if it was kept.
pub(super) fn signing_root(transaction: &ReadTransaction) -> Result<Option<WrappedKey>, Fault> {
    let record = transaction.open_table(FACTS)?.get(SIGNING_ROOT)?;
    record.map(|record| stored_key(record.value())).transpose()
}

/// Adds a master and the root of all signers under it.
pub(super) fn add_master(
    transaction: &WriteTransaction,
    next: Generation,
    signing_root: &WrappedKey,
) -> Result<(), Fault> {
    let mut masters = transaction.open_table(MASTERS)?;
    if masters.get(next.number)?.is_some() {
        return Ok(());
    }
    masters.insert(next.number, next.check.as_bytes())?;
    transaction.open_table(FACTS)?.insert(SIGNING_ROOT, signing_root.to_stored().as_slice())?;
    Ok(())
}

/// Forgets a master that nothing is under.
pub(super) fn forget_master(transaction: &WriteTransaction, generation: u16) -> Result<(), Fault> {
    let mut lines = BTreeMap::new();
    count(
        &mut lines,
        &transaction.open_table(TENANT_KEYS)?,
        &transaction.open_table(FORMER_TENANT_KEYS)?,
        &transaction.open_table(CONVERSATION_KEYS)?,
        &transaction.open_table(EARLIER_KEYS)?,
    )?;
    let keys = lines.get(&generation).map_or(0, CensusLine::keys);
    if keys > 0 {
        return Err(VaultError::MasterInUse { generation, keys }.into());
    }
    transaction.open_table(MASTERS)?.remove(generation)?;
    Ok(())
}

/// Gives tenants a content key under the newest master.
pub(super) fn renew_tenants(
    transaction: &WriteTransaction,
    limit: usize,
    renewer: &mut Renewer<'_>,
) -> Result<u64, Fault> {
    let newest = transaction.open_table(MASTERS)?.last()?.map(|(number, _)| number.value());
    let newest = newest.ok_or(Fault::Record("it knows no master"))?;
    let mut tenants = transaction.open_table(TENANT_KEYS)?;
    let mut due = Vec::new();
    for entry in tenants.iter()? {
        let (tenant, record) = entry?;
        if due.len() >= limit {
            break;
        }
        let record = stored_key(record.value())?;
        if record.generation() < newest {
            due.push((*tenant.value(), record));
        }
    }
    let mut former = transaction.open_table(FORMER_TENANT_KEYS)?;
    for (tenant, record) in &due {
        let next = renewer(Id::from_uuid(Uuid::from_bytes(*tenant)))?;
        former.insert(tenant, record.to_stored().as_slice())?;
        tenants.insert(tenant, next.to_stored().as_slice())?;
    }
    Ok(due.len() as u64)
}

/// Content keys of the tenant whose records are looked at.
struct Content {
    tenant: TenantId,
    in_force: WrappedKey,
    former: Option<WrappedKey>,
}

fn content(transaction: &WriteTransaction, tenant: TenantId) -> Result<Content, Fault> {
    let key = tenant_bytes(tenant);
    let tenants = transaction.open_table(TENANT_KEYS)?;
    let record = tenants.get(&key)?.ok_or(Fault::Record("a conversation has no tenant key"))?;
    let former = transaction.open_table(FORMER_TENANT_KEYS)?;
    let former = former.get(&key)?.map(|record| stored_key(record.value())).transpose()?;
    Ok(Content { tenant, in_force: stored_key(record.value())?, former })
}

/// Wraps the conversation keys of the next records anew where that is due.
pub(super) fn rewrap(
    transaction: &WriteTransaction,
    after: Option<Cursor>,
    limit: usize,
    rewrapper: &mut Rewrapper<'_>,
) -> Result<(u64, Option<Cursor>), Fault> {
    let records = next_records(transaction, after, limit)?;
    let last = records.last().map(|(cursor, _)| *cursor);
    let mut conversations = transaction.open_table(CONVERSATION_KEYS)?;
    let mut earlier = transaction.open_table(EARLIER_KEYS)?;
    let mut done = 0;
    let mut at_hand: Option<Content> = None;
    for (cursor, record) in records {
        let tenant = cursor.scope.tenant;
        let keys = match at_hand.take().filter(|keys| keys.tenant == tenant) {
            Some(keys) => keys,
            None => content(transaction, tenant)?,
        };
        if record.generation() != keys.in_force.generation() {
            let former = keys.former.as_ref();
            let former = former.filter(|key| key.generation() == record.generation());
            let kept = rewrapper(Rewrapping {
                scope: cursor.scope,
                conversation: &record,
                former_tenant: former.ok_or(Fault::Record("a former tenant key is missing"))?,
                tenant: &keys.in_force,
            })?;
            let record = kept.to_stored();
            if cursor.is_earlier {
                let key = version_bytes(cursor.scope, cursor.version);
                earlier.insert(&key, record.as_slice())?;
            } else {
                conversations.insert(&scope_bytes(cursor.scope), record.as_slice())?;
            }
            done += 1;
        }
        at_hand = Some(keys);
    }
    Ok((done, last))
}

/// At most `limit` records behind the cursor: the newest versions first, then the earlier ones.
fn next_records(
    transaction: &WriteTransaction,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<(Cursor, WrappedKey)>, Fault> {
    let mut records = Vec::with_capacity(limit);
    if after.is_none_or(|cursor| !cursor.is_earlier) {
        let last = after.map(|cursor| scope_bytes(cursor.scope));
        let conversations = transaction.open_table(CONVERSATION_KEYS)?;
        let first = last.unwrap_or([0; 32]);
        for entry in conversations.range::<&ScopeBytes>(&first..)? {
            let (scope, record) = entry?;
            if Some(*scope.value()) == last {
                continue;
            }
            if records.len() >= limit {
                break;
            }
            let (scope, record) = (scope_of(scope.value()), stored_key(record.value())?);
            records.push((Cursor { is_earlier: false, scope, version: record.version() }, record));
        }
        if !records.is_empty() {
            return Ok(records);
        }
    }
    let last = after.filter(|cursor| cursor.is_earlier);
    let last = last.map(|cursor| version_bytes(cursor.scope, cursor.version));
    let earlier = transaction.open_table(EARLIER_KEYS)?;
    let first = last.unwrap_or([0; 34]);
    for entry in earlier.range::<&VersionBytes>(&first..)? {
        let (key, record) = entry?;
        if Some(*key.value()) == last {
            continue;
        }
        if records.len() >= limit {
            break;
        }
        let record = stored_key(record.value())?;
        let scope = key.value().first_chunk().map(scope_of);
        let scope = scope.ok_or(Fault::Record("a key has no scope"))?;
        records.push((Cursor { is_earlier: true, scope, version: record.version() }, record));
    }
    Ok(records)
}

fn scope_of(bytes: &ScopeBytes) -> Scope {
    let (mut tenant, mut conversation) = ([0; 16], [0; 16]);
    for (slot, byte) in tenant.iter_mut().chain(&mut conversation).zip(bytes) {
        *slot = *byte;
    }
    let tenant = Id::from_uuid(Uuid::from_bytes(tenant));
    Scope { tenant, conversation: Id::from_uuid(Uuid::from_bytes(conversation)) }
}

/// Removes the former content keys that wrap nothing, and notes their bytes for overwriting.
pub(super) fn retire_tenants(transaction: &WriteTransaction) -> Result<u64, Fault> {
    let mut in_use = BTreeSet::new();
    for entry in transaction.open_table(CONVERSATION_KEYS)?.iter()? {
        let (scope, record) = entry?;
        in_use.insert((scope_of(scope.value()).tenant, stored_key(record.value())?.generation()));
    }
    for entry in transaction.open_table(EARLIER_KEYS)?.iter()? {
        let (key, record) = entry?;
        let scope = key.value().first_chunk().map(scope_of);
        let tenant = scope.ok_or(Fault::Record("a key has no scope"))?.tenant;
        in_use.insert((tenant, stored_key(record.value())?.generation()));
    }
    let mut former = transaction.open_table(FORMER_TENANT_KEYS)?;
    let mut retired = Vec::new();
    for entry in former.iter()? {
        let (tenant, record) = entry?;
        let record = stored_key(record.value())?;
        let id = Id::from_uuid(Uuid::from_bytes(*tenant.value()));
        if !in_use.contains(&(id, record.generation())) {
            retired.push((*tenant.value(), record));
        }
    }
    for (tenant, record) in &retired {
        former.remove(tenant)?;
        note(transaction, &record.to_stored())?;
    }
    Ok(retired.len() as u64)
}

/// What is under which master, one line for each that is known.
pub(super) fn census(transaction: &ReadTransaction) -> Result<Vec<CensusLine>, Fault> {
    let mut lines: BTreeMap<u16, CensusLine> = BTreeMap::new();
    for generation in masters(transaction)? {
        lines.insert(generation.number, empty_line(generation.number));
    }
    count(
        &mut lines,
        &transaction.open_table(TENANT_KEYS)?,
        &transaction.open_table(FORMER_TENANT_KEYS)?,
        &transaction.open_table(CONVERSATION_KEYS)?,
        &transaction.open_table(EARLIER_KEYS)?,
    )?;
    Ok(lines.into_values().collect())
}

const fn empty_line(generation: u16) -> CensusLine {
    CensusLine { generation, tenants: 0, conversations: 0 }
}

fn count(
    lines: &mut BTreeMap<u16, CensusLine>,
    tenants: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    former: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    conversations: &impl ReadableTable<&'static ScopeBytes, &'static [u8]>,
    earlier: &impl ReadableTable<&'static VersionBytes, &'static [u8]>,
) -> Result<(), Fault> {
    for entry in tenants.iter()?.chain(former.iter()?) {
        let generation = stored_key(entry?.1.value())?.generation();
        lines.entry(generation).or_insert_with(|| empty_line(generation)).tenants += 1;
    }
    for entry in conversations.iter()? {
        let generation = stored_key(entry?.1.value())?.generation();
        lines.entry(generation).or_insert_with(|| empty_line(generation)).conversations += 1;
    }
    for entry in earlier.iter()? {
        let generation = stored_key(entry?.1.value())?.generation();
        lines.entry(generation).or_insert_with(|| empty_line(generation)).conversations += 1;
    }
    Ok(())
}
