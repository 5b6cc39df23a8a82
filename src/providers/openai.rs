//! OpenAI Chat Completions, and every server that speaks the same protocol, through `async-openai`.
//!
//! The crate's own executor retries by itself, without bound and out of our sight, and its own types fail on a finish
//! reason they do not know. So the request runs once through a service of ours, and the stream is read into tolerant
//! types of ours.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::stream::StreamResponse;
use futures_util::{Stream, StreamExt};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{Delta, Deltas, Provider, ProviderError};
use crate::config;
use crate::domain::language::Language;
use crate::domain::prompt::{Prompt, Role};
use crate::domain::turn::{StopReason, Usage};
use crate::privacy::disclosure::Disclosed;

const VENDOR: &str = "https://api.openai.com/v1";

/// Whether the configuration names this provider: a key, or an address that may need none.
pub(super) fn is_wanted(settings: &config::OpenAi) -> bool {
    !settings.api_key.expose_secret().is_empty() || !settings.base_url.is_empty()
}

/// The provider.
#[derive(Debug)]
pub(super) struct OpenAi {
    client: Client<OpenAIConfig>,
    model: String,
    is_vendor: bool,
    max_tokens: u32,
    patience: Duration,
}

impl OpenAi {
    pub(super) fn new(settings: &config::OpenAi, http: reqwest::Client) -> Self {
        let is_vendor = settings.base_url.is_empty();
        let base = if is_vendor { VENDOR } else { settings.base_url.trim_end_matches('/') };
        // Every field is set: the crate's default would read the process environment.
        let config = OpenAIConfig::new()
            .with_api_base(base)
            .with_api_key(settings.api_key.expose_secret())
            .with_org_id("")
            .with_project_id("");
        let executor = http.clone();
        let once = tower::service_fn(move |request: HttpRequestFactory| {
            let executor = executor.clone();
            async move { execute_once(&executor, request).await }
        });
        Self {
            client: Client::build(http, config).with_http_service(once),
            model: settings.model.clone(),
            is_vendor,
            max_tokens: settings.max_tokens,
            patience: Duration::from_secs(settings.first_token_seconds),
        }
    }

