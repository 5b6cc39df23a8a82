//! OpenAI Chat Completions, and every server that speaks the same protocol. Address, headers and request are those of
//! `async-openai`; the answer is read here, because the crate's own types fail on a finish reason they do not know, and
//! its reader is another task with a queue without bounds.

use std::borrow::Cow;

use async_openai::config::Config;
use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionTools,
    CreateChatCompletionRequest, FunctionObject,
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
pub(super) struct Chat;

impl Protocol for Chat {
    type Decoder = ChatDecoder;

    const VENDOR: &'static str = super::model::OPENAI;

    fn request(model: &Model, prompt: &Prompt) -> Post {
        let config = openai_config(model);
        openai_headers(&config, Post::to(config.url("/chat/completions"), &body(model, prompt)))
    }
}

fn body(model: &Model, prompt: &Prompt) -> CreateChatCompletionRequest {
    let instruction: ChatCompletionRequestMessage =
        ChatCompletionRequestSystemMessage::from(prompt.instruction()).into();
    let lines = prompt.lines.iter().map(|line| match line.role {
        Role::Visitor => ChatCompletionRequestUserMessage::from(line.text.as_str()).into(),
        Role::Assistant => ChatCompletionRequestAssistantMessage::from(line.text.as_str()).into(),
    });
    // The vendor keeps what it is not told to forget; other servers do not know its two newer names.
    let is_vendor = model.is_vendor();
    let max_tokens = model.settings.max_tokens;
    #[expect(deprecated, reason = "the name that other servers know")]
    CreateChatCompletionRequest {
        model: model.settings.model.clone(),
        messages: std::iter::once(instruction).chain(lines).collect(),
        stream: Some(true),
        stream_options: Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: is_vendor.then_some(false),
        }),
        store: is_vendor.then_some(false),
        max_completion_tokens: is_vendor.then_some(max_tokens),
        max_tokens: (!is_vendor).then_some(max_tokens),
        tools: offered(model, prompt),
        ..CreateChatCompletionRequest::default()
    }
}

fn offered(model: &Model, prompt: &Prompt) -> Option<Vec<ChatCompletionTools>> {
    let tools = model.tools_for(prompt).map(|tool| {
        let (name, description) = (tool.name().to_owned(), Some(tool.description().to_owned()));
        let function =
            FunctionObject { name, description, parameters: Some(tool.schema()), strict: None };
        ChatCompletionTools::Function(ChatCompletionTool { function })
    });
    Some(tools.collect()).filter(|tools: &Vec<_>| !tools.is_empty())
}

/// Reads the protocol's chunks. The reason comes before the usage, so it is held back until the end.
#[derive(Debug, Default)]
pub(super) struct ChatDecoder {
    stop: Option<StopReason>,
    tool: Option<ToolRequest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: Option<Counted>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Piece<'a>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    prompt_tokens: u32,
    completion_tokens: u32,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<AnswerDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnswerDetails {
    reasoning_tokens: Option<u32>,
}

impl Counted {
    fn usage(self) -> Usage {
        let cached = self.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let reasoning = self.completion_tokens_details.and_then(|details| details.reasoning_tokens);
        Usage {
            input_tokens: self.prompt_tokens,
            output_tokens: self.completion_tokens,
            cached_tokens: cached.unwrap_or_default(),
            reasoning_tokens: reasoning.unwrap_or_default(),
        }
    }
}

impl Decode for ChatDecoder {
    fn take(&mut self, _: &str, data: &str, found: &mut Found) {
        if data == "[DONE]" {
            self.finish(found);
            return;
        }
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(data) else {
            found.push_back(Err(ProviderError::Malformed));
            return;
        };
        if chunk.error.is_some() {
            found.push_back(Err(ProviderError::Overloaded));
            return;
        }
        for choice in chunk.choices {
            let is_refusal = choice.delta.content.is_none() && choice.delta.refusal.is_some();
            let words = choice.delta.content.or(choice.delta.refusal);
            found.extend(
                words
                    .filter(|words| !words.is_empty())
                    .map(|words| Ok(Delta::Text(words.into_owned()))),
            );
            for call in choice.delta.tool_calls.unwrap_or_default() {
                self.call(call.function, found);
            }
            let reason = choice.finish_reason.map(|reason| stop_reason(&reason));
            self.stop = if is_refusal { Some(StopReason::Refused) } else { self.stop.or(reason) };
        }
        found.extend(chunk.usage.map(|counted| Ok(Delta::Usage(counted.usage()))));
    }

    fn finish(&mut self, found: &mut Found) {
        found.extend(self.tool.take().map(|tool| Ok(Delta::Tool(tool))));
        found.extend(self.stop.take().map(|stop| Ok(Delta::Stop(stop))));
    }
}

impl ChatDecoder {
    /// A tool's name begins a request; its arguments come in pieces.
    fn call(&mut self, function: Function, found: &mut Found) {
        if let Some(name) = function.name.filter(|name| !name.is_empty()) {
            let next = ToolRequest { name, arguments: String::new() };
            found.extend(self.tool.replace(next).map(|tool| Ok(Delta::Tool(tool))));
        }
        if let (Some(tool), Some(piece)) = (self.tool.as_mut(), function.arguments) {
            tool.push(&piece);
        }
    }
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "length" => StopReason::Length,
        "content_filter" => StopReason::Refused,
        _ => StopReason::Complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::domain::language::Language;

    #[test]
    fn a_server_of_ones_own_is_not_sent_the_vendors_words() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let prompt = Prompt {
            instruction: std::sync::Arc::default(),
            lines: vec![],
            language: Language::Zh,
            passages: vec![],
            has_placeholders: false,
            tools: true,
        };
        let sent = |base: &str| {
            let model = Model {
                name: "openai",
                base_url: base.into(),
                settings: config::Model {
                    api_key: "k".into(),
                    base_url: base.into(),
                    model: "m".into(),
                    api: config::Api::Chat,
                    price_input: None,
                    price_cached: None,
                    price_output: None,
                    first_token_seconds: 1,
                    answer_seconds: 600,
                    max_tokens: 9,
                    trains_on_inputs: false,
                    minimum_age: 0,
                    region: String::new(),
                    transfer: String::new(),
                    tools: None,
                },
                tls: super::super::connections::tls().expect("roots"),
            };
            serde_json::to_value(body(&model, &prompt)).expect("JSON")
        };
        assert_eq!(sent("")["store"], false, "the vendor would keep it");
        assert_eq!(sent("")["tools"].as_array().map(Vec::len), Some(2));
        assert_eq!(sent("http://127.0.0.1:1/v1").get("tools"), None, "it may not know them");
        assert_eq!(sent("")["max_completion_tokens"], 9);
        assert_eq!(sent("http://127.0.0.1:1/v1").get("store"), None);
        assert_eq!(sent("http://127.0.0.1:1/v1")["max_tokens"], 9);
    }
}
