//! An act of consent: recorded with its receipt in one transaction with what follows from it.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Services;
use super::notice;
use super::recording::{Pen, RecordError, Whereabouts};
use crate::domain::consent::{Decision, Decisions, Purposes};
use crate::domain::text::hexadecimal;
use crate::domain::turn::{Content, Receipt};
use crate::id::{ReceiptId, VisitorId};
use crate::privacy::retention::{RetentionClass, stamp};
use crate::store::lane::Appended;
use crate::store::visitors::ConsentAct;
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
    for language in [crate::domain::language::Language::Zh, crate::domain::language::Language::En] {
        hasher.update(notice::digest(language));
    }
    for (purpose, decision) in decisions {
        hasher.update(purpose.as_str());
        hasher.update([u8::from(*decision == Decision::Granted), 0]);
    }
    hasher.finalize().into()
}

fn chosen(decisions: &Decisions, wanted: Decision) -> Purposes {
    decisions
        .iter()
        .filter(|(purpose, decision)| purpose.rests_on_consent() && **decision == wanted)
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
        let receipt: ReceiptId = self.ids.next();
        // The database keeps microseconds; the receipt must be checkable against what it keeps.
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        let sha256 = digest(whereabouts.visitor(), receipt, &act.decisions, at);
        let content = Content::ConsentChanged {
            id: act.id,
            policy_version: notice::POLICY_VERSION.to_owned(),
            decisions: act.decisions.clone(),
            receipt: Receipt { id: receipt, digest: hexadecimal(&sha256) },
        };
        let row = whereabouts.row(&self.ids, &pen, &key, &content, at)?;
        let record = ConsentAct {
            receipt,
            policy_version: notice::POLICY_VERSION.to_owned(),
            granted: chosen(&act.decisions, Decision::Granted),
            denied: chosen(&act.decisions, Decision::Denied),
            digest: sha256,
        };
        let beginning = stamp(whereabouts.beginning(self), RetentionClass::Conversation, at);
        let record = stamp(record, RetentionClass::ConsentRecord, at);
        let appended = self.store.record_consent(beginning, &record, row).await?;
        Ok((appended, content, key))
    }
}
