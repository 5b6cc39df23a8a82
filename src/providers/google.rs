//! Google AI's Gemini, natively: `streamGenerateContent`, whose events end their lines with CRLF and whose usage is
//! repeated and corrected in each.

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
pub(super) struct Gemini;

impl Protocol for Gemini {
    type Decoder = GeminiDecoder;

    const VENDOR: &'static str = "https://generativelanguage.googleapis.com/v1beta";

    fn request(model: &Model, prompt: &Prompt) -> Post {
        let (base, name) = (&model.base_url, &model.settings.model);
        // The key goes into a header: an address is what logs keep.
        let address = format!("{base}/models/{name}:streamGenerateContent?alt=sse");
        Post::to(address, &Request::new(model, prompt)).header("x-goog-api-key", model.key())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    system_instruction: Content,
    contents: Vec<Content>,
    generation_config: Generation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Declarations>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Declarations {
    function_declarations: Vec<Declaration>,
}

#[derive(Debug, Serialize)]
struct Declaration {
    name: &'static str,
    description: &'static str,
    parameters: serde_json::Value,
}

#[derive(Debug, Serialize)]
struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: [Words; 1],
}

#[derive(Debug, Serialize)]
struct Words {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation {
    max_output_tokens: u32,
}

impl Request {
    fn new(model: &Model, prompt: &Prompt) -> Self {
        let content =
            |role: Option<&'static str>, text: String| Content { role, parts: [Words { text }] };
        let contents = prompt.lines.iter().map(|line| {
            let role = match line.role {
                Role::Visitor => "user",
                Role::Assistant => "model",
            };
            content(Some(role), line.text.clone())
        });
        let offered = model.tools_for(prompt).map(|tool| Declaration {
            name: tool.name(),
            description: tool.description(),
            parameters: tool.schema(),
        });
        let function_declarations: Vec<Declaration> = offered.collect();
        let has_none = function_declarations.is_empty();
        Self {
            system_instruction: content(None, prompt.instruction()),
            // The protocol wants the visitor to speak first; a trimmed history may begin with an answer.
            contents: contents.skip_while(|content| content.role != Some("user")).collect(),
            generation_config: Generation { max_output_tokens: model.settings.max_tokens },
            tools: if has_none { Vec::new() } else { vec![Declarations { function_declarations }] },
        }
    }
}

/// Reads the protocol's events.
#[derive(Debug, Default)]
pub(super) struct GeminiDecoder;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Vec<Candidate<'a>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counted>,
    error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Parts<'a>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parts<'a> {
    #[serde(borrow)]
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    /// Reasoning: nobody is shown it.
    thought: bool,
    function_call: Option<Call>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    name: String,
    args: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    #[serde(rename = "promptTokenCount")]
    prompt: u32,
    #[serde(rename = "candidatesTokenCount")]
    answer: u32,
    #[serde(rename = "thoughtsTokenCount")]
    thoughts: u32,
    #[serde(rename = "cachedContentTokenCount")]
    cached: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: u16,
}

impl Decode for GeminiDecoder {
    fn take(&mut self, _: &str, data: &str, found: &mut Found) {
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(data) else {
            found.push_back(Err(ProviderError::Malformed));
            return;
        };
        if let Some(failure) = chunk.error {
            found.push_back(Err(error_of(&failure)));
            return;
        }
        let is_blocked = chunk.prompt_feedback.is_some_and(|told| told.block_reason.is_some());
        let mut stop = is_blocked.then_some(StopReason::Refused);
        for candidate in chunk.candidates {
            candidate.content.parts.into_iter().for_each(|part| take_part(part, found));
            stop = stop.or(candidate.finish_reason.as_deref().map(stop_reason));
        }
        if let Some(stop) = stop {
            found.extend(chunk.usage_metadata.map(|counted| Ok(Delta::Usage(counted.usage()))));
            found.push_back(Ok(Delta::Stop(stop)));
        }
    }
}

fn take_part(part: Part<'_>, found: &mut Found) {
    if let Some(call) = part.function_call {
        let arguments = call.args.map_or_else(String::new, |args| args.get().to_owned());
        found.push_back(Ok(Delta::Tool(ToolRequest { name: call.name, arguments })));
    }
    let words = part.text.filter(|words| !part.thought && !words.is_empty());
    found.extend(words.map(|words| Ok(Delta::Text(words.into_owned()))));
}

impl Counted {
    fn usage(&self) -> Usage {
        Usage {
            input_tokens: self.prompt,
            output_tokens: self.answer.saturating_add(self.thoughts),
            cached_tokens: self.cached,
            reasoning_tokens: self.thoughts,
        }
    }
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "MAX_TOKENS" => StopReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE" => {
            StopReason::Refused
        }
        _ => StopReason::Complete,
    }
}

fn error_of(failure: &Failure) -> ProviderError {
    match failure.code {
        429 => ProviderError::RateLimited { retry_after: None },
        401 | 403 => ProviderError::Auth,
        400..=499 => ProviderError::Rejected { status: failure.code },
        _ => ProviderError::Overloaded,
    }
}
