//! The receipt of a person's consent, with the fields of ISO/IEC TS 27560: who, what for, on which ground, under which
//! text, every act with its instant, and how to take it back.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Services;
use super::notice::{self, POLICY_VERSION};
use crate::domain::consent::{ActKind, Basis, Purpose};
use crate::domain::language::Language;
use crate::domain::tenant::Period;
use crate::domain::text::hexadecimal;
use crate::id::{ReceiptId, TenantId, VisitorId};
use crate::privacy::retention::RetentionClass;

use crate::store::StoreError;
use crate::store::consents::RecordedAct;
use crate::store::visitors::VisitorRow;

/// Between whom.
#[derive(Debug, Clone)]
pub struct Parties {
    /// The person, by pseudonym.
    pub subject: VisitorId,
    /// The organisation.
    pub controller: String,
    /// Who answers, in words.
    pub processor: String,
    /// How long conversations are kept.
    pub retention: Period,
    /// In which language.
    pub language: Language,
}

/// A receipt: a picture of one instant, not changed later.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// The schema whose fields these are.
    schema_version: &'static str,
    /// Of this picture.
    #[schema(value_type = String)]
    #[serde(rename = "receipt_id")]
    id: ReceiptId,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// The person's pseudonym.
    #[schema(value_type = String)]
    subject_id: VisitorId,
    /// The organisation that decides.
    controller: String,
    /// Who works for it.
    processors: Vec<String>,
    /// Which rules are kept.
    jurisdiction: &'static str,
    notice: Notice,
    /// What the data may be used for.
    purposes: Vec<Process>,
    /// Whether the use is restricted to keeping.
    is_restricted: bool,
    /// Whether Global Privacy Control is honoured for this person.
    gpc: bool,
    control: Control,
    /// Every act on record, oldest first.
    events: Vec<Event>,
}

/// The text in force.
#[derive(Debug, Serialize, ToSchema)]
struct Notice {
    version: &'static str,
    language: &'static str,
    /// SHA-256 of the text, in hexadecimal.
    sha256: String,
    url: String,
}

/// One purpose.
#[derive(Debug, Serialize, ToSchema)]
struct Process {
    purpose: Purpose,
    basis: Basis,
    /// Whether this version does anything for it.
    is_served: bool,
    /// Whether it may be served now.
    is_allowed: bool,
    data: &'static str,
    storage: Storage,
    /// What the basis lets a person demand.
    rights: &'static [&'static str],
}

/// Where and how long.
#[derive(Debug, Serialize, ToSchema)]
struct Storage {
    location: &'static str,
    duration: String,
    deletion: &'static str,
}

/// How to take it back.
#[derive(Debug, Serialize, ToSchema)]
struct Control {
    withdraw: &'static str,
    restrict: &'static str,
    receipt: &'static str,
}

/// One act.
#[derive(Debug, Serialize, ToSchema)]
struct Event {
    #[schema(value_type = String)]
    record_id: ReceiptId,
    #[schema(value_type = String)]
    at: Timestamp,
    kind: ActKind,
    given: Vec<Purpose>,
    withdrawn: Vec<Purpose>,
    /// `subject` or `user_agent`.
    indicated_by: &'static str,
    method: &'static str,
    policy_version: String,
    /// SHA-256 over the act, in hexadecimal.
    digest: String,
}

impl Receipt {
    /// The receipt of a visitor at `now`.
    fn of(
        id: ReceiptId,
        now: Timestamp,
        row: &VisitorRow,
        acts: &[RecordedAct],
        parties: Parties,
    ) -> Self {
        let Parties { subject, controller, processor, retention, language } = parties;
        Self {
            schema_version: "ISO/IEC TS 27560:2023",
            id,
            created_at: now,
            subject_id: subject,
            controller,
            processors: vec![processor],
            jurisdiction: "not looked up; everybody gets the strictest rule: consent first, from 16 years",
            notice: Notice {
                version: POLICY_VERSION,
                language: language.as_str(),
                sha256: hexadecimal(&notice::digest(language)),
                url: format!("/pages/{}/privacy", language.as_str()),
            },
            purposes: Purpose::ALL.iter().map(|of| process(*of, row, retention)).collect(),
            is_restricted: row.is_restricted,
            gpc: row.has_signalled,
            control: Control {
                withdraw: "the menu of the chat, or a `consent` frame with `denied`, at any time",
                restrict: "PUT /v1/widget/{widget_id}/restriction",
                receipt: "GET /v1/widget/{widget_id}/consent",
            },
            events: acts.iter().map(event).collect(),
        }
    }
}

impl Services {
    /// The receipt of a visitor as of now.
    pub async fn receipt(&self, tenant: TenantId, parties: Parties) -> Result<Receipt, StoreError> {
        let row = self.store.visitor(tenant, parties.subject).await?;
        let acts = self.store.acts(tenant, parties.subject).await?;
        Ok(Receipt::of(self.ids.next(), self.clock.now(), &row, &acts, parties))
    }

    /// Whether anything is kept about a visitor.
    pub async fn is_known(&self, tenant: TenantId, visitor: VisitorId) -> Result<bool, StoreError> {
        Ok(self.store.visitor(tenant, visitor).await? != VisitorRow::default())
    }
}

fn process(purpose: Purpose, row: &VisitorRow, retention: Period) -> Process {
    let is_allowed = purpose.is_served()
        && !row.is_restricted
        && !row.objected.contains(purpose)
        && row.standing.allows(purpose, POLICY_VERSION);
    Process {
        purpose,
        basis: purpose.basis(),
        is_served: purpose.is_served(),
        is_allowed: is_allowed || purpose.basis() == Basis::LegalObligation,
        data: "the messages of the conversation; the age bracket; decisions about purposes",
        storage: Storage {
            location: "the controller's server, as ciphertext under a key of the conversation",
            duration: RetentionClass::Conversation.period(retention).in_words(Language::En),
            deletion: "the key is destroyed, then the rows",
        },
        rights: match purpose.basis() {
            Basis::Consent => &["withdrawal", "access", "erasure", "restriction", "portability"],
            Basis::Contract => {
                &["access", "rectification", "erasure", "restriction", "portability"]
            }
            Basis::LegitimateInterest => &["objection", "access", "erasure", "restriction"],
            Basis::LegalObligation => &["access", "rectification", "restriction"],
        },
    }
}

fn event(act: &RecordedAct) -> Event {
    let (indicated_by, method) = match act.kind {
        ActKind::Decision => ("subject", "consent frame"),
        ActKind::PrivacySignal => ("user_agent", "Global Privacy Control"),
        ActKind::Restriction | ActKind::RestrictionLifted => ("subject", "restriction request"),
    };
    Event {
        record_id: act.receipt,
        at: act.at,
        kind: act.kind,
        given: act.granted.iter().collect(),
        withdrawn: act.denied.iter().collect(),
        indicated_by,
        method,
        policy_version: act.policy_version.clone(),
        digest: hexadecimal(&act.digest),
    }
}
