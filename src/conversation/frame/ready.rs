//! The first frame a viewer gets: the rules in force and where the log stands.

use serde::Serialize;

use crate::domain::consent::Purpose;
use crate::id::ConversationId;

/// `ready`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ready {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The lease.
    pub epoch: i64,
    /// The newest entry.
    pub head_seq: i64,
    /// What is known about the visitor.
    pub you: You,
    /// How long the conversation is kept.
    pub retention: Retention,
    /// Who answers.
    pub ai: Ai,
    /// What a client must keep to.
    pub limits: Limits,
}

/// What is known about the visitor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct You {
    /// How sure the server is of who this is.
    pub assurance: &'static str,
    /// The age bracket, or `unknown`.
    pub age: &'static str,
    /// The consent in force.
    pub consent: Consent,
}

/// The consent in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Consent {
    /// The text last decided upon.
    pub policy_version: Option<String>,
    /// What is granted under the text in force.
    pub granted: Vec<Purpose>,
    /// What is needed before a message can be answered.
    pub needed: Vec<Purpose>,
}

/// How long the conversation is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Retention {
    /// The class.
    pub class: &'static str,
    /// The period in words, counted from the last turn.
    pub until_text: String,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Ai {
    /// In records.
    pub provider: &'static str,
    /// For people.
    pub label: String,
}

/// What a client must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Code points of a message.
    pub text_chars: usize,
}
