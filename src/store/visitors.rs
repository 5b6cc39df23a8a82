//! Visitors: what they answered about age and what they allow.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::conversations::{BEGIN, NewConversation};
use super::lane::{AppendRow, Appended, Outcome, append};
use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::age::AgeBracket;
use crate::domain::consent::{Purposes, Standing};
use crate::id::{ReceiptId, TenantId, VisitorId};
use crate::privacy::retention::{RetentionClass, Stamped};

const READ: Statement = Statement::application(
    "select age_bracket, policy_version, granted, consent_epoch from visitor where tenant_id = $1 and visitor_id = $2",
);
pub(super) const APPEAR: Statement = Statement::application(
    "insert into visitor (tenant_id, visitor_id, retention_class, anchor_at) values ($1, $2, $3, $4) \
     on conflict (tenant_id, visitor_id) do update set anchor_at = greatest(visitor.anchor_at, excluded.anchor_at)",
);
const SET_AGE: Statement = Statement::application(
    "update visitor set age_bracket = $3 where tenant_id = $1 and visitor_id = $2",
);
const DECIDE: Statement = Statement::application(
    "update visitor set policy_version = $3, granted = (granted | $4::integer) & ~$5::integer, consent_epoch = consent_epoch + 1 \
     where tenant_id = $1 and visitor_id = $2 returning consent_epoch, granted",
);
const RECORD_ACT: Statement = Statement::application(
    "insert into consent_act (tenant_id, visitor_id, act_no, receipt_id, conversation_id, policy_version, granted, \
     denied, at, digest, retention_class, anchor_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);

pub(super) const STATEMENTS: &[Statement] = &[READ, APPEAR, SET_AGE, DECIDE, RECORD_ACT];

/// What is known about a visitor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VisitorRow {
    /// The age bracket, if answered.
    pub age: Option<AgeBracket>,
    /// What is granted.
    pub standing: Standing,
}

/// One act of consent.
#[derive(Debug, Clone)]
pub struct ConsentAct {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// The text decided upon.
    pub policy_version: String,
    /// What was granted.
    pub granted: Purposes,
    /// What was denied or withdrawn.
    pub denied: Purposes,
    /// SHA-256 over the act.
    pub digest: [u8; 32],
}

pub(super) fn visitor_from(row: &Row) -> VisitorRow {
    VisitorRow {
        age: AgeBracket::from_stored(row.get("age_bracket")),
        standing: Standing {
            policy_version: row.get("policy_version"),
            granted: Purposes::from_stored(row.get("granted")),
            epoch: row.get("consent_epoch"),
        },
    }
}

impl Store {
    /// What is known about a visitor; a visitor never seen has answered nothing and allowed nothing.
    pub async fn visitor(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<VisitorRow, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(READ, &[&tenant.uuid(), &visitor.uuid()]).await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(visitor_from).unwrap_or_default())
    }

    /// Records the age bracket.
    pub async fn record_age(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        age: Stamped<AgeBracket>,
    ) -> Result<(), StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let class = age.class().as_str();
        transaction.run(APPEAR, &[&tenant.uuid(), &visitor.uuid(), &class, &age.anchor()]).await?;
        transaction
            .run(SET_AGE, &[&tenant.uuid(), &visitor.uuid(), &age.get().to_stored()])
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Records an act of consent, what follows from it and its entry in the log, all or nothing. A repeated act (same
    /// client identifier) changes nothing and is answered with the first one's `seq`.
    pub async fn record_consent(
        &self,
        conversation: Stamped<NewConversation>,
        act: &Stamped<ConsentAct>,
        entry: AppendRow,
    ) -> Result<Appended, StoreError> {
        let new = *conversation.get();
        let (tenant, visitor) = (new.tenant.uuid(), new.visitor.uuid());
        let (details, at): (&ConsentAct, Timestamp) = (act.get(), act.anchor());
        let mut client = self.application().await?;
        let transaction = begin(&mut client, new.tenant).await?;
        let class = conversation.class().as_str();
        transaction.run(APPEAR, &[&tenant, &visitor, &class, &conversation.anchor()]).await?;
        transaction.run(BEGIN, &new.parameters(&class, &conversation.anchor())).await?;
        let decided = transaction
            .row(
                DECIDE,
                &[
                    &tenant,
                    &visitor,
                    &details.policy_version,
                    &details.granted.to_stored(),
                    &details.denied.to_stored(),
                ],
            )
            .await?;
        let act_no: i64 = decided.get(0);
        transaction
            .run(
                RECORD_ACT,
                &[
                    &tenant,
                    &visitor,
                    &act_no,
                    &details.receipt.uuid(),
                    &new.conversation.uuid(),
                    &details.policy_version,
                    &details.granted.to_stored(),
                    &details.denied.to_stored(),
                    &at,
                    &&details.digest[..],
                    &RetentionClass::ConsentRecord.as_str(),
                    &at,
                ],
            )
            .await?;
        let appended = append(&transaction, std::slice::from_ref(&entry)).await?;
        let answer =
            appended.into_iter().next().ok_or(StoreError::Unreadable("append gave no answer"))?;
        if answer.outcome == Outcome::Stored {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(answer)
    }
}
