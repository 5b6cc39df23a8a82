//! A tenant's document: what it is called, what it is made of, and what stands on its card.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::language::Language;

/// The short name of a document within its tenant: letters of any script, digits, inner `-`, `_` and `.`; 1 to 80 of them,
/// in lower case. It stands in addresses and, in clear, in the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentSlug(String);

/// Why something cannot stand on a document's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Not a short name.
    #[error("a document's short name has 1 to 80 lower-case letters, digits, or inner - _ and .")]
    Slug,
    /// Not a title.
    #[error("a title has 1 to 200 characters")]
    Title,
    /// Not an address.
    #[error("an address begins with https://, http:// or /")]
    Url,
    /// Not a language.
    #[error("the language is zh or en")]
    Language,
}

impl DocumentSlug {
    /// Checks a short name.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let is_inner = |letter: char| matches!(letter, '-' | '_' | '.');
        let is_word = |letter: char| letter.is_alphanumeric() && !letter.is_uppercase();
        let fits = (1..=80).contains(&text.chars().count())
            && text.chars().all(|letter| is_word(letter) || is_inner(letter))
            && text.starts_with(is_word)
            && text.ends_with(is_word);
        if fits { Ok(Self(text.to_owned())) } else { Err(CardError::Slug) }
    }

    /// The short name that a file's name suggests.
    pub fn of_file(name: &str) -> Result<Self, CardError> {
        let mut slug = String::new();
        for letter in name.chars().flat_map(char::to_lowercase) {
            if letter.is_alphanumeric() {
                slug.push(letter);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let short: String = slug.trim_matches('-').chars().take(80).collect();
        Self::parse(short.trim_end_matches('-'))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentSlug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an uploaded file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
    /// PDF.
    Pdf,
    /// Office Open XML, word processing.
    Docx,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Text, Self::Markdown, Self::Html, Self::Pdf, Self::Docx];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
        }
    }

    /// The media type under which it is sent.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }

    /// The format of a media type, parameters left aside.
    pub fn of_media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let named = Self::ALL.into_iter().find(|format| format.media_type() == essence);
        named.or(match essence.as_str() {
            "text/x-markdown" => Some(Self::Markdown),
            "application/xhtml+xml" => Some(Self::Html),
            _ => None,
        })
    }

    /// The format of a file name's ending.
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "txt" | "text" => Some(Self::Text),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            "docx" => Some(Self::Docx),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or(())
    }
}

/// What stands on a document's card; sealed like its text. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its title, as citations show it.
    pub title: String,
    /// Where a reader finds it; empty if nowhere.
    pub url: String,
    /// The language it is written in.
    pub language: Language,
}

impl fmt::Debug for Card {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Card({:?})", self.language)
    }
}

/// Checks a title: one line of 1 to 200 characters.
pub fn parse_title(text: &str) -> Result<String, CardError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let title: String = words.join(" ").chars().filter(|letter| !letter.is_control()).collect();
    if (1..=200).contains(&title.chars().count()) { Ok(title) } else { Err(CardError::Title) }
}

/// Checks the address of a document: on the web, or on the site that shows the widget. Never a script.
pub fn parse_url(text: &str) -> Result<String, CardError> {
    let url = text.trim();
    let lower = url.to_ascii_lowercase();
    let is_safe = ["https://", "http://", "/"].iter().any(|start| lower.starts_with(start))
        && !lower.starts_with("//");
    let is_plain = url.len() <= 2000 && !url.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_safe && is_plain { Ok(url.to_owned()) } else { Err(CardError::Url) }
}

/// Reads the name of a language.
pub fn parse_language(text: &str) -> Result<Language, CardError> {
    match text {
        "zh" => Ok(Language::Zh),
        "en" => Ok(Language::En),
        _ => Err(CardError::Language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_made_of_letters_of_any_script() {
        for right in ["faq", "faq-2025.v2", "退货政策", "a"] {
            assert!(DocumentSlug::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "-a", "a-", "A", "a b", "a/b", "..", &"x".repeat(81)] {
            assert_eq!(DocumentSlug::parse(wrong), Err(CardError::Slug), "{wrong}");
        }
        let made = |name| DocumentSlug::of_file(name).map(|slug| slug.0);
        assert_eq!(made("退货 政策 (V2)"), Ok("退货-政策-v2".to_owned()));
        assert_eq!(made("  "), Err(CardError::Slug));
    }

    #[test]
    fn an_address_is_on_the_web_or_on_the_site_and_never_a_script() {
        assert!(parse_url("https://shop.example/returns").is_ok());
        assert!(parse_url("/returns").is_ok());
        for wrong in ["javascript:alert(1)", "//evil.example", "data:text/html,x", "a b", ""] {
            assert_eq!(parse_url(wrong), Err(CardError::Url), "{wrong}");
        }
        assert_eq!(parse_title(" a \n b "), Ok("a b".to_owned()));
        assert_eq!(parse_title("\t"), Err(CardError::Title));
    }

    #[test]
    fn a_format_is_known_by_its_media_type_and_by_its_ending() {
        for format in Format::ALL {
            assert_eq!(Format::of_media_type(format.media_type()), Some(format));
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!(Format::of_media_type("Text/HTML; charset=gbk"), Some(Format::Html));
        assert_eq!(Format::of_ending("MD"), Some(Format::Markdown));
        assert_eq!(Format::of_ending("exe"), None);
    }
}
