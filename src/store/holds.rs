//! Legal holds, and the one question that every destroyer asks.
//!
//! The order is what makes it safe: a destroyer locks the row, takes the tenant's lock shared, and only then asks, in a
//! statement of its own. Placing takes that lock alone. So a hold is either seen by the destroyer or placed after it, and
//! then the answer to whoever places it says how much was already beyond saving.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, Transaction, begin};
use crate::domain::hold::{Coverage, HoldScope, Matter, Operator};
use crate::id::{HoldId, Id, TenantId};

/// The condition that nothing live covers a row: the tenant (`$1`), its visitor, its conversation. Three joins, each by its
/// own kind of key, so that neither many rows nor many holds make it slow.
macro_rules! unheld {
    ($visitor:literal, $conversation:literal, $now:literal) => {
        concat!(
            "not exists (select from live_holds($1, ",
            $now,
            ") h where h.scope = 1) \
             and not exists (select from live_holds($1, ",
            $now,
            ") h where h.scope = 2 and h.object_id = ",
            $visitor,
            ") \
             and not exists (select from live_holds($1, ",
            $now,
            ") h where h.scope = 3 and h.object_id = ",
            $conversation,
            ")"
        )
    };
}
pub(super) use unheld;

const LOCK_ALONE: Statement = Statement::application(
    "select pg_advisory_xact_lock(hashtextextended('veetflow hold ' || $1::uuid, 19))",
);
const LOCK_SHARED: Statement = Statement::purge(
    "select pg_advisory_xact_lock_shared(hashtextextended('veetflow hold ' || $1::uuid, 19))",
);
const IS_HELD: Statement = Statement::purge(concat!(
    "select true from conversation where tenant_id = $1 and conversation_id = $2 and not (",
    unheld!("visitor_id", "conversation_id", "$3"),
    ")",
));
const PLACE: Statement = Statement::application(
    "insert into legal_hold (tenant_id, hold_id, scope, object_id, matter, placed_by, placed_at) \
     values ($1, $2, $3, $4, $5, $6, $7)",
);
const COVERED: Statement = Statement::application(
    "select count(*) filter (where not hidden or purge_lease is null), count(*) filter (where hidden and purge_lease is not null) \
     from conversation where tenant_id = $1 \
       and ($2::smallint = 1 or ($2 = 2 and visitor_id = $3) or ($2 = 3 and conversation_id = $3))",
);
const APPROVE: Statement = Statement::application(
    "update legal_hold set approved_by = $3, approved_at = $4 \
     where tenant_id = $1 and hold_id = $2 and approved_at is null and released_at is null and placed_by <> $3 \
       and placed_at > $4::timestamptz - interval '7 days'",
);
const RELEASE: Statement = Statement::application(
    "update legal_hold set released_by = $3, released_at = $4, reason = $5 \
     where tenant_id = $1 and hold_id = $2 and released_at is null",
);
const NOTE: Statement = Statement::application(
    "insert into legal_hold_event (tenant_id, hold_id, what, who, at) values ($1, $2, $3, $4, $5)",
);
const LIST: Statement = Statement::application(
    "select hold_id, scope, object_id, matter, placed_by, placed_at, approved_by, approved_at, released_by, released_at \
     from legal_hold where tenant_id = $1 order by placed_at, hold_id",
);

pub(super) const STATEMENTS: &[Statement] =
    &[LOCK_ALONE, LOCK_SHARED, IS_HELD, PLACE, COVERED, APPROVE, RELEASE, NOTE, LIST];

const PLACED: i16 = 1;
const APPROVED: i16 = 2;
const RELEASED: i16 = 3;

/// A hold on record.
#[derive(Debug, Clone)]
pub struct HoldRow {
    /// Which.
    pub id: HoldId,
    /// What it covers.
    pub scope: HoldScope,
    /// The reference of the matter.
    pub matter: String,
    /// Who placed it, and when.
    pub placed: (String, Timestamp),
    /// Who approved it, and when.
    pub approved: Option<(String, Timestamp)>,
    /// Who released it, and when.
    pub released: Option<(String, Timestamp)>,
}

fn hold(row: &Row) -> Result<HoldRow, StoreError> {
    let pair = |who: Option<String>, at: Option<Timestamp>| who.zip(at);
    Ok(HoldRow {
        id: Id::from_uuid(row.get("hold_id")),
        scope: HoldScope::from_stored(row.get("scope"), row.get("object_id"))
            .ok_or(StoreError::Unreadable("a hold of no known scope"))?,
        matter: row.get("matter"),
        placed: (row.get("placed_by"), row.get("placed_at")),
        approved: pair(row.get("approved_by"), row.get("approved_at")),
        released: pair(row.get("released_by"), row.get("released_at")),
    })
}

/// Keeps holds from being placed until the transaction ends. A destroyer calls it after its row locks and before it asks.
pub(super) async fn fence(transaction: &Transaction<'_>, tenant: Uuid) -> Result<(), StoreError> {
    transaction.rows(LOCK_SHARED, &[&tenant]).await?;
    Ok(())
}

/// Whether a conversation is held: the last question before what cannot be undone.
pub(super) async fn is_held(
    transaction: &Transaction<'_>,
    tenant: Uuid,
    conversation: Uuid,
    now: Timestamp,
) -> Result<bool, StoreError> {
    fence(transaction, tenant).await?;
    let row = transaction.row_if_any(IS_HELD, &[&tenant, &conversation, &now]).await?;
    Ok(row.is_some())
}

impl Store {
    /// Places a hold, which binds at once. Says how many conversations it saves and how many were already being erased.
    pub async fn place_hold(
        &self,
        tenant: TenantId,
        id: HoldId,
        scope: HoldScope,
        matter: &Matter,
        by: &Operator,
        at: Timestamp,
    ) -> Result<Coverage, StoreError> {
        let (number, object) = scope.to_stored();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (tenant, id, who) = (tenant.uuid(), id.uuid(), by.as_str());
        transaction.rows(LOCK_ALONE, &[&tenant]).await?;
        let covered = transaction.row(COVERED, &[&tenant, &number, &object]).await?;
        let matter = matter.as_str();
        transaction.run(PLACE, &[&tenant, &id, &number, &object, &matter, &who, &at]).await?;
        transaction.run(NOTE, &[&tenant, &id, &PLACED, &who, &at]).await?;
        transaction.commit().await?;
        Ok(Coverage { saved: covered.get(0), beyond_saving: covered.get(1) })
    }

    /// Approves a hold; `false` unless it waits for approval and `by` is somebody other than who placed it.
    pub async fn approve_hold(
        &self,
        tenant: TenantId,
        id: HoldId,
        by: &Operator,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (tenant, id, who) = (tenant.uuid(), id.uuid(), by.as_str());
        let changed = transaction.run(APPROVE, &[&tenant, &id, &who, &at]).await?;
        if changed == 1 {
            transaction.run(NOTE, &[&tenant, &id, &APPROVED, &who, &at]).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Releases a hold; what it kept may go with the next pass. `false` when there is none to release.
    pub async fn release_hold(
        &self,
        tenant: TenantId,
        id: HoldId,
        by: &Operator,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (tenant, id, who) = (tenant.uuid(), id.uuid(), by.as_str());
        let changed = transaction.run(RELEASE, &[&tenant, &id, &who, &at, &reason]).await?;
        if changed == 1 {
            transaction.run(NOTE, &[&tenant, &id, &RELEASED, &who, &at]).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// All holds of a tenant, released ones included.
    pub async fn holds(&self, tenant: TenantId) -> Result<Vec<HoldRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        rows.iter().map(hold).collect()
    }
}
