//! One durable entry of a conversation's log, and what may stand in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::budget::Spend;
use crate::domain::consent::Decisions;
use crate::id::{MessageId, ReceiptId};

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model said all it wanted.
    Complete,
    /// The visitor pressed stop.
    Stopped,
    /// The length limit was reached.
    Length,
    /// The provider failed.
    Error,
    /// The stream was cut off, or the server died while it ran.
    Interrupted,
    /// Consent was withdrawn while it ran; what had been generated is dropped.
    ConsentWithdrawn,
    /// The knowledge base does not cover the question.
    Abstained,
    /// The provider declined for reasons of content.
    Refused,
    /// The model found that a person is needed; the answer says how to reach one.
    HandoffRequested,
}

/// Where an answer's statement comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The name of the document and section.
    pub title: String,
    /// Where it can be read.
    pub url: String,
}

/// What the provider counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, those read from a cache included.
    pub input_tokens: u32,
    /// Tokens of the answer, those of reasoning included.
    pub output_tokens: u32,
    /// Tokens of the prompt that the provider had in a cache.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cached_tokens: u32,
    /// Tokens of the answer that nobody is shown.
    #[serde(default, skip_serializing_if = "is_none")]
    pub reasoning_tokens: u32,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_the_programs_own(version: &i32) -> bool {
    *version == 0
}

/// Why a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The visitor ended it.
    Visitor,
    /// Nobody wrote for 24 hours.
    Idle,
    /// It was seven days old; a new one takes over so that no transcript is kept alive for ever.
    RolledOver,
}

/// What a durable entry says. Its serialised form is what the vault seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// The visitor wrote.
    Question {
        /// The client's identifier of the message.
        id: Uuid,
        /// The words.
        text: String,
    },
    /// The assistant answered.
    Answer {
        /// The answer's identifier.
        message_id: MessageId,
        /// The words.
        text: String,
        /// Why it ended.
        stop_reason: StopReason,
        /// Who answered.
        provider: String,
        /// The model, as the provider calls it.
        model: String,
        /// Requests to providers that it took.
        #[serde(default)]
        attempts: u32,
        /// What was counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        /// Which of the tenant's instructions the model had; 0 for the program's own.
        #[serde(default, skip_serializing_if = "is_the_programs_own")]
        instruction: i32,
        /// What all requests for it cost together; of an answer that was stopped, the most that it can have cost.
        #[serde(default, skip_serializing_if = "Spend::is_nothing")]
        cost: Spend,
        /// What the conversation had spent with it.
        #[serde(default, skip_serializing_if = "Spend::is_nothing")]
        spent: Spend,
        /// Sources.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
    },
    /// The visitor decided about purposes.
    ConsentChanged {
        /// The client's identifier of the act.
        id: Uuid,
        /// The text decided upon.
        policy_version: String,
        /// What was decided.
        decisions: Decisions,
        /// The receipt.
        receipt: Receipt,
    },
    /// The conversation ended.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

impl Content {
    /// The number stored in clear beside the sealed content, so that the log can be counted without being read. An answer
    /// that says that the documents are silent has a number of its own: by it, the question is found for the tenant's
    /// report, and it goes when the turn goes.
    pub const fn stored_kind(&self) -> i16 {
        match self {
            Self::Question { .. } => 1,
            Self::Answer { stop_reason: StopReason::Abstained, .. } => 5,
            Self::Answer { .. } => 2,
            Self::ConsentChanged { .. } => 3,
            Self::Closed { .. } => 4,
        }
    }

    /// The identifier by which a repeated write is recognised: the client's, or an answer's own.
    pub const fn client_id(&self) -> Option<Uuid> {
        match self {
            Self::Question { id, .. } | Self::ConsentChanged { id, .. } => Some(*id),
            Self::Answer { message_id, .. } => Some(message_id.uuid()),
            Self::Closed { .. } => None,
        }
    }
}

/// The proof of an act of consent that the person can keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The receipt's identifier.
    pub id: ReceiptId,
    /// SHA-256 over the act, in hexadecimal.
    pub digest: String,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Dense and rising from 1 within the conversation.
    pub seq: i64,
    /// When the server took it.
    pub at: Timestamp,
    /// What it says.
    pub content: Content,
}
