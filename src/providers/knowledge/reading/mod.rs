//! Turns an uploaded file into Markdown that can be searched and quoted.
//!
//! It stands apart because files come from strangers: whatever comes in, memory and time are bounded, nothing panics
//! through, and every refusal has a name. A PDF, whose format invites endless loops, deep nesting and bombs that no
//! library survives in every case, is read by a process of its own ([`apart`]).

pub mod apart;
mod docx;
mod html;
mod manuscript;
pub mod pdf;
mod text;

use unicode_normalization::char::decompose_compatible;

use crate::code::{Coded, ErrorCode};
use crate::domain::document::Format;
use crate::domain::language::Language;

use super::segment::is_han;

/// Why a file gives no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The file, what is packed in it, or its text is beyond the bounds.
    #[error("the document is too large")]
    TooLarge,
    /// It needs a password.
    #[error("the document is encrypted")]
    Encrypted,
    /// It is broken, or not of its format.
    #[error("the document could not be read")]
    Unreadable,
    /// It has no letters: empty, or pictures of pages.
    #[error("the document holds no text")]
    NoText,
    /// Its bytes are text in no encoding known here.
    #[error("the document's encoding is not known")]
    Encoding,
}

impl Coded for ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge => ErrorCode::DocumentTooLarge,
            Self::Encrypted => ErrorCode::DocumentEncrypted,
            Self::Unreadable => ErrorCode::DocumentUnreadable,
            Self::NoText => ErrorCode::NoText,
            Self::Encoding => ErrorCode::InvalidUtf8,
        }
    }
}

/// What a file says. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Reading {
    /// The title it gives itself, if it does.
    pub title: Option<String>,
    /// Its text, headings kept.
    pub markdown: String,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Reading({} bytes)", self.markdown.len())
    }
}

/// Reads a file whose text may have `most` bytes. Takes as long as the file is large; a PDF is read here too, so call it
/// for one only in a process that may die.
pub fn read(format: Format, bytes: &[u8], most: usize) -> Result<Reading, ReadError> {
    let reading = match format {
        Format::Text => Reading { title: None, markdown: text::decode(bytes, None)? },
        Format::Markdown => titled(text::decode(bytes, None)?),
        Format::Html => html::read(&text::decode(bytes, html::declared_encoding(bytes))?, most)?,
        Format::Pdf => Reading { title: None, markdown: pdf::read(bytes)? },
        Format::Docx => docx::read(bytes, most)?,
    };
    finish(reading, most)
}

/// Removes what no reader sees, and refuses what is too long or empty.
fn finish(reading: Reading, most: usize) -> Result<Reading, ReadError> {
    let is_kept = |letter: char| {
        !letter.is_control() && !matches!(letter, '\u{feff}' | '\u{200b}' | '\u{ad}')
            || matches!(letter, '\n' | '\t')
    };
    let mut markdown = String::new();
    let mut blank_lines = 0;
    for line in reading.markdown.replace('\r', "\n").lines() {
        let mut kept = String::new();
        for letter in line.trim_end().chars().filter(|letter| is_kept(*letter)) {
            plain(letter, &mut kept);
        }
        blank_lines = if kept.is_empty() { blank_lines + 1 } else { 0 };
        if blank_lines < 2 {
            markdown.push_str(&kept);
            markdown.push('\n');
        }
    }
    if markdown.len() > most {
        return Err(ReadError::TooLarge);
    }
    if markdown.chars().filter(|letter| letter.is_alphanumeric()).take(2).count() < 2 {
        return Err(ReadError::NoText);
    }
    Ok(Reading { title: reading.title, markdown })
}

/// The letter that people type for one that only looks like it: PDFs are full of radicals and ligatures.
fn plain(letter: char, text: &mut String) {
    let is_likeness = matches!(letter,
        '\u{2e80}'..='\u{2fdf}' | '\u{f900}'..='\u{faff}' | '\u{fb00}'..='\u{fb06}');
    if is_likeness {
        decompose_compatible(letter, |part| text.push(part));
    } else {
        text.push(letter);
    }
}

fn titled(markdown: String) -> Reading {
    let title = markdown.lines().find_map(|line| line.strip_prefix("# "));
    Reading { title: title.map(|title| title.trim().to_owned()), markdown }
}

/// The language a text is written in: Chinese if at least a fifth of its letters are.
pub fn language_of(text: &str) -> Language {
    let letters = || text.chars().filter(|letter| letter.is_alphabetic());
    let chinese = letters().filter(|letter| is_han(*letter)).count();
    if chinese > 0 && chinese * 5 >= letters().count() { Language::Zh } else { Language::En }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_tidied_and_the_empty_and_the_endless_are_refused() {
        let reading = read(Format::Text, b"a b\r\nc\0\x07d\n\n\n\n\ne", 100).expect("text");
        assert_eq!(reading.markdown, "a b\n\ncd\n\ne\n");
        assert_eq!(read(Format::Text, b" \n\t", 100), Err(ReadError::NoText));
        assert_eq!(read(Format::Text, &[b'a'; 101], 100), Err(ReadError::TooLarge));
        let titled = read(Format::Markdown, "# 退货 \n\n七天".as_bytes(), 100).expect("text");
        assert_eq!(titled.title.as_deref(), Some("退货"));
    }

    #[test]
    fn letters_that_only_look_like_others_become_the_others() {
        let reading = read(Format::Text, "⼯作⽇，ﬁle①".as_bytes(), 100).expect("text");
        assert_eq!(reading.markdown, "工作日，file①\n");
    }

    #[test]
    fn the_language_is_that_of_most_words() {
        assert_eq!(language_of("本店支持 PayPal 与 Apple Pay 付款"), Language::Zh);
        assert_eq!(language_of("Our shop 北京 ships to more than forty countries."), Language::En);
        assert_eq!(language_of("12345"), Language::En);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for format in [Format::Text, Format::Markdown, Format::Html, Format::Docx] {
                drop(read(format, &bytes, 1000));
            }
        }

        #[test]
        fn no_tag_soup_makes_the_reader_panic(soup in "[<>/!a-p \"'=&;#-]{0,300}") {
            drop(read(Format::Html, soup.as_bytes(), 1000));
        }
    }
}
