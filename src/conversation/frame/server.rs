//! What the server says, frame by frame.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Ready;
use crate::code::ErrorCode;
use crate::domain::consent::Decisions;
use crate::domain::language::Language;
use crate::domain::turn::{Citation, CloseReason, Content, Receipt, StopReason, Turn, Usage};
use crate::id::MessageId;

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The rules in force and where the log stands.
    Ready(Box<Ready>),
    /// The message is committed: it survives any crash from here on.
    Ack {
        /// The client's identifier.
        id: Uuid,
        /// Its place in the log.
        seq: i64,
    },
    /// A durable entry.
    Event {
        /// Its place in the log.
        seq: i64,
        /// When the server took it.
        at: Timestamp,
        /// What it says.
        #[serde(flatten)]
        event: Event,
    },
    /// More of the answer in progress.
    Delta {
        /// Which answer.
        message_id: MessageId,
        /// Code points before this text.
        index: usize,
        /// The text.
        text: String,
    },
    /// The answer so far, replacing what was shown.
    Snapshot {
        /// Which answer.
        message_id: MessageId,
        /// The text.
        text: String,
    },
    /// The answer is recorded.
    Done {
        /// Which answer.
        message_id: MessageId,
        /// Its place in the log.
        seq: i64,
        /// Why it ended.
        stop_reason: StopReason,
        /// Who answered.
        #[serde(skip_serializing_if = "String::is_empty")]
        provider: String,
        /// What was counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        /// Sources.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
    },
    /// Somebody is typing.
    Typing {
        /// Who.
        who: Author,
        /// Started or stopped.
        on: bool,
    },
    /// Forget local copies.
    Purge {
        /// Everything.
        all: bool,
    },
    /// Something was refused.
    Error {
        /// The row of the table.
        code: ErrorCode,
        /// The sentence.
        message: &'static str,
        /// What it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        /// When trying again may help.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

impl ServerFrame {
    /// A refusal in a visitor's language.
    pub fn error(code: ErrorCode, language: Language, id: Option<Uuid>) -> Self {
        let message = language.pick(code.chinese(), code.english());
        let retry_after_ms = code.is_retryable().then_some(1_000);
        Self::Error { code, message, id, retry_after_ms }
    }

    /// The frame as text. Every shape above serialises; if one ever did not, an empty object is what is sent.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// Who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The end user.
    Visitor,
    /// The model or knowledge base.
    Assistant,
}

/// A durable entry as viewers see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Something was said.
    Message(Message),
    /// The visitor decided about purposes.
    ConsentChanged {
        /// The client's identifier.
        id: Uuid,
        /// The text decided upon.
        policy_version: String,
        /// The decisions.
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

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// By whom.
    pub author: Author,
    /// The client's identifier, of a visitor's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The answer's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The words.
    pub text: String,
    /// Why the answer ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// Who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
}

impl From<&Turn> for ServerFrame {
    fn from(turn: &Turn) -> Self {
        let event = match turn.content.clone() {
            Content::Question { id, text } => Event::Message(Message {
                author: Author::Visitor,
                id: Some(id),
                message_id: None,
                text,
                stop_reason: None,
                provider: None,
                citations: Vec::new(),
            }),
            Content::Answer { message_id, text, stop_reason, provider, citations, .. } => {
                Event::Message(Message {
                    author: Author::Assistant,
                    id: None,
                    message_id: Some(message_id),
                    text,
                    stop_reason: Some(stop_reason),
                    provider: Some(provider),
                    citations,
                })
            }
            Content::ConsentChanged { id, policy_version, decisions, receipt } => {
                Event::ConsentChanged { id, policy_version, decisions, receipt }
            }
            Content::Closed { reason } => Event::Closed { reason },
        };
        Self::Event { seq: turn.seq, at: turn.at, event }
    }
}
