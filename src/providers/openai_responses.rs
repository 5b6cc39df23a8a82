//! OpenAI Responses, the vendor's newer protocol. Nothing is stored there: each request carries the whole conversation.

use std::borrow::Cow;

use async_openai::config::Config;
use async_openai::types::responses::{
    CreateResponse, EasyInputContent, EasyInputMessage, FunctionTool, InputItem, InputParam,
    MessageType, ResponseStreamOptions, Role as Author, Tool,
};
use serde::Deserialize;

use super::call::{Decode, Found};
use super::model::{Model, Protocol, openai_config, openai_headers};
use super::post::Post;
use super::{Delta, ProviderError, ToolRequest};
use crate::domain::prompt::{Prompt, Role};
use crate::domain::turn::{StopReason, Usage};

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Responses;

impl Protocol for Responses {
    type Decoder = ResponsesDecoder;

    const VENDOR: &'static str = super::model::OPENAI;

    fn request(model: &Model, prompt: &Prompt) -> Post {
        let config = openai_config(model);
        openai_headers(&config, Post::to(config.url("/responses"), &body(model, prompt)))
    }
}

fn body(model: &Model, prompt: &Prompt) -> CreateResponse {
    let lines = prompt.lines.iter().map(|line| {
        InputItem::EasyMessage(EasyInputMessage {
            r#type: MessageType::Message,
            role: match line.role {
                Role::Visitor => Author::User,
                Role::Assistant => Author::Assistant,
            },
            content: EasyInputContent::Text(line.text.clone()),
            phase: None,
        })
    });
    CreateResponse {
        model: Some(model.settings.model.clone()),
        instructions: Some(prompt.instruction()),
        input: InputParam::Items(lines.collect()),
        max_output_tokens: Some(model.settings.max_tokens),
        tools: offered(model, prompt),
        store: Some(false),
        stream: Some(true),
        stream_options: Some(ResponseStreamOptions { include_obfuscation: Some(false) }),
        ..CreateResponse::default()
    }
}

fn offered(model: &Model, prompt: &Prompt) -> Option<Vec<Tool>> {
    let tools = model.tools_for(prompt).map(|tool| {
        Tool::Function(FunctionTool {
            name: tool.name().to_owned(),
            description: Some(tool.description().to_owned()),
            parameters: Some(tool.schema()),
            strict: Some(false),
            ..FunctionTool::default()
        })
    });
    Some(tools.collect()).filter(|tools: &Vec<_>| !tools.is_empty())
}

/// Reads the protocol's events. A refusal arrives as words of its own kind.
#[derive(Debug, Default)]
pub(super) struct ResponsesDecoder {
    is_refusal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Event<'a> {
    #[serde(rename = "response.output_text.delta")]
    Text {
        #[serde(borrow)]
        delta: Cow<'a, str>,
    },
    #[serde(rename = "response.refusal.delta")]
    Refusal {
        #[serde(borrow)]
        delta: Cow<'a, str>,
    },
    #[serde(rename = "response.output_item.done")]
    Item { item: Item },
    #[serde(rename = "response.completed")]
    Completed { response: Summary },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Summary },
    #[serde(rename = "response.failed", alias = "error")]
    Failed,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    r#type: String,
    name: String,
    arguments: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    usage: Option<Counted>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incomplete {
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    input_tokens: u32,
    output_tokens: u32,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl Decode for ResponsesDecoder {
    fn take(&mut self, _: &str, data: &str, found: &mut Found) {
        match serde_json::from_str::<Event<'_>>(data) {
            Ok(Event::Text { delta }) => found.push_back(Ok(Delta::Text(delta.into_owned()))),
            Ok(Event::Refusal { delta }) => {
                self.is_refusal = true;
                found.push_back(Ok(Delta::Text(delta.into_owned())));
            }
            Ok(Event::Item { item }) if item.r#type == "function_call" => {
                let Item { name, arguments, .. } = item;
                found.push_back(Ok(Delta::Tool(ToolRequest { name, arguments })));
            }
            Ok(Event::Completed { response } | Event::Incomplete { response }) => {
                self.end(response, found);
            }
            Ok(Event::Failed) => found.push_back(Err(ProviderError::Overloaded)),
            Ok(Event::Item { .. } | Event::Unknown) => {}
            Err(_) => found.push_back(Err(ProviderError::Malformed)),
        }
    }
}

impl ResponsesDecoder {
    fn end(&self, summary: Summary, found: &mut Found) {
        found.extend(summary.usage.map(|counted| {
            Ok(Delta::Usage(Usage {
                input_tokens: counted.input_tokens,
                output_tokens: counted.output_tokens,
                cached_tokens: counted.input_tokens_details.unwrap_or_default().cached_tokens,
                reasoning_tokens: counted
                    .output_tokens_details
                    .unwrap_or_default()
                    .reasoning_tokens,
            }))
        }));
        let reason = summary.incomplete_details.map(|details| details.reason);
        found.push_back(Ok(Delta::Stop(match reason.as_deref() {
            _ if self.is_refusal => StopReason::Refused,
            Some("content_filter") => StopReason::Refused,
            Some(_) => StopReason::Length,
            None => StopReason::Complete,
        })));
    }
}
