//! How a tenant's visitors are answered: what the tenant chose, what the operator grants it, and the words it gives a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::budget::Caps;
use crate::domain::language::Language;
use crate::id::ProviderKeyId;

/// Models that a tenant may name.
const MOST_NAMED: usize = 16;
/// Characters of a tenant's instruction in one language.
pub const LONGEST_INSTRUCTION: usize = 8_000;

/// What a tenant chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerSettings {
    /// Which models are asked, in this order; empty: as the operator set it up. Visitors who have a chat open keep the
    /// order that they were told of.
    pub chain: Vec<String>,
    /// Whether the next model is asked beside a late one; absent: as the operator set it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge: Option<bool>,
    /// Whether an answer that broke off is begun anew by itself, once; else the visitor is offered it.
    pub restart: bool,
    /// The tenant's own caps; the operator's hold as well.
    pub caps: Caps,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerSettingsError {
    /// The chain names nobody.
    #[error("the chain names {0:?}, which is not set up here")]
    Unknown(String),
    /// The chain names somebody twice, or too many.
    #[error("the chain names a model twice, or more than {MOST_NAMED}")]
    Repeated,
}

impl AnswerSettings {
    /// The settings, if the chain names nothing but models of this list, each once.
    pub fn checked(self, known: &[&str]) -> Result<Self, AnswerSettingsError> {
        if let Some(unknown) = self.chain.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(AnswerSettingsError::Unknown(unknown.chars().take(64).collect()));
        }
        let mut names = self.chain.clone();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.chain.len() || names.len() > MOST_NAMED {
            return Err(AnswerSettingsError::Repeated);
        }
        Ok(self)
    }
}

impl AnswerSettings {
    /// The settings of a stored text; what cannot be read is as if nothing had been chosen.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_default()
    }

    /// The text to store.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

impl Grant {
    /// The grant of a stored text; what cannot be read grants nothing.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_default()
    }

    /// The text to store.
    pub fn to_stored(self) -> String {
        serde_json::to_string(&self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// What the operator grants a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Whether the tenant's visitors are answered under the operator's own keys.
    pub operator_keys: bool,
    /// The operator's caps.
    pub caps: Caps,
}

/// What a model is told of its part, in a tenant's own words. Never changed once it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Its number, from 1 on; 0: the words that are part of the program.
    pub version: i32,
    /// The words in Chinese; empty: those in English.
    pub zh: String,
    /// The words in English; empty: those in Chinese.
    pub en: String,
}

/// Why an instruction is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstructionError {
    /// No words.
    #[error("an instruction needs words in Chinese or English")]
    Empty,
    /// Too many words.
    #[error("an instruction has {LONGEST_INSTRUCTION} characters at most in each language")]
    TooLong,
    /// Characters that show nothing.
    #[error("an instruction holds no control characters but line breaks and tabs")]
    Unprintable,
}

impl Instruction {
    /// Words fit to be an instruction; its number is given when it is stored.
    pub fn parse(zh: &str, en: &str) -> Result<Self, InstructionError> {
        let (zh, en) = (zh.trim().replace("\r\n", "\n"), en.trim().replace("\r\n", "\n"));
        if zh.is_empty() && en.is_empty() {
            return Err(InstructionError::Empty);
        }
        for text in [&zh, &en] {
            if text.chars().count() > LONGEST_INSTRUCTION {
                return Err(InstructionError::TooLong);
            }
            if text.chars().any(|one| one.is_control() && one != '\n' && one != '\t') {
                return Err(InstructionError::Unprintable);
            }
        }
        Ok(Self { version: 0, zh, en })
    }

    /// The words for a language; `None` for the program's own.
    pub fn words(&self, language: Language) -> Option<&str> {
        let wanted = language.pick([&self.zh, &self.en], [&self.en, &self.zh]);
        wanted.into_iter().map(String::as_str).find(|words| !words.is_empty())
    }
}

/// A tenant's own key for a provider. Two are the same if their identifiers are; `Debug` shows nothing of the secret.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    /// Which one it is; another secret has another.
    pub id: ProviderKeyId,
    /// What the provider knows.
    pub secret: SecretString,
}

impl PartialEq for ProviderKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ProviderKey {}

/// Characters of a provider's key at most.
const LONGEST_KEY: usize = 512;

/// Whether a text can be a provider's key: printable characters that a header can carry.
pub fn is_fit_for_key(text: &str) -> bool {
    (8..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// All that decides how a tenant's visitors are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answering {
    /// What the tenant chose.
    pub settings: AnswerSettings,
    /// What the operator grants.
    pub grant: Grant,
    /// What models are told.
    pub instruction: Arc<Instruction>,
    /// The tenant's own keys, by provider.
    pub keys: BTreeMap<String, ProviderKey>,
}

impl Answering {
    /// Everything the operator can grant, and nothing chosen.
    pub fn granted() -> Self {
        Self { grant: Grant { operator_keys: true, ..Grant::default() }, ..Self::default() }
    }

    /// What both the operator and the tenant allow.
    pub fn caps(&self) -> Caps {
        self.settings.caps.tightest(self.grant.caps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_what_is_there_and_each_once() {
        let chain = |names: &[&str]| AnswerSettings {
            chain: names.iter().map(|name| (*name).to_owned()).collect(),
            ..AnswerSettings::default()
        };
        let known = ["openai", "anthropic"];
        assert!(chain(&["anthropic", "openai"]).checked(&known).is_ok());
        assert!(chain(&[]).checked(&known).is_ok());
        let unknown = AnswerSettingsError::Unknown("google".to_owned());
        assert_eq!(chain(&["google"]).checked(&known), Err(unknown));
        assert_eq!(
            chain(&["openai", "openai"]).checked(&known),
            Err(AnswerSettingsError::Repeated)
        );
    }

    #[test]
    fn an_instruction_in_one_language_serves_for_both() {
        let one = Instruction::parse(" 你是书店的店员。\r\n", "").expect("words");
        assert_eq!(one.words(Language::En), Some("你是书店的店员。"));
        assert_eq!(Instruction::default().words(Language::Zh), None);
        assert_eq!(Instruction::parse("", " \n"), Err(InstructionError::Empty));
        assert_eq!(Instruction::parse("", "a\u{0}b"), Err(InstructionError::Unprintable));
        let long = "长".repeat(LONGEST_INSTRUCTION + 1);
        assert_eq!(Instruction::parse(&long, ""), Err(InstructionError::TooLong));
    }
}
