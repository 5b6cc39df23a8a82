//! Reading a conversation's log back, still sealed.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::turn::Content;
use crate::id::{ConversationId, TenantId};
use crate::vault::Sealed;

const PAGE: Statement = Statement::application(
    "select seq, turn_id, kind, at, content from turn \
     where tenant_id = $1 and conversation_id = $2 and seq > $3 order by seq limit $4",
);
const TAIL: Statement = Statement::application(
    "select seq, turn_id, kind, at, content from turn \
     where tenant_id = $1 and conversation_id = $2 order by seq desc limit $3",
);

pub(super) const STATEMENTS: &[Statement] = &[PAGE, TAIL];

/// One entry as it is stored.
#[derive(Debug)]
pub struct StoredTurn {
    /// Its place in the log.
    pub seq: i64,
    /// The row's identifier.
    pub turn_id: Uuid,
    /// [`Content::stored_kind`].
    pub kind: i16,
    /// When it was taken.
    pub at: Timestamp,
    /// The ciphertext.
    pub content: Sealed<Content>,
}

impl Store {
    /// At most `limit` entries after `after`, oldest first.
    pub async fn turns_after(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows =
            transaction.rows(PAGE, &[&tenant.uuid(), &conversation.uuid(), &after, &limit]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(turn_from).collect())
    }

    /// The newest `limit` entries, oldest first.
    pub async fn newest_turns(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        limit: i64,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(TAIL, &[&tenant.uuid(), &conversation.uuid(), &limit]).await?;
        transaction.commit().await?;
        Ok(rows.iter().rev().map(turn_from).collect())
    }
}

pub(super) fn turn_from(row: &Row) -> StoredTurn {
    StoredTurn {
        seq: row.get("seq"),
        turn_id: row.get("turn_id"),
        kind: row.get("kind"),
        at: row.get("at"),
        content: Sealed::from_stored(row.get("content")),
    }
}
