//! The ledger of consent: acts are added and never changed, and what is in force is their fold, kept beside the visitor.
//! The visitor's row is locked by each act, so that acts have one order whatever clocks say.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::conversations::{BEGIN, NewConversation};
use super::lane::{AppendRow, Appended, Outcome, append};
use super::statement::{Runs, Statement};
use super::visitors::{APPEAR, READ, visitor_from};
use super::{Store, StoreError, Transaction, begin};
use crate::domain::consent::{ActKind, Purposes, Standing};
use crate::id::{ConversationId, Id, ReceiptId, TenantId, VisitorId};
use crate::privacy::retention::{RetentionClass, Stamped};

/// A grant given to another text ends with the first act under this one: an act must not carry it over.
const DECIDE: Statement = Statement::application(
    "update visitor set policy_version = $3, consent_epoch = consent_epoch + 1, \
       granted = ((case when policy_version = $3 then granted else 0 end) | ($4::integer & ~$6::integer)) & ~$5::integer, \
       objected = (objected & ~$4::integer) | ($5::integer & $6::integer) \
     where tenant_id = $1 and visitor_id = $2 returning consent_epoch",
);
const HEED_SIGNAL: Statement = Statement::application(
    "update visitor set gpc = true, granted = granted & ~$3::integer, consent_epoch = consent_epoch + 1 \
     where tenant_id = $1 and visitor_id = $2 and not gpc returning consent_epoch",
);
const RESTRICT: Statement = Statement::application(
    "update visitor set restricted = $3, consent_epoch = consent_epoch + 1 \
     where tenant_id = $1 and visitor_id = $2 and restricted <> $3 returning consent_epoch",
);
const RECORD_ACT: Statement = Statement::application(
    "insert into consent_act (tenant_id, visitor_id, act_no, receipt_id, conversation_id, policy_version, granted, \
     denied, at, digest, retention_class, anchor_at, kind, client_id) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
);
const KNOWN_ACT: Statement = Statement::application(
    "select act_no from consent_act where tenant_id = $1 and visitor_id = $2 and client_id = $3",
);
const ACTS: Statement = Statement::application(
    "select receipt_id, kind, policy_version, granted, denied, at, digest from consent_act \
     where tenant_id = $1 and visitor_id = $2 order by act_no",
);

pub(super) const STATEMENTS: &[Statement] =
    &[DECIDE, HEED_SIGNAL, RESTRICT, RECORD_ACT, KNOWN_ACT, ACTS];

/// One act about what a person's data may be used for.
#[derive(Debug, Clone)]
pub struct ConsentAct {
    /// What was done.
    pub kind: ActKind,
    /// Its receipt.
    pub receipt: ReceiptId,
    /// The client's identifier, of an act by frame.
    pub client: Option<Uuid>,
    /// The conversation in which it was done.
    pub conversation: Option<ConversationId>,
    /// The text decided upon.
    pub policy_version: String,
    /// What was granted.
    pub granted: Purposes,
    /// What was denied, withdrawn or objected to.
    pub denied: Purposes,
    /// SHA-256 over the act.
    pub digest: [u8; 32],
}

/// An act on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAct {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// What was done.
    pub kind: ActKind,
    /// The text decided upon.
    pub policy_version: String,
    /// What was granted.
    pub granted: Purposes,
    /// What was denied, withdrawn or objected to.
    pub denied: Purposes,
    /// When.
    pub at: Timestamp,
    /// SHA-256 over the act.
    pub digest: Vec<u8>,
}

fn recorded(row: &Row) -> RecordedAct {
    RecordedAct {
        receipt: Id::from_uuid(row.get("receipt_id")),
        kind: ActKind::from_stored(row.get("kind")),
        policy_version: row.get("policy_version"),
        granted: Purposes::from_stored(row.get("granted")),
        denied: Purposes::from_stored(row.get("denied")),
        at: row.get("at"),
        digest: row.get("digest"),
    }
}

