//! What is known about this visitor, so that it is found wherever it is typed.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::glyphs::is_word_char;
use super::kind::Kind;
use super::value::Value;

/// More values than a person has.
pub const MAX_KNOWN_VALUES: usize = 256;
/// The longest known value, in bytes.
pub const MAX_KNOWN_BYTES: usize = 512;
/// Fewer digits say nothing about anyone.
const MIN_DIGITS: usize = 7;

/// Why an identity cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// More than [`MAX_KNOWN_VALUES`] values, or one of more than [`MAX_KNOWN_BYTES`] bytes.
    #[error("more is known of the visitor than can be looked for")]
    TooLarge,
}

/// The known values of one visitor, ready to be looked for. Case does not matter; a value of letters that are written with
/// spaces between words is only found as a word. A number is also found with other separators between its digits.
#[derive(Default)]
pub struct KnownIdentity {
    automaton: Option<AhoCorasick>,
    /// The kind of each pattern of the automaton.
    kinds: Vec<Kind>,
    numbers: HashMap<Value, Kind>,
}

impl KnownIdentity {
    /// Prepares `values`. Give a name's parts as well where people use them alone. Values of one character are left out:
    /// they would be found everywhere.
    pub fn new<'a>(
        values: impl IntoIterator<Item = (Kind, &'a str)>,
    ) -> Result<Self, IdentityError> {
        let (mut patterns, mut kinds, mut numbers) = (Vec::new(), Vec::new(), HashMap::new());
        for (index, (kind, value)) in values.into_iter().enumerate() {
            let value = value.trim();
            if index >= MAX_KNOWN_VALUES || value.len() > MAX_KNOWN_BYTES {
                return Err(IdentityError::TooLarge);
            }
            if value.chars().nth(1).is_none() {
                continue;
            }
            // The automaton folds ASCII; other letters are looked for in both cases.
            for form in [value.to_owned(), value.to_lowercase(), value.to_uppercase()] {
                patterns.push(form);
                kinds.push(kind);
            }
            for digits in numbers_of(value) {
                numbers.insert(digits, kind);
            }
        }
        if patterns.is_empty() {
            return Ok(Self::default());
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&patterns)
            .map_err(|_| IdentityError::TooLarge)?;
        Ok(Self { automaton: Some(automaton), kinds, numbers })
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// What the known number with these digits is.
    pub(super) fn kind_of_number(&self, digits: &str) -> Option<Kind> {
        self.numbers.get(digits).copied()
    }

    /// Finds every known value in `text`, in bytes.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Kind, Range<usize>)) {
        let Some(automaton) = &self.automaton else { return };
        for hit in automaton.find_overlapping_iter(text) {
            let kind = self.kinds.get(hit.pattern().as_usize());
            if let Some(kind) = kind.filter(|_| is_whole(text, hit.range())) {
                found(*kind, hit.range());
            }
        }
    }
}

/// The digits of a known number, and of what may be its national part if it has a country code of one to three digits.
fn numbers_of(value: &str) -> Vec<Value> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let is_number = value.chars().all(|sign| !sign.is_alphabetic());
    let codes = if value.starts_with('+') { 0..=3 } else { 0..=0 };
    codes
        .filter_map(|code| digits.get(code..))
        .filter(|part| is_number && part.len() >= MIN_DIGITS)
        .map(Value::of)
        .collect()
}

/// Whether a range does not begin or end within a word.
fn is_whole(text: &str, range: Range<usize>) -> bool {
    let (Some(head), Some(hit), Some(tail)) =
        (text.get(..range.start), text.get(range.clone()), text.get(range.end..))
    else {
        return false;
    };
    let is_cut = |left: Option<char>, right: Option<char>| {
        left.is_some_and(is_word_char) && right.is_some_and(is_word_char)
    };
    !is_cut(head.chars().next_back(), hit.chars().next())
        && !is_cut(hit.chars().next_back(), tail.chars().next())
}

impl fmt::Debug for KnownIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "KnownIdentity({} patterns, {} numbers)",
            self.kinds.len(),
            self.numbers.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(identity: &KnownIdentity, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        identity.find(text, |_, range| all.push(text[range].to_owned()));
        all.dedup();
        all
    }

    #[test]
    fn names_are_found_in_any_case_and_latin_ones_only_as_words() {
        let values = [
            (Kind::Name, "Ann"),
            (Kind::Name, "王小明"),
            (Kind::Name, "Élodie"),
            (Kind::Name, "王"),
        ];
        let identity = KnownIdentity::new(values).expect("small");
        assert_eq!(
            hits(&identity, "ANN's annual, 我叫王小明，王 élodie"),
            ["ANN", "王小明", "élodie"]
        );
        assert_eq!(format!("{identity:?}"), "KnownIdentity(9 patterns, 0 numbers)");
    }

    #[test]
    fn too_much_is_an_error() {
        let long = "x".repeat(MAX_KNOWN_BYTES + 1);
        assert_eq!(
            KnownIdentity::new([(Kind::Name, long.as_str())]).err(),
            Some(IdentityError::TooLarge)
        );
        let many = std::iter::repeat_n((Kind::Name, "ab"), MAX_KNOWN_VALUES + 1);
        assert_eq!(KnownIdentity::new(many).err(), Some(IdentityError::TooLarge));
    }
}
