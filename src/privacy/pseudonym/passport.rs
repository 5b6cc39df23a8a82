//! Passports: the forms of mainland China by themselves, anything plausible where it is announced.

use std::ops::Range;

use super::context::{self, Topic};
use super::find::Surroundings;
use super::glyphs::is_word;
use super::phone::is_date;

/// Finds all passport numbers; a word is read once.
pub(super) fn find(around: Surroundings<'_>, mut found: impl FnMut(Range<usize>)) {
    let glyphs = around.glyphs;
    let mut index = 0;
    while index < glyphs.len() {
        let end = glyphs.skip(index, is_word);
        if (6..=10).contains(&(end - index)) && is_passport(around, index, end) {
            found(index..end);
        }
        index = end + 1;
    }
}

fn is_passport(around: Surroundings<'_>, start: usize, end: usize) -> bool {
    let word = around.glyphs.slice(start..end);
    let digits = word.iter().filter(|glyph| glyph.is_ascii_digit()).count();
    if digits < 5 || !word.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let topic = context::before(around.text, around.glyphs.offset(start));
    match topic {
        Some(Topic::Passport) => word.len() - digits <= 3 && !is_date(word),
        Some(Topic::Thing) => false,
        Some(Topic::Phone | Topic::Card | Topic::Id | Topic::Address) | None => {
            is_chinese(word) && is_apart(around, start, end)
        }
    }
}

/// Ordinary passports since 1997 (E, G), their letter series, service and diplomatic ones (D, S, P and two letters).
fn is_chinese(word: &[u8]) -> bool {
    let digits = match word {
        [b'E', b'A'..=b'Z', digits @ ..] | [b'S' | b'D' | b'P', b'E', digits @ ..]
            if digits.len() == 7 =>
        {
            digits
        }
        [b'E' | b'G' | b'D', digits @ ..] if digits.len() == 8 => digits,
        _ => return false,
    };
    digits.iter().all(u8::is_ascii_digit)
}

/// Not a part of something longer, such as a path or a model.
fn is_apart(around: Surroundings<'_>, start: usize, end: usize) -> bool {
    let is_link = |glyph: u8| matches!(glyph, b'-' | b'/' | b'#' | b'.' | b'=' | b'&' | b'@');
    let after = around.glyphs.get(end);
    let is_linked_after = is_link(after) && is_word(around.glyphs.get(end + 1));
    !is_link(around.glyphs.before(start)) && !is_linked_after
}
