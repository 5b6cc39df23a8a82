//! What each vendor sends, written down from its documentation.

use serde_json::{Value, json};

/// A protocol that an adapter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Chat,
    Responses,
    Anthropic,
    Google,
    Compatible,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::Responses, Self::Anthropic, Self::Google, Self::Compatible];

    /// Where its settings stand.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "providers.openai",
            Self::Anthropic => "providers.anthropic",
            Self::Google => "providers.google",
            Self::Compatible => "providers.compatible.mine",
        }
    }

    /// The path it is asked at, below the address.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat | Self::Compatible => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Anthropic => "/v1/messages",
            Self::Google => "/v1/models/m-1:streamGenerateContent?alt=sse",
        }
    }

    /// An event as the vendor frames it.
    pub fn event(self, data: &Value) -> String {
        match self {
            Self::Chat | Self::Compatible => format!("data: {data}\n\n"),
            Self::Responses => {
                format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("x"))
            }
            // This vendor pads its JSON before the last brace.
            Self::Anthropic => {
                let padded = data.to_string();
                let padded = padded.strip_suffix('}').map(|begun| format!("{begun}    }}"));
                let name = data["type"].as_str().unwrap_or("x");
                format!("event: {name}\ndata: {}\n\n", padded.unwrap_or_default())
            }
            Self::Google => format!("data: {data}\r\n\r\n"),
        }
    }

    pub fn words(self, words: &str) -> String {
        self.event(&match self {
            Self::Chat | Self::Compatible => json!({
                "id": "c", "obfuscation": "zzz", "usage": null,
                "choices": [{"index": 0, "delta": {"content": words}, "finish_reason": null}],
            }),
            Self::Responses => json!({
                "type": "response.output_text.delta", "item_id": "i", "delta": words, "logprobs": [],
            }),
            Self::Anthropic => json!({
                "type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": words},
            }),
            Self::Google => json!({
                "candidates": [{"content": {"parts": [{"text": words}], "role": "model"}}],
                "usageMetadata": {"promptTokenCount": 11},
            }),
        })
    }

    /// The end of an answer, with 11 tokens in (3 of them cached) and 7 out.
    pub fn end(self, reason: End) -> String {
        let word = reason.word(self);
        match self {
            Self::Chat | Self::Compatible => {
                let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]});
                let usage = json!({"choices": [], "usage": {
                    "prompt_tokens": 11, "completion_tokens": 7,
                    "prompt_tokens_details": {"cached_tokens": 3},
                    "completion_tokens_details": {"reasoning_tokens": 0},
                }});
                format!("{}{}data: [DONE]\n\n", self.event(&stop), self.event(&usage))
            }
            Self::Responses => {
                let (kind, details) = match reason {
                    End::Complete => ("response.completed", Value::Null),
                    End::Length | End::Refused => ("response.incomplete", json!({"reason": word})),
                };
                self.event(&json!({"type": kind, "response": {
                    "incomplete_details": details,
                    "usage": {
                        "input_tokens": 11, "input_tokens_details": {"cached_tokens": 3},
                        "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0},
                    },
                }}))
            }
            Self::Anthropic => {
                let delta = json!({
                    "type": "message_delta", "delta": {"stop_reason": word, "stop_sequence": null},
                    "usage": {"output_tokens": 7},
                });
                self.event(&delta) + &self.event(&json!({"type": "message_stop"}))
            }
            Self::Google => self.event(&json!({
                "candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": word}],
                "usageMetadata": {
                    "promptTokenCount": 11, "candidatesTokenCount": 7, "cachedContentTokenCount": 3,
                },
            })),
        }
    }

    /// What comes before the first word.
    pub fn start(self) -> String {
        match self {
            Self::Chat | Self::Compatible => self.event(&json!({
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
            })),
            Self::Responses => {
                self.event(&json!({"type": "response.created", "response": {"id": "r"}}))
                    + &self.event(
                        &json!({"type": "response.output_item.added", "item": {"type": "message"}}),
                    )
            }
            Self::Anthropic => {
                let start = json!({"type": "message_start", "message": {"usage": {
                    "input_tokens": 8, "cache_read_input_tokens": 3,
                    "cache_creation_input_tokens": 0, "output_tokens": 1,
                }}});
                let block = json!({
                    "type": "content_block_start", "index": 0,
                    "content_block": {"type": "text", "text": ""},
                });
                self.event(&start) + &self.event(&block)
            }
            Self::Google => String::new(),
        }
    }

    /// An event of a kind that is not in any documentation yet.
    pub fn unknown(self) -> String {
        match self {
            Self::Chat | Self::Compatible => {
                self.event(&json!({"object": "novelty", "choices": []}))
            }
            Self::Responses | Self::Anthropic => self.event(&json!({"type": "novelty", "a": [1]})),
            Self::Google => self.event(&json!({"novelty": {"a": 1}})),
        }
    }

    /// The vendor says in the middle of the stream that it cannot go on.
    pub fn failure(self) -> String {
        match self {
            Self::Chat | Self::Compatible => {
                self.event(&json!({"error": {"message": "overloaded", "type": "server_error"}}))
            }
            Self::Responses => self.event(&json!({"type": "response.failed", "response": {}})),
            Self::Anthropic => self.event(&json!({
                "type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"},
            })),
            Self::Google => self.event(&json!({"error": {"code": 503, "status": "UNAVAILABLE"}})),
        }
    }

    /// A whole answer that asks for a tool and says nothing; the arguments come in two pieces where the vendor sends pieces.
    pub fn asking(self, name: &str, arguments: &str) -> String {
        let cut = arguments.char_indices().nth(arguments.chars().count() / 2).map_or(0, |at| at.0);
        let (one, other) = arguments.split_at(cut);
        let call = match self {
            Self::Chat | Self::Compatible => {
                let piece = |function: Value| {
                    let call = json!({"index": 0, "function": function});
                    self.event(&json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
                };
                piece(json!({"name": name, "arguments": one})) + &piece(json!({"arguments": other}))
            }
            Self::Responses => self.event(&json!({
                "type": "response.output_item.done",
                "item": {"type": "function_call", "call_id": "c", "name": name, "arguments": arguments},
            })),
            Self::Anthropic => {
                let piece = |json: &str| {
                    let delta = json!({"type": "input_json_delta", "partial_json": json});
                    self.event(&json!({"type": "content_block_delta", "index": 1, "delta": delta}))
                };
                let block = json!({"type": "tool_use", "id": "t", "name": name, "input": {}});
                let start = json!({"type": "content_block_start", "content_block": block});
                let stop = json!({"type": "content_block_stop", "index": 1});
                self.event(&start) + &piece(one) + &piece(other) + &self.event(&stop)
            }
            // This vendor sends the arguments as they are: what is not JSON is a broken event.
            Self::Google => {
                let args: Value = serde_json::from_str(arguments).unwrap_or(Value::Null);
                let part = json!({"functionCall": {"name": name, "args": args}});
                self.event(&json!({"candidates": [{"content": {"parts": [part]}}]}))
            }
        };
        self.start() + &call + &self.end(End::Complete)
    }

    /// A whole answer.
    pub fn answer(self, pieces: &[&str]) -> String {
        let words: String = pieces.iter().map(|piece| self.words(piece)).collect();
        self.start() + &words + &self.end(End::Complete)
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    Length,
    Refused,
}

impl End {
    fn word(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Complete, Kind::Chat | Kind::Compatible) => "stop",
            (Self::Complete, Kind::Responses) => "",
            (Self::Complete, Kind::Anthropic) => "end_turn",
            (Self::Complete, Kind::Google) => "STOP",
            (Self::Length, Kind::Chat | Kind::Compatible) => "length",
            (Self::Length, Kind::Responses) => "max_output_tokens",
            (Self::Length, Kind::Anthropic) => "max_tokens",
            (Self::Length, Kind::Google) => "MAX_TOKENS",
            (Self::Refused, Kind::Chat | Kind::Compatible | Kind::Responses) => "content_filter",
            (Self::Refused, Kind::Anthropic) => "refusal",
            (Self::Refused, Kind::Google) => "SAFETY",
        }
    }
}
