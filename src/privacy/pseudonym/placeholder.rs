//! The form of a placeholder, `[EMAIL_1]`, and the forms in which models give one back.
//!
//! With brackets (also `【】` and `［］`) the case of the letters does not matter; without them the word must be in capitals
//! and stand alone. The underscore may be escaped as Markdown does. What is read here is also what
//! [`Pseudonyms`](super::Pseudonyms) takes for a look-alike when a visitor types it, so the two can never differ.

use std::fmt;

use super::glyphs::is_word_char;
use super::kind::Kind;

/// More digits than any conversation needs; a bound on what is held back.
const MAX_DIGITS: usize = 9;

/// What a placeholder stands for: a kind and its running number, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) number: u32,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}_{}]", self.kind.as_str(), self.number)
    }
}

/// What stands at one place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A placeholder of so many bytes.
    Whole(Name, usize),
    /// The beginning of one, cut off by the end of the text.
    Open,
    /// No placeholder.
    Nothing,
}

/// Whether more text may come after the one at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The text goes on.
    Open,
    /// Nothing follows.
    Final,
}

/// Finds the next placeholder, or the beginning of one, at or after byte `from`. `before` is the character before the
/// text. Nothing is allocated; a text without an opening bracket or a capital is passed over once.
pub(super) fn next(
    text: &str,
    from: usize,
    before: Option<char>,
    end: End,
) -> Option<(usize, Reading)> {
    let bytes = text.as_bytes().get(from..)?;
    for (index, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'[' | 0xe3 | 0xef | b'E' | b'P' | b'C' | b'I' | b'U' | b'N' | b'T') {
            continue;
        }
        let start = from + index;
        let reading = read(text, start, before, end);
        if reading != Reading::Nothing {
            return Some((start, reading));
        }
    }
    None
}

fn read(text: &str, start: usize, before: Option<char>, end: End) -> Reading {
    let Some(here) = text.get(start..) else { return Reading::Nothing };
    let inside = here.strip_prefix(['[', '【', '［']);
    let is_bare = inside.is_none();
    if is_bare {
        let previous = text.get(..start).and_then(|head| head.chars().next_back()).or(before);
        if previous.is_some_and(is_word_char) {
            return Reading::Nothing;
        }
    }
    let inside = inside.unwrap_or(here);
    for kind in Kind::ALL {
        let word = kind.as_str();
        let common = word.len().min(inside.len());
        let (Some(head), Some(beginning)) = (inside.get(..common), word.get(..common)) else {
            continue;
        };
        let is_alike =
            if is_bare { head == beginning } else { head.eq_ignore_ascii_case(beginning) };
        if !is_alike {
            continue;
        }
        if common < word.len() {
            return open(end);
        }
        let rest = inside.get(common..).unwrap_or_default();
        return read_number(kind, rest, is_bare, end).ended_at(here.len());
    }
    Reading::Nothing
}

/// Reads from the underscore on. The length of a whole one is what is left after it.
fn read_number(kind: Kind, rest: &str, is_bare: bool, end: End) -> Reading {
    if rest.is_empty() || rest == "\\" {
        return open(end);
    }
    let Some(digits) = rest.strip_prefix('_').or_else(|| rest.strip_prefix("\\_")) else {
        return Reading::Nothing;
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).take(MAX_DIGITS).count();
    let (Some(number), Some(tail)) = (digits.get(..count), digits.get(count..)) else {
        return Reading::Nothing;
    };
    if number.starts_with('0') || (count == 0 && !tail.is_empty()) {
        return Reading::Nothing;
    }
    let name = number.parse().ok().map(|number| Name { kind, number });
    match (name, tail.chars().next()) {
        (Some(name), None) if is_bare && end == End::Final => Reading::Whole(name, 0),
        (_, None) => open(end),
        (Some(name), Some(next)) if is_bare && !is_word_char(next) => {
            Reading::Whole(name, tail.len())
        }
        (Some(name), Some(']' | '】' | '］')) if !is_bare => {
            let closing = tail.chars().next().map_or(0, char::len_utf8);
            Reading::Whole(name, tail.len() - closing)
        }
        _ => Reading::Nothing,
    }
}

fn open(end: End) -> Reading {
    match end {
        End::Open => Reading::Open,
        End::Final => Reading::Nothing,
    }
}

impl Reading {
    /// Turns what is left after a placeholder into its length.
    fn ended_at(self, available: usize) -> Self {
        match self {
            Self::Whole(name, left) => Self::Whole(name, available - left),
            Self::Open | Self::Nothing => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<(usize, String, usize)> {
        match next(text, 0, None, End::Final) {
            Some((start, Reading::Whole(name, length))) => Some((start, name.to_string(), length)),
            _ => None,
        }
    }

    #[test]
    fn the_forms_that_models_write_are_read() {
        for form in [
            "[EMAIL_12]",
            "[email_12]",
            "【EMAIL_12】",
            "［Email_12］",
            "EMAIL_12",
            "[EMAIL\\_12]",
            "EMAIL\\_12",
        ] {
            let text = format!("见 {form}。");
            assert_eq!(whole(&text), Some((4, "[EMAIL_12]".into(), form.len())), "{form}");
        }
    }

    #[test]
    fn what_is_only_similar_is_not_read() {
        for form in [
            "[EMAIL_]",
            "[EMAIL_0]",
            "[EMAIL_01]",
            "[EMAIL 1]",
            "email_1",
            "MY_EMAIL_1",
            "EMAIL_1A",
            "EMAIL_1_2",
            "[ORDER_1]",
            "[EMAIL_1234567890]",
            "[EMAILS_1]",
        ] {
            assert_eq!(whole(form), None, "{form}");
        }
    }

    #[test]
    fn the_end_of_a_delta_leaves_a_beginning_open() {
        for form in ["[", "[EM", "【email_", "[EMAIL_1", "EMAIL_1", "EMAIL\\", "P"] {
            let text = format!("x {form}");
            assert_eq!(next(&text, 0, None, End::Open), Some((2, Reading::Open)), "{form}");
        }
        assert_eq!(next("EMAIL_1", 0, Some('a'), End::Open), None);
    }
}
