//! What a restored database is asked, and how what was erased goes from it a second time.

use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::id::{ConversationId, TenantId};

const MARK: Statement = Statement::application("select seq, hash, restored from ledger_mark");
const SET_MARK: Statement = Statement::application(
    "insert into ledger_mark (seq, hash, restored) values ($1, $2, $3) \
     on conflict (singleton) do update set seq = excluded.seq, hash = excluded.hash, restored = excluded.restored",
);
const COUNT_LIVE: Statement = Statement::purge(
    "select count(*) from conversation where tenant_id = $1 and conversation_id = any($2) and not hidden",
);
const COUNT: Statement = Statement::purge(
    "select (select count(*) from conversation where tenant_id = $1 and conversation_id = any($2)) \
          + (select count(*) from turn where tenant_id = $1 and conversation_id = any($2))",
);
const DELETE_TURNS: Statement =
    Statement::purge("delete from turn where tenant_id = $1 and conversation_id = any($2)");
const DELETE: Statement =
    Statement::purge("delete from conversation where tenant_id = $1 and conversation_id = any($2)");
const OF_TENANT: Statement =
    Statement::purge("select conversation_id from conversation where tenant_id = $1 limit $2");

pub(super) const STATEMENTS: &[Statement] =
    &[MARK, SET_MARK, COUNT_LIVE, COUNT, DELETE_TURNS, DELETE, OF_TENANT];

/// Where the erasure ledger stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerMark {
    /// The number of its last line then.
    pub seq: i64,
    /// The hash up to there.
    pub hash: [u8; 32],
    /// Whether the database was restored since and what is erased not yet gone from it.
    pub is_restored: bool,
}

impl Store {
    /// Where the erasure ledger stood, if there was one.
    pub async fn ledger_mark(&self) -> Result<Option<LedgerMark>, StoreError> {
        let client = self.application().await?;
        let Some(row) = client.query_opt(MARK.sql, &[]).await? else { return Ok(None) };
        let hash: Vec<u8> = row.get(1);
        let hash = hash.try_into().map_err(|_| StoreError::Unreadable("a hash has 32 bytes"))?;
        Ok(Some(LedgerMark { seq: row.get(0), hash, is_restored: row.get(2) }))
    }

    /// Remembers where the erasure ledger stands.
    pub async fn set_ledger_mark(&self, mark: &LedgerMark) -> Result<(), StoreError> {
        let client = self.application().await?;
        client
            .execute(SET_MARK.sql, &[&mark.seq, &mark.hash.as_slice(), &mark.is_restored])
            .await?;
        Ok(())
    }

    /// How many of these conversations are there for people to see. One that an erasure has in hand is hidden.
    pub async fn count_live(
        &self,
        tenant: TenantId,
        conversations: &[ConversationId],
    ) -> Result<i64, StoreError> {
        self.count_of(COUNT_LIVE, tenant, conversations).await
    }

    /// How many rows there are of these conversations.
    pub async fn count_rows(
        &self,
        tenant: TenantId,
        conversations: &[ConversationId],
    ) -> Result<i64, StoreError> {
        self.count_of(COUNT, tenant, conversations).await
    }

    async fn count_of(
        &self,
        statement: Statement,
        tenant: TenantId,
        conversations: &[ConversationId],
    ) -> Result<i64, StoreError> {
        let which: Vec<Uuid> = conversations.iter().map(ConversationId::uuid).collect();
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        Ok(transaction.row(statement, &[&tenant.uuid(), &which]).await?.get(0))
    }

    /// Up to `limit` conversations that a tenant has.
    pub async fn some_conversations(
        &self,
        tenant: TenantId,
        limit: i64,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(OF_TENANT, &[&tenant.uuid(), &limit]).await?;
        Ok(rows.iter().map(|row| ConversationId::from_uuid(row.get(0))).collect())
    }

    /// Deletes conversations that were erased once before, whatever their time and whoever holds them now. Returns how
    /// many were there.
    pub async fn delete_again(
        &self,
        tenant: TenantId,
        conversations: &[ConversationId],
    ) -> Result<u64, StoreError> {
        let which: Vec<Uuid> = conversations.iter().map(ConversationId::uuid).collect();
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        transaction.run(DELETE_TURNS, &[&tenant.uuid(), &which]).await?;
        let deleted = transaction.run(DELETE, &[&tenant.uuid(), &which]).await?;
        super::audit::forget(&transaction, tenant, &which).await?;
        transaction.commit().await?;
        Ok(deleted)
    }
}
