//! The text people consent to, and its version. Changing a word without changing the version stops the server.

use sha2::{Digest, Sha256};

use crate::domain::language::Language;
use crate::domain::tenant::Period;

/// The version of the privacy policy in force (its date of effect).
pub const POLICY_VERSION: &str = "2025-01-15";

const CHINESE: &str = include_str!("../../static/knowledge/notice/zh.md");
const ENGLISH: &str = include_str!("../../static/knowledge/notice/en.md");

/// The notice as published, with its placeholders.
pub fn template(language: Language) -> &'static str {
    language.pick(CHINESE, ENGLISH).trim()
}

/// The notice as a visitor reads it.
pub fn text(language: Language, provider: &str, period: Period) -> String {
    template(language)
        .replace("{provider}", provider)
        .replace("{period}", &period.in_words(language))
}

/// SHA-256 of the published template.
pub fn digest(language: Language) -> [u8; 32] {
    Sha256::digest(template(language)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_names_provider_and_period_in_both_languages() {
        for language in [Language::Zh, Language::En] {
            let shown = text(language, "PROVIDER", Period::DEFAULT);
            assert!(
                shown.contains("PROVIDER") && shown.contains("12") && !shown.contains('{'),
                "{shown}"
            );
        }
    }
}
