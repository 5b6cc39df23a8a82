//! An act of consent: recorded with its receipt in one transaction with what follows from it.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Services;
use super::notice;
use super::recording::{Pen, RecordError, Whereabouts};
use crate::domain::consent::{ActKind, Decision, Decisions, Purposes, Standing};
use crate::domain::language::Language;
use crate::domain::text::hexadecimal;
use crate::domain::turn::{Content, Receipt};
use crate::id::{ReceiptId, TenantId, VisitorId};
use crate::privacy::retention::{RetentionClass, stamp};
use crate::store::StoreError;
use crate::store::consents::ConsentAct;
use crate::store::lane::Appended;
use crate::vault::ConversationKey;

/// What a visitor decided.
#[derive(Debug, Clone)]
pub struct Act {
    /// The client's identifier.
    pub id: Uuid,
    /// The decisions.
    pub decisions: Decisions,
}

/// The digest that ties a receipt to the act: visitor, text, decisions, instant.
fn digest(
    kind: ActKind,
    visitor: VisitorId,
    receipt: ReceiptId,
    decisions: &Decisions,
    at: Timestamp,
) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"veetflow/consent/1\0");
    hasher.update(visitor.uuid().as_bytes());
    hasher.update(receipt.uuid().as_bytes());
    hasher.update(at.as_microsecond().to_be_bytes());
    for language in [Language::Zh, Language::En] {
        hasher.update(notice::digest(language));
    }
    for (purpose, decision) in decisions {
        hasher.update(purpose.as_str());
        hasher.update([u8::from(*decision == Decision::Granted), 0]);
    }
    if kind != ActKind::Decision {
        hasher.update(kind.to_stored().to_be_bytes());
    }
    hasher.finalize().into()
}

/// The database keeps microseconds; a receipt must be checkable against what it keeps.
fn as_stored(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn chosen(decisions: &Decisions, wanted: Decision) -> Purposes {
    decisions
        .iter()
        .filter(|(purpose, decision)| purpose.may_be(wanted) && **decision == wanted)
        .fold(Purposes::default(), |set, (purpose, _)| set.decided(*purpose, Decision::Granted))
}

impl Services {
    /// Records an act of consent; the content returned is what the log now says.
    pub async fn record_consent(
        &self,
        whereabouts: Whereabouts,
        pen: Pen,
        act: Act,
        at: Timestamp,
    ) -> Result<(Appended, Content, ConversationKey), RecordError> {
        let key = self.key(whereabouts, pen.key.clone()).await?;
        let at = as_stored(at);
        let record = self.act(ActKind::Decision, whereabouts.visitor(), &act.decisions, at);
        let record = ConsentAct {
            client: Some(act.id),
            conversation: Some(whereabouts.conversation),
            ..record
        };
        let content = Content::ConsentChanged {
            id: act.id,
            policy_version: notice::POLICY_VERSION.to_owned(),
            decisions: act.decisions.clone(),
            receipt: Receipt { id: record.receipt, digest: hexadecimal(&record.digest) },
        };
        let row = whereabouts.row(&self.ids, &pen, &key, &content, at)?;
        let beginning = stamp(whereabouts.beginning(self), RetentionClass::Conversation, at);
        let record = stamp(record, RetentionClass::ConsentRecord, at);
        let appended = self.store.record_consent(beginning, &record, row).await?;
        Ok((appended, content, key))
    }

    /// Records an act in a conversation that takes no entries any more: taking back is possible for as long as there is
    /// something to take back. Gives what is in force after it.
    pub async fn record_withdrawal(
        &self,
        whereabouts: Whereabouts,
        act: Act,
        at: Timestamp,
    ) -> Result<Standing, StoreError> {
        let at = as_stored(at);
        let record = self.act(ActKind::Decision, whereabouts.visitor(), &act.decisions, at);
        let record = ConsentAct {
            client: Some(act.id),
            conversation: Some(whereabouts.conversation),
            ..record
        };
        let record = stamp(record, RetentionClass::ConsentRecord, at);
        self.store.record_act(whereabouts.session.tenant, whereabouts.visitor(), &record).await
    }

    /// Heeds Global Privacy Control for a visitor who is known: what it ends is ended, once, and a later act of their own
    /// is not overruled by the same signal. It never counts as consent and deletes nothing.
    pub async fn heed_signal(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        at: Timestamp,
    ) -> Result<Standing, StoreError> {
        let ended = Purposes::ended_by_signal().iter().map(|purpose| (purpose, Decision::Denied));
        self.record_alone(ActKind::PrivacySignal, tenant, visitor, ended.collect(), at).await
    }

    /// Restricts the use of what is kept about a visitor to keeping it, or lifts that.
    pub async fn restrict(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        is_on: bool,
        at: Timestamp,
    ) -> Result<Standing, StoreError> {
        let kind = if is_on { ActKind::Restriction } else { ActKind::RestrictionLifted };
        self.record_alone(kind, tenant, visitor, Decisions::new(), at).await
    }

    async fn record_alone(
        &self,
        kind: ActKind,
        tenant: TenantId,
        visitor: VisitorId,
        decisions: Decisions,
        at: Timestamp,
    ) -> Result<Standing, StoreError> {
        let at = as_stored(at);
        let record = self.act(kind, visitor, &decisions, at);
        self.store
            .record_act(tenant, visitor, &stamp(record, RetentionClass::ConsentRecord, at))
            .await
    }

    fn act(
        &self,
        kind: ActKind,
        visitor: VisitorId,
        decisions: &Decisions,
        at: Timestamp,
    ) -> ConsentAct {
        let receipt: ReceiptId = self.ids.next();
        ConsentAct {
            kind,
            receipt,
            client: None,
            conversation: None,
            policy_version: notice::POLICY_VERSION.to_owned(),
            granted: chosen(decisions, Decision::Granted),
            denied: chosen(decisions, Decision::Denied),
            digest: digest(kind, visitor, receipt, decisions, at),
        }
    }
}
