//! The frames of `veetflow.v1`, and nothing but their shape. See `docs/PROTOCOL.md`.

use serde::Deserialize;
use uuid::Uuid;

use crate::code::ErrorCode;
use crate::domain::age::AgeBracket;
use crate::domain::consent::Decisions;
use crate::id::{ConversationId, MessageId};

mod ready;
mod server;

pub use ready::{Ai, Consent, Limits, Ready, Retention, You};
pub use server::{Author, Event, Message, ServerFrame};

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
    /// Answer the same question once more; the earlier answer stays in the log.
    Regenerate {
        /// The newest answer.
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
            Self::Open(_)
            | Self::Stop { .. }
            | Self::Regenerate { .. }
            | Self::Typing { .. }
            | Self::Read { .. }
            | Self::Close => None,
        }
    }
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open(_) => "open",
            Self::Send { .. } => "send",
            Self::Stop { .. } => "stop",
            Self::Regenerate { .. } => "regenerate",
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

const KNOWN_TYPES: [&str; 9] =
    ["open", "send", "stop", "regenerate", "consent", "age", "typing", "read", "close"];

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
        let frame =
            parse(r#"{"type":"send","id":"0192a0b0-0000-7000-8000-000000000001","text":"secret"}"#);
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
