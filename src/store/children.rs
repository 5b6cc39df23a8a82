//! A child's data: restricted and hidden in one step, so that nobody reads it while the purge is on its way (policy §10).

use jiff::Timestamp;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::id::{ConversationId, Id, TenantId, VisitorId};

const VISITOR_OF: Statement = Statement::application(
    "select visitor_id from conversation where tenant_id = $1 and conversation_id = $2",
);
const MARK: Statement = Statement::application(
    "update visitor set child_at = coalesce(child_at, $3), restricted = true, granted = 0, age_bracket = 0, \
       consent_epoch = consent_epoch + 1 \
     where tenant_id = $1 and visitor_id = $2 returning visitor_id",
);
const HIDE: Statement = Statement::application(
    "update conversation set hidden = true where tenant_id = $1 and visitor_id = $2",
);

pub(super) const STATEMENTS: &[Statement] = &[VISITOR_OF, MARK, HIDE];

impl Store {
    /// Whose conversation it is.
    pub async fn visitor_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Option<VisitorId>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row =
            transaction.row_if_any(VISITOR_OF, &[&tenant.uuid(), &conversation.uuid()]).await?;
        transaction.commit().await?;
        Ok(row.map(|row| Id::from_uuid(row.get::<_, Uuid>(0))))
    }

    /// Marks a visitor as a child and hides every conversation of theirs, all or nothing. From then on no entry is
    /// added, and the next pass of the purge erases all of it. Gives the number of conversations, `None` for a visitor
    /// who is not known; repeating it is harmless.
    pub async fn mark_child(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        at: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (tenant, visitor) = (tenant.uuid(), visitor.uuid());
        if transaction.row_if_any(MARK, &[&tenant, &visitor, &at]).await?.is_none() {
            return Ok(None);
        }
        let hidden = transaction.run(HIDE, &[&tenant, &visitor]).await?;
        transaction.commit().await?;
        Ok(Some(hidden))
    }
}
