//! Questions that the documents did not cover, read from the log itself: no copy is kept anywhere, so that they go with
//! their conversation.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::turns::{StoredTurn, turn_from};
use super::{Store, StoreError, begin};
use crate::domain::audit::{Action, Deed, Objects};
use crate::domain::tenant::Period;
use crate::id::{ConversationId, Id, TenantId};

/// The question of an answer is the newest one before it.
const UNANSWERED: Statement = Statement::application(
    "select distinct on (q.conversation_id, q.seq) q.conversation_id, q.seq, q.turn_id, q.kind, q.at, q.content \
     from (select a.conversation_id, a.seq from turn a \
           where a.tenant_id = $1 and a.kind = 5 and a.at >= $2 order by a.at desc limit $6) as silent \
     join conversation c on c.tenant_id = $1 and c.conversation_id = silent.conversation_id and not c.hidden \
       and c.anchor_at + make_interval(months => $3, days => $4) > $5 \
     join lateral (select t.* from turn t where t.tenant_id = $1 and t.conversation_id = silent.conversation_id \
                   and t.seq < silent.seq and t.kind = 1 order by t.seq desc limit 1) as q on true \
     order by q.conversation_id, q.seq",
);

pub(super) const STATEMENTS: &[Statement] = &[UNANSWERED];

/// Which questions are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry {
    /// Whose.
    pub tenant: TenantId,
    /// How long the tenant keeps conversations: what is past its time is not shown.
    pub period: Period,
    /// The present.
    pub now: Timestamp,
    /// No older ones.
    pub since: Timestamp,
    /// How many at most, the newest.
    pub limit: i64,
}

impl Store {
    /// Questions of the tenant's visitors that got no answer from the documents, still sealed.
    pub async fn unanswered(
        &self,
        inquiry: &Inquiry,
    ) -> Result<Vec<(ConversationId, StoredTurn)>, StoreError> {
        let (months, days) = inquiry.period.to_stored();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, inquiry.tenant).await?;
        let rows = transaction
            .rows(
                UNANSWERED,
                &[
                    &inquiry.tenant.uuid(),
                    &inquiry.since,
                    &months,
                    &days,
                    &inquiry.now,
                    &inquiry.limit,
                ],
            )
            .await?;
        let question =
            |row: &Row| (Id::from_uuid(row.get::<_, Uuid>("conversation_id")), turn_from(row));
        let found: Vec<(ConversationId, StoredTurn)> = rows.iter().map(question).collect();
        let mut read: Vec<ConversationId> =
            found.iter().map(|(conversation, _)| *conversation).collect();
        read.dedup();
        let amount = i64::try_from(found.len()).unwrap_or(i64::MAX);
        if !read.is_empty() {
            let objects = Objects::Conversations(read);
            let deed = Deed { action: Action::TranscriptRead, objects, amount };
            self.record(&transaction, inquiry.tenant, &deed).await?;
        }
        transaction.commit().await?;
        Ok(found)
    }
}
