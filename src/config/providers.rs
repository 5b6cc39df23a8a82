//! `[providers]`: which language models may answer, in which order.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// `[providers]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    /// In which order they are asked: `openai`, `anthropic`, `google`, or a name under `compatible`. Those that are not
    /// set up are passed over; empty means every one that is set up.
    pub chain: Vec<String>,
    /// Whether what identifies a visitor is replaced by placeholders before it leaves.
    pub pseudonyms: bool,
    /// Where visitors are: a code of two letters, `eu` for the European Economic Area. Words that leave it need a safeguard
    /// (policy §11).
    pub home: String,
    /// The currency of prices and caps, for people: `USD`, `CNY`.
    pub currency: String,
    /// Whether the next model is asked beside one that is later than it usually is.
    pub hedge: bool,
    /// Of how many requests in a hundred that may be done.
    pub hedge_percent: u8,
    /// OpenAI, or one server that speaks its protocol.
    pub openai: Model,
    /// Anthropic.
    pub anthropic: Model,
    /// Google AI.
    pub google: Model,
    /// Further servers that speak OpenAI's protocol, by a name of one's own.
    #[serde(default)]
    pub compatible: BTreeMap<String, Model>,
}

/// `[providers.openai]` and its like
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The key; may be empty for a server of one's own.
    #[serde(default)]
    pub api_key: SecretString,
    /// The address up to and including the version; empty means the vendor's.
    #[serde(default)]
    pub base_url: String,
    /// The model's name.
    pub model: String,
    /// Which of OpenAI's two protocols is spoken.
    #[serde(default)]
    pub api: Api,
    /// Seconds until the first token.
    #[serde(default = "first_token_seconds")]
    pub first_token_seconds: u64,
    /// Seconds for a whole answer, however steadily it comes.
    #[serde(default = "answer_seconds")]
    pub answer_seconds: u64,
    /// Tokens of an answer at most.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// Whether the provider may use what it is sent to train models. Such a provider is refused (policy §3).
    #[serde(default)]
    pub trains_on_inputs: bool,
    /// The age below which the provider's terms forbid its use; 0 for none beyond this service's own.
    #[serde(default)]
    pub minimum_age: u8,
    /// Where words are processed; empty: where the vendor does, or this machine for a `base_url` on it.
    #[serde(default)]
    pub region: String,
    /// What makes it lawful to send words there: `scc`, `adequacy`, `standard-contract-cn` or `none-needed`; empty: what the
    /// vendor's terms of service bring with them.
    #[serde(default)]
    pub transfer: String,
    /// What a million tokens of prompt cost, in `currency`. Without a price, tenants with a cap in money are not answered by it.
    #[serde(default)]
    pub price_input: Option<f64>,
    /// The same where the provider has them in a cache; without it, `price_input`.
    #[serde(default)]
    pub price_cached: Option<f64>,
    /// What a million tokens of answer cost.
    #[serde(default)]
    pub price_output: Option<f64>,
    /// Whether it can be offered tools; without a word, only the vendor's own service is.
    #[serde(default)]
    pub tools: Option<bool>,
}

/// OpenAI's protocols.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Chat Completions, which others speak too.
    #[default]
    Chat,
    /// Responses.
    Responses,
}

const fn first_token_seconds() -> u64 {
    20
}

const fn answer_seconds() -> u64 {
    600
}

const fn max_tokens() -> u32 {
    800
}

impl Model {
    /// Whether it is set up: a key, or an address that may need none.
    pub fn is_set_up(&self) -> bool {
        !self.api_key.expose_secret().is_empty() || !self.base_url.is_empty()
    }
}

impl Providers {
    /// All models, set up or not: the operator's chain in its order, then the others.
    pub fn models(&self) -> Vec<(&str, &Model)> {
        let vendors =
            [("openai", &self.openai), ("anthropic", &self.anthropic), ("google", &self.google)];
        let others = self.compatible.iter().map(|(name, model)| (name.as_str(), model));
        let mut known: Vec<(&str, &Model)> = vendors.into_iter().chain(others).collect();
        let place = |name: &str| self.chain.iter().position(|named| named == name);
        known.sort_by_key(|(name, _)| place(name).unwrap_or(self.chain.len()));
        known
    }
}
