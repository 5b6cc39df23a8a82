//! The frames of `veetflow.v1`, and nothing but their shape. See `docs/PROTOCOL.md`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::code::ErrorCode;
use crate::domain::age::AgeBracket;
use crate::domain::consent::{Decisions, Purpose};
use crate::domain::language::Language;
use crate::domain::turn::{Citation, CloseReason, Content, Receipt, StopReason, Turn, Usage};
use crate::id::{ConversationId, MessageId};

/// The subprotocol's name.
pub const PROTOCOL: &str = "veetflow.v1";

/// What a client says. Unknown fields are ignored, so that both sides can grow.
#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Start or resume.
    Open(Open),
    /// One message.
    Send {
        /// The client's identifier; a repetition is answered with the same `ack`.
        id: Uuid,
        /// The words.
        text: String,
    },
    /// Stop generating.
    Stop {
        /// Which answer.
        message_id: MessageId,
    },
    /// Decide about purposes.
    Consent {
        /// The client's identifier.
        id: Uuid,
        /// The text decided upon.
        policy_version: String,
        /// The decisions.
        decisions: Decisions,
    },
    /// Answer the age question.
    Age {
        /// The client's identifier.
        id: Uuid,
        /// The answer.
        bracket: AgeBracket,
    },
    /// Somebody is typing; never what.
    Typing {
        /// Started or stopped.
        on: bool,
    },
    /// Read up to here.
    Read {
        /// The newest entry seen.
        seq: i64,
    },
    /// End the conversation.
    Close,
}

impl ClientFrame {
    /// The client's identifier, of frames that are answered by it.
    pub const fn client_id(&self) -> Option<Uuid> {
        match self {
            Self::Send { id, .. } | Self::Consent { id, .. } | Self::Age { id, .. } => Some(*id),
            Self::Open(_) | Self::Stop { .. } | Self::Typing { .. } | Self::Read { .. } | Self::Close => None,
        }
    }
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open(_) => "open",
            Self::Send { .. } => "send",
            Self::Stop { .. } => "stop",
            Self::Consent { .. } => "consent",
            Self::Age { .. } => "age",
            Self::Typing { .. } => "typing",
            Self::Read { .. } => "read",
            Self::Close => "close",
        })
    }
}

/// `open`
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Open {
    /// Which conversation; none starts a new one.
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// The newest entry the client has; what follows is replayed.
    #[serde(default)]
    pub last_seq: i64,
    /// The part of an answer that the client has.
    #[serde(default)]
    pub partial: Option<Partial>,
}

/// A part of an answer.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Partial {
    /// Which answer.
    pub message_id: MessageId,
    /// How many code points of it.
    pub chars: usize,
}

const KNOWN_TYPES: [&str; 8] = ["open", "send", "stop", "consent", "age", "typing", "read", "close"];

/// Why a text is not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Not a frame at all, or of an unknown type.
    pub code: ErrorCode,
    /// The client's identifier, where it could be made out.
    pub id: Option<Uuid>,
}

/// Reads a client's text.
pub fn parse(text: &str) -> Result<ClientFrame, Unreadable> {
    #[derive(Deserialize)]
    struct Head {
        r#type: String,
        #[serde(default)]
        id: serde_json::Value,
    }
    serde_json::from_str(text).map_err(|_| match serde_json::from_str::<Head>(text) {
        Err(_) => Unreadable { code: ErrorCode::BadFrame, id: None },
        Ok(head) => Unreadable {
            code: if KNOWN_TYPES.contains(&head.r#type.as_str()) {
                ErrorCode::BadFrame
            } else {
                ErrorCode::UnknownFrame
            },
            id: head.id.as_str().and_then(|id| id.parse().ok()),
        },
    })
}

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
            Content::Answer { message_id, text, stop_reason, provider, citations, .. } => Event::Message(Message {
                author: Author::Assistant,
                id: None,
                message_id: Some(message_id),
                text,
                stop_reason: Some(stop_reason),
                provider: Some(provider),
                citations,
            }),
            Content::ConsentChanged { id, policy_version, decisions, receipt } => {
                Event::ConsentChanged { id, policy_version, decisions, receipt }
            }
            Content::Closed { reason } => Event::Closed { reason },
        };
        Self::Event { seq: turn.seq, at: turn.at, event }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_of_the_future_is_unknown_and_a_broken_one_is_bad() {
        let code = |text| parse(text).map(|_| ()).map_err(|error| error.code);
        assert_eq!(code(r#"{"type":"dance"}"#), Err(ErrorCode::UnknownFrame));
        assert_eq!(code(r#"{"type":"send"}"#), Err(ErrorCode::BadFrame));
        assert_eq!(code(r#"{"type":7}"#), Err(ErrorCode::BadFrame));
        assert_eq!(code("[]"), Err(ErrorCode::BadFrame));
        assert_eq!(code(r#"{"type":"open","future":{"a":1}}"#), Ok(()));
        let id = "0192a0b0-0000-7000-8000-000000000001";
        let half = parse(&format!(r#"{{"type":"send","id":"{id}"}}"#)).expect_err("no text");
        assert_eq!(half.id, id.parse().ok());
    }

    #[test]
    fn a_frame_shown_by_debug_shows_no_words() {
        let frame = parse(r#"{"type":"send","id":"0192a0b0-0000-7000-8000-000000000001","text":"secret"}"#);
        assert!(!format!("{frame:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
            drop(parse(&text));
            drop(parse(&format!(r#"{{"type":"send",{text}}}"#)));
        }
    }
}
