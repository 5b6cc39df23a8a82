//! Decides how text becomes terms, the same way for documents and for questions.
//!
//! It stands apart because it owns the one heavy thing here, the Chinese dictionary: it is loaded
//! once and lent to everyone who reads or asks.

use std::collections::BTreeSet;

use jieba_rs::{Jieba, Token};

use super::vocabulary::Vocabulary;

/// Cuts Chinese and English text into comparable terms. Loading it takes a moment, using it does
/// not: keep one and share it.
#[derive(Debug)]
pub struct Segmenter {
    jieba: Jieba,
    vocabulary: Vocabulary,
}

impl Segmenter {
    /// Loads the dictionary and teaches it the domain words it does not know.
    pub fn new() -> Self {
        let mut jieba = Jieba::new();
        for word in Vocabulary::chinese_words() {
            if !jieba.has_word(word) {
                jieba.add_word(word, None, None);
            }
        }
        Self { jieba, vocabulary: Vocabulary::new() }
    }

    /// The terms of a text in the order they occur, repeats included, words without meaning left
    /// out.
    pub fn terms(&self, text: &str) -> Vec<String> {
        let folded = fold(text);
        let mut terms = Vec::new();
        for run in runs(&folded) {
            match run {
                Run::Han(chinese) => self.add_chinese(chinese, &mut terms),
                Run::Word(word) => terms.extend(self.vocabulary.term(word)),
            }
        }
        terms
    }

    /// Guessing at unknown words is off: it would glue particles to them, and single characters
    /// match better. A word of the tables stands whole; any other
    /// compound is known by its parts if they tell all of it.
    fn add_chinese(&self, chinese: &str, terms: &mut Vec<String>) {
        for token in self.jieba.cut(chinese, false) {
            if self.vocabulary.knows(token.word) {
                terms.extend(self.vocabulary.term(token.word));
                continue;
            }
            let mut parts = self.jieba.cut_for_search(token.word, false);
            if self.is_told_by_parts(token.word, &parts) {
                parts.retain(|part| part.word != token.word);
            }
            terms.extend(parts.iter().filter_map(|part| self.vocabulary.term(part.word)));
        }
    }

    /// Whether smaller words cover all of a compound but particles.
    fn is_told_by_parts(&self, word: &str, parts: &[Token<'_>]) -> bool {
        let covered: BTreeSet<usize> = parts
            .iter()
            .filter(|part| part.word != word)
            .flat_map(|part| part.start..part.end)
            .collect();
        let mut letters = word.chars().enumerate();
        !covered.is_empty()
            && letters.all(|(position, letter)| {
                covered.contains(&position) || self.vocabulary.term(&letter.to_string()).is_none()
            })
    }
}

impl Default for Segmenter {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a character is a Chinese ideograph.
pub(super) fn is_han(character: char) -> bool {
    matches!(character,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

/// Lower-cases, and turns full-width letters, digits and signs into their plain selves.
pub(super) fn fold(text: &str) -> String {
    text.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

fn narrow(character: char) -> char {
    match character {
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2019}' => '\'',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        other => other,
    }
}

/// A stretch of text that is cut in one way.
#[derive(Debug, PartialEq, Eq)]
enum Run<'a> {
    Han(&'a str),
    Word(&'a str),
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let belongs: fn(char) -> bool = match first {
            han if is_han(han) => is_han,
            letter if letter.is_alphanumeric() => is_word_character,
            _ => is_between,
        };
        let end = rest.find(|character| !belongs(character)).unwrap_or(rest.len());
        let (run, remainder) = rest.split_at(end);
        match first {
            han if is_han(han) => found.push(Run::Han(run)),
            letter if letter.is_alphanumeric() => found.push(Run::Word(run)),
            _ => {}
        }
        rest = remainder;
    }
    found
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() && !is_han(character)
}

fn is_between(character: char) -> bool {
    !character.is_alphanumeric() && !is_han(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_and_capital_letters_are_folded() {
        assert_eq!(fold("ＡＥＳ－２５６　Key’s"), "aes-256 key's");
        assert_eq!(Segmenter::new().terms("ＴＬＳ"), Segmenter::new().terms("tls"));
    }

    #[test]
    fn chinese_and_english_mix_in_one_sentence() {
        let terms = Segmenter::new().terms("VeetFlow 会用 Cookie 保存30天的聊天记录吗？");
        for expected in ["veetflow", "cookie", "retain", "30", "day", "conversation"] {
            assert!(terms.iter().any(|term| term == expected), "{expected} in {terms:?}");
        }
        assert!(!terms.iter().any(|term| term == "的" || term == "吗"));
    }

    #[test]
    fn a_question_in_either_language_gives_the_same_terms() {
        let segmenter = Segmenter::new();
        assert_eq!(
            segmenter.terms("如何撤回同意？"),
            segmenter.terms("How do I withdraw my consent?")
        );
    }

    #[test]
    fn text_without_words_gives_no_terms() {
        let segmenter = Segmenter::new();
        for text in ["", "   ", "?!…", "🙂🙂", "\u{200d}\n\t", "的了吗"] {
            assert!(segmenter.terms(text).is_empty(), "{text:?}");
        }
    }
}