    fn request(&self, prompt: &Prompt) -> Request {
        let instruction = Message { role: "system", content: prompt.instruction() };
        let lines = prompt.lines.iter().map(|line| Message {
            role: match line.role {
                Role::Visitor => "user",
                Role::Assistant => "assistant",
            },
            content: line.text.clone(),
        });
        Request {
            model: self.model.clone(),
            messages: std::iter::once(instruction).chain(lines).collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            // The vendor keeps what it is not told to forget; other servers do not know these two names.
            store: self.is_vendor.then_some(false),
            max_completion_tokens: self.is_vendor.then_some(self.max_tokens),
            max_tokens: (!self.is_vendor).then_some(self.max_tokens),
        }
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn label(&self, language: Language) -> String {
        let model = &self.model;
        language.pick(
            format!("AI 自动回答（{model}），并非真人"),
            format!("AI answers ({model}), not a person"),
        )
    }

    fn processor(&self, language: Language) -> String {
        if self.is_vendor {
            return "OpenAI".to_owned();
        }
        let model = &self.model;
        language.pick(
            format!("我们使用的模型服务（{model}）"),
            format!("the model service we use ({model})"),
        )
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let request = self.request(&prompt.into_inner());
        let (client, patience) = (self.client.clone(), self.patience);
        let opening = async move {
            let opened =
                tokio::time::timeout(patience, client.chat().create_stream_byot(request)).await;
            match opened {
                Ok(Ok(stream)) => deltas(stream, patience).left_stream(),
                Ok(Err(error)) => failed(error_from(&error)).right_stream(),
                Err(_) => failed(ProviderError::Silent).right_stream(),
            }
        };
        futures_util::stream::once(opening).flatten().boxed()
    }
}

fn failed(error: ProviderError) -> impl Stream<Item = Result<Delta, ProviderError>> {
    futures_util::stream::iter([Err(error)])
}

fn deltas(
    chunks: StreamResponse<Chunk>,
    patience: Duration,
) -> impl Stream<Item = Result<Delta, ProviderError>> {
    let reading = (chunks, true);
    futures_util::stream::unfold(reading, move |(mut chunks, is_first)| async move {
        let next = if is_first {
            tokio::time::timeout(patience, chunks.next()).await.map_err(|_| ProviderError::Silent)
        } else {
            Ok(chunks.next().await)
        };
        let items = match next {
            Err(silent) => vec![Err(silent)],
            Ok(None) => return None,
            Ok(Some(Ok(chunk))) => chunk.into_deltas(),
            Ok(Some(Err(error))) => vec![Err(error_from(&error))],
        };
        Some((futures_util::stream::iter(items), (chunks, false)))
    })
    .flatten()
}

async fn execute_once(
    http: &reqwest::Client,
    request: HttpRequestFactory,
) -> Result<reqwest::Response, OpenAIError> {
    let response = http.execute(request.build().await?).await.map_err(OpenAIError::Reqwest)?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    let refusal = match status {
        401 | 403 => ProviderError::Auth,
        429 => ProviderError::RateLimited { retry_after },
        500..=599 => ProviderError::Overloaded,
        _ => ProviderError::Rejected { status },
    };
    Err(OpenAIError::Boxed(Box::new(refusal)))
}

fn error_from(error: &OpenAIError) -> ProviderError {
    if let OpenAIError::Boxed(inner) = error
        && let Some(known) = inner.downcast_ref::<ProviderError>()
    {
        return known.clone();
    }
    if let OpenAIError::Reqwest(inner) = error
        && inner.is_timeout()
    {
        return ProviderError::Silent;
    }
    let is_malformed = matches!(error, OpenAIError::JSONDeserialize(..));
    if is_malformed { ProviderError::Malformed } else { ProviderError::Interrupted }
}

#[derive(Debug, Serialize)]
struct Request {
    model: String,
    messages: Vec<Message>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: Vec<Choice>,
    usage: Option<Counted>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Piece,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    prompt_tokens: u32,
    completion_tokens: u32,
}

impl Chunk {
    fn into_deltas(self) -> Vec<Result<Delta, ProviderError>> {
        if self.error.is_some() {
            return vec![Err(ProviderError::Overloaded)];
        }
        let mut found = Vec::new();
        for choice in self.choices {
            let words =
                choice.delta.content.or(choice.delta.refusal).filter(|words| !words.is_empty());
            found.extend(words.map(|words| Ok(Delta::Text(words))));
            found.extend(choice.finish_reason.map(|reason| Ok(Delta::Stop(stop_reason(&reason)))));
        }
        found.extend(self.usage.map(|counted| {
            Ok(Delta::Usage(Usage {
                input_tokens: counted.prompt_tokens,
                output_tokens: counted.completion_tokens,
            }))
        }));
        found
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

    fn read(chunk: &str) -> Vec<Result<Delta, ProviderError>> {
        serde_json::from_str::<Chunk>(chunk).expect("a chunk").into_deltas()
    }

    #[test]
    fn unknown_fields_and_reasons_do_not_break_the_stream() {
        let chunk = r#"{"id":"x","obfuscation":"zz","choices":[{"index":0,"delta":{"content":"你"},
            "finish_reason":"some_new_reason","logprobs":null}],"usage":null}"#;
        assert_eq!(
            read(chunk),
            [Ok(Delta::Text("你".into())), Ok(Delta::Stop(StopReason::Complete))]
        );
        assert_eq!(read(r#"{"error":{"message":"m"}}"#), [Err(ProviderError::Overloaded)]);
        assert_eq!(read(r#"{"choices":[{"delta":{"content":""}}]}"#), []);
    }

    #[test]
    fn a_server_of_ones_own_is_not_sent_the_vendors_words() {
        let settings = |base: &str| config::OpenAi {
            api_key: "k".into(),
            base_url: base.into(),
            model: "m".into(),
            first_token_seconds: 1,
            max_tokens: 9,
        };
        drop(rustls::crypto::ring::default_provider().install_default());
        let prompt = Prompt { lines: vec![], language: Language::Zh, passages: vec![] };
        let body = |base: &str| {
            let client = super::super::egress::client().expect("a client");
            serde_json::to_value(OpenAi::new(&settings(base), client).request(&prompt))
                .expect("json")
        };
        assert_eq!(body("")["store"], false);
        assert_eq!(body("http://127.0.0.1:1/v1").get("store"), None);
        assert_eq!(body("http://127.0.0.1:1/v1")["max_tokens"], 9);
    }
}
