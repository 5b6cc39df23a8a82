//! Anthropic Messages, natively: server-sent events whose JSON is padded with spaces, content in numbered blocks.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::call::{Decode, Found};
use super::model::{Model, Protocol};
use super::post::Post;
use super::{Delta, ProviderError, ToolRequest};
use crate::domain::prompt::{Prompt, Role};
use crate::domain::turn::{StopReason, Usage};

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Messages;

impl Protocol for Messages {
    type Decoder = MessagesDecoder;

    const VENDOR: &'static str = "https://api.anthropic.com/v1";

    fn request(model: &Model, prompt: &Prompt) -> Post {
        let address = format!("{}/messages", model.base_url);
        Post::to(address, &Request::new(model, prompt))
            .header("x-api-key", model.key())
            .header("anthropic-version", "2023-06-01")
    }
}

#[derive(Debug, Serialize)]
struct Request {
    model: String,
    max_tokens: u32,
    stream: bool,
    system: String,
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offer>,
}

#[derive(Debug, Serialize)]
struct Offer {
    name: &'static str,
    description: &'static str,
    input_schema: serde_json::Value,
}

#[derive(Debug, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

impl Request {
    fn new(model: &Model, prompt: &Prompt) -> Self {
        let messages = prompt.lines.iter().map(|line| Message {
            role: match line.role {
                Role::Visitor => "user",
                Role::Assistant => "assistant",
            },
            content: line.text.clone(),
        });
        let tools = model.tools_for(prompt).map(|tool| Offer {
            name: tool.name(),
            description: tool.description(),
            input_schema: tool.schema(),
        });
        Self {
            model: model.settings.model.clone(),
            max_tokens: model.settings.max_tokens,
            stream: true,
            system: prompt.instruction(),
            // The protocol wants the visitor to speak first; a trimmed history may begin with an answer.
            messages: messages.skip_while(|message| message.role != "user").collect(),
            tools: tools.collect(),
        }
    }
}

/// Reads the protocol's events. Usage comes in two halves: the prompt's at the start, the answer's at the end.
#[derive(Debug, Default)]
pub(super) struct MessagesDecoder {
    usage: Usage,
    stop: Option<StopReason>,
    tool: Option<ToolRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        #[serde(borrow)]
        delta: Piece<'a>,
    },
    ContentBlockStop,
    MessageDelta {
        delta: End,
        #[serde(default)]
        usage: Counted,
    },
    MessageStop,
    Error {
        error: Failure,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Start {
    usage: Counted,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    r#type: String,
    name: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    TextDelta {
        #[serde(borrow)]
        text: Cow<'a, str>,
    },
    InputJsonDelta {
        #[serde(borrow)]
        partial_json: Cow<'a, str>,
    },
    /// Reasoning and its signature among them: nobody is shown those.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    r#type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    #[serde(rename = "input_tokens")]
    fresh: Option<u32>,
    #[serde(rename = "cache_creation_input_tokens")]
    written: Option<u32>,
    #[serde(rename = "cache_read_input_tokens")]
    read: Option<u32>,
    #[serde(rename = "output_tokens")]
    output: Option<u32>,
}

impl Decode for MessagesDecoder {
    fn take(&mut self, _: &str, data: &str, found: &mut Found) {
        match serde_json::from_str::<Event<'_>>(data) {
            Ok(Event::MessageStart { message }) => self.count(&message.usage),
            Ok(Event::ContentBlockStart { content_block }) => self.begin(content_block, found),
            Ok(Event::ContentBlockDelta { delta }) => self.grow(delta, found),
            Ok(Event::ContentBlockStop) => {
                found.extend(self.tool.take().map(|tool| Ok(Delta::Tool(tool))));
            }
            Ok(Event::MessageDelta { delta, usage }) => {
                self.count(&usage);
                self.stop = delta.stop_reason.as_deref().map(stop_reason);
            }
            Ok(Event::MessageStop) => {
                found.push_back(Ok(Delta::Usage(self.usage)));
                found.extend(self.stop.take().map(|stop| Ok(Delta::Stop(stop))));
            }
            Ok(Event::Error { error }) => found.push_back(Err(error_of(&error))),
            Ok(Event::Unknown) => {}
            Err(_) => found.push_back(Err(ProviderError::Malformed)),
        }
    }
}

impl MessagesDecoder {
    fn begin(&mut self, block: Block, found: &mut Found) {
        if block.r#type == "tool_use" {
            self.tool = Some(ToolRequest { name: block.name, arguments: String::new() });
        } else if block.r#type == "text" && !block.text.is_empty() {
            found.push_back(Ok(Delta::Text(block.text)));
        }
    }

    fn grow(&mut self, piece: Piece<'_>, found: &mut Found) {
        match piece {
            Piece::TextDelta { text } if !text.is_empty() => {
                found.push_back(Ok(Delta::Text(text.into_owned())));
            }
            Piece::InputJsonDelta { partial_json } => {
                if let Some(tool) = self.tool.as_mut() {
                    tool.push(&partial_json);
                }
            }
            Piece::TextDelta { .. } | Piece::Unknown => {}
        }
    }

    /// The vendor counts tokens read from or written to its cache apart; a prompt is all three together.
    fn count(&mut self, counted: &Counted) {
        if let Some(fresh) = counted.fresh {
            let read = counted.read.unwrap_or_default();
            let written = counted.written.unwrap_or_default();
            self.usage.input_tokens = fresh.saturating_add(read).saturating_add(written);
            self.usage.cached_tokens = read;
        }
        if let Some(output) = counted.output {
            self.usage.output_tokens = output;
        }
    }
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Refused,
        _ => StopReason::Complete,
    }
}

fn error_of(failure: &Failure) -> ProviderError {
    match failure.r#type.as_str() {
        "rate_limit_error" => ProviderError::RateLimited { retry_after: None },
        "authentication_error" | "permission_error" => ProviderError::Auth,
        "invalid_request_error" => ProviderError::Rejected { status: 400 },
        _ => ProviderError::Overloaded,
    }
}
