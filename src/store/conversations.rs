//! Conversations and their leases: which node may write, fenced by a number that only rises.

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::visitors::{APPEAR, VisitorRow, visitor_from};
use super::{Store, StoreError, begin};
use crate::id::{ConversationId, Id, NodeId, TenantId, VisitorId, WidgetId};
use crate::privacy::retention::Stamped;

pub(super) const BEGIN: Statement = Statement::application(
    "insert into conversation (tenant_id, conversation_id, visitor_id, widget_id, node_id, epoch, started_at, \
     retention_class, anchor_at, anchor_day) values ($1, $2, $3, $4, $5, 1, $6, $7, $6, ($6 at time zone 'UTC')::date) \
     on conflict (tenant_id, conversation_id) do nothing",
);
const TAKE: Statement = Statement::application(
    "update conversation c set epoch = c.epoch + 1, node_id = $4 \
     from visitor v \
     where c.tenant_id = $1 and c.conversation_id = $2 and c.visitor_id = $3 and not c.hidden \
       and v.tenant_id = c.tenant_id and v.visitor_id = c.visitor_id \
     returning c.epoch, c.head_seq, c.read_seq, c.state, c.started_at, c.anchor_at, v.age_bracket, v.policy_version, \
               v.granted, v.consent_epoch, v.gpc, v.restricted, v.objected",
);
const LATEST: Statement = Statement::application(
    "select conversation_id, started_at, anchor_at from conversation \
     where tenant_id = $1 and visitor_id = $2 and state = 1 and not hidden order by anchor_at desc limit 1",
);

pub(super) const STATEMENTS: &[Statement] = &[BEGIN, TAKE, LATEST];

/// A conversation about to begin. Its first lease has epoch 1.
#[derive(Debug, Clone, Copy)]
pub struct NewConversation {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub conversation: ConversationId,
    /// With whom.
    pub visitor: VisitorId,
    /// Through which widget.
    pub widget: WidgetId,
    /// Where it lives.
    pub node: NodeId,
}

impl NewConversation {
    pub(super) fn parameters<'a>(
        &'a self,
        class: &'a &'static str,
        at: &'a Timestamp,
    ) -> [&'a (dyn ToSql + Sync); 7] {
        [
            self.tenant.as_uuid(),
            self.conversation.as_uuid(),
            self.visitor.as_uuid(),
            self.widget.as_uuid(),
            self.node.as_uuid(),
            at,
            class,
        ]
    }
}

/// The right to write, and where the log stands.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Rises with each lease; an append under an older one is refused.
    pub epoch: i64,
    /// The newest `seq`.
    pub head_seq: i64,
    /// What the visitor has read.
    pub read_seq: i64,
    /// Whether it was ended.
    pub is_closed: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When the last turn was taken.
    pub anchor_at: Timestamp,
    /// The visitor.
    pub visitor: VisitorRow,
}

/// The newest open conversation of a visitor.
#[derive(Debug, Clone, Copy)]
pub struct Latest {
    /// Which.
    pub conversation: ConversationId,
    /// When it began.
    pub started_at: Timestamp,
    /// When the last turn was taken.
    pub anchor_at: Timestamp,
}

impl Store {
    /// Begins a conversation with the lease of epoch 1; repeating it is harmless.
    pub async fn begin_conversation(
        &self,
        new: Stamped<NewConversation>,
    ) -> Result<(), StoreError> {
        let (conversation, class, at) = (*new.get(), new.class().as_str(), new.anchor());
        let mut client = self.application().await?;
        let transaction = begin(&mut client, conversation.tenant).await?;
        transaction
            .run(APPEAR, &[&conversation.tenant.uuid(), &conversation.visitor.uuid(), &class, &at])
            .await?;
        transaction.run(BEGIN, &conversation.parameters(&class, &at)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes the lease of a visitor's conversation, fencing off whoever held it. `None` when there is no such
    /// conversation of this visitor, whatever the reason.
    pub async fn take_lease(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        visitor: VisitorId,
        node: NodeId,
    ) -> Result<Option<Lease>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let parameters: [&(dyn ToSql + Sync); 4] =
            [&tenant.uuid(), &conversation.uuid(), &visitor.uuid(), &node.uuid()];
        let row = transaction.row_if_any(TAKE, &parameters).await?;
        transaction.commit().await?;
        Ok(row.map(|row| Lease {
            epoch: row.get("epoch"),
            head_seq: row.get("head_seq"),
            read_seq: row.get("read_seq"),
            is_closed: row.get::<_, i16>("state") == 2,
            started_at: row.get("started_at"),
            anchor_at: row.get("anchor_at"),
            visitor: visitor_from(&row),
        }))
    }

    /// The visitor's newest open conversation, if there is one.
    pub async fn latest_conversation(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<Option<Latest>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(LATEST, &[&tenant.uuid(), &visitor.uuid()]).await?;
        transaction.commit().await?;
        Ok(row.map(|row| Latest {
            conversation: Id::from_uuid(row.get::<_, Uuid>(0)),
            started_at: row.get(1),
            anchor_at: row.get(2),
        }))
    }
}