async fn add(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    visitor: VisitorId,
    act_no: i64,
    act: &Stamped<ConsentAct>,
) -> Result<(), StoreError> {
    let (details, at) = (act.get(), act.anchor());
    transaction
        .run(
            RECORD_ACT,
            &[
                &tenant.uuid(),
                &visitor.uuid(),
                &act_no,
                &details.receipt.uuid(),
                &details.conversation.map(|conversation| conversation.uuid()),
                &details.policy_version,
                &details.granted.to_stored(),
                &details.denied.to_stored(),
                &at,
                &&details.digest[..],
                &RetentionClass::ConsentRecord.as_str(),
                &at,
                &details.kind.to_stored(),
                &details.client,
            ],
        )
        .await?;
    Ok(())
}

/// Lets the act change what is in force; `None` where it changes nothing.
async fn fold(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    visitor: VisitorId,
    act: &ConsentAct,
) -> Result<Option<i64>, StoreError> {
    let (tenant, visitor) = (tenant.uuid(), visitor.uuid());
    let (granted, denied) = (act.granted.to_stored(), act.denied.to_stored());
    let row = match act.kind {
        ActKind::Decision => {
            let interests = Purposes::open_to_objection().to_stored();
            let version = &act.policy_version;
            transaction
                .row_if_any(DECIDE, &[&tenant, &visitor, version, &granted, &denied, &interests])
                .await?
        }
        ActKind::PrivacySignal => {
            transaction.row_if_any(HEED_SIGNAL, &[&tenant, &visitor, &denied]).await?
        }
        ActKind::Restriction | ActKind::RestrictionLifted => {
            let is_on = act.kind == ActKind::Restriction;
            transaction.row_if_any(RESTRICT, &[&tenant, &visitor, &is_on]).await?
        }
    };
    Ok(row.map(|row| row.get(0)))
}

impl Store {
    /// Records an act of consent, what follows from it and its entry in the log, all or nothing. A repeated act (same
    /// client identifier) changes nothing and is answered with the first one's `seq`.
    pub async fn record_consent(
        &self,
        conversation: Stamped<NewConversation>,
        act: &Stamped<ConsentAct>,
        entry: AppendRow,
    ) -> Result<Appended, StoreError> {
        let new = *conversation.get();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, new.tenant).await?;
        let (class, anchor) = (conversation.class().as_str(), conversation.anchor());
        let (tenant, visitor) = (new.tenant.uuid(), new.visitor.uuid());
        transaction.run(APPEAR, &[&tenant, &visitor, &class, &anchor]).await?;
        transaction.run(BEGIN, &new.parameters(&class, &anchor)).await?;
        let known =
            transaction.row_if_any(KNOWN_ACT, &[&tenant, &visitor, &act.get().client]).await?;
        if known.is_none() {
            let act_no = fold(&transaction, new.tenant, new.visitor, act.get()).await?;
            let act_no =
                act_no.ok_or(StoreError::Unreadable("the visitor appeared and is not there"))?;
            add(&transaction, new.tenant, new.visitor, act_no, act).await?;
        }
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

    /// Records an act that has no entry in a log. Gives what is in force after it; a repeated act, one of a visitor who
    /// is not known, and one that changes nothing are not recorded.
    pub async fn record_act(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        act: &Stamped<ConsentAct>,
    ) -> Result<Standing, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (whose, who) = (tenant.uuid(), visitor.uuid());
        let known = match act.get().client {
            Some(given) => transaction.row_if_any(KNOWN_ACT, &[&whose, &who, &given]).await?,
            None => None,
        };
        if known.is_none()
            && let Some(act_no) = fold(&transaction, tenant, visitor, act.get()).await?
        {
            add(&transaction, tenant, visitor, act_no, act).await?;
        }
        let row = transaction.row_if_any(READ, &[&whose, &who]).await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(visitor_from).unwrap_or_default().standing)
    }

    /// All acts of a visitor, in the order in which they were taken.
    pub async fn acts(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<Vec<RecordedAct>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(ACTS, &[&tenant.uuid(), &visitor.uuid()]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(recorded).collect())
    }
}
