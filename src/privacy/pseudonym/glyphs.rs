//! A text as its patterns are looked for: one byte for each character, full-width forms folded to ASCII, invisible
//! characters left out. All detectors read through [`Glyphs::get`], so tests can count how much they read.

use std::ops::Range;

/// A character of a script that puts no spaces between words: Han, kana, hangul, Thai and their neighbours.
pub(super) const UNSPACED: u8 = 0x80;
/// A letter or digit of another script.
pub(super) const LETTER: u8 = 0x81;
/// Anything else beyond ASCII.
pub(super) const OTHER: u8 = 0x82;

/// A folded text and the way back to the original's bytes.
pub(super) struct Glyphs {
    folded: Vec<u8>,
    /// Where each glyph begins in the original, and one more: where the original ends.
    starts: Vec<usize>,
    #[cfg(test)]
    reads: std::cell::Cell<usize>,
}

impl Glyphs {
    /// Folds `text`.
    pub(super) fn of(text: &str) -> Self {
        let mut folded = Vec::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len() + 1);
        for (start, character) in text.char_indices() {
            if let Some(glyph) = fold(character) {
                folded.push(glyph);
                starts.push(start);
            }
        }
        starts.push(text.len());
        Self {
            folded,
            starts,
            #[cfg(test)]
            reads: std::cell::Cell::new(0),
        }
    }

    /// How many glyphs there are.
    pub(super) fn len(&self) -> usize {
        self.folded.len()
    }

    /// The glyph at `index`; 0 beyond the end.
    pub(super) fn get(&self, index: usize) -> u8 {
        #[cfg(test)]
        self.reads.set(self.reads.get() + 1);
        self.folded.get(index).copied().unwrap_or(0)
    }

    /// The glyph before `index`; 0 at the beginning.
    pub(super) fn before(&self, index: usize) -> u8 {
        index.checked_sub(1).map_or(0, |previous| self.get(previous))
    }

    /// The first index from `from` on whose glyph is not one of `wanted`.
    pub(super) fn skip(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let mut index = from;
        while index < self.len() && wanted(self.get(index)) {
            index += 1;
        }
        index
    }

    /// Where the unbroken run of `wanted` that ends at `to` begins.
    pub(super) fn skip_back(&self, to: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let mut index = to;
        while index > 0 && wanted(self.before(index)) {
            index -= 1;
        }
        index
    }

    /// The folded glyphs of a range.
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        #[cfg(test)]
        self.reads.set(self.reads.get() + range.len());
        self.folded.get(range).unwrap_or_default()
    }

    /// Where `index` begins in the original, in bytes.
    pub(super) fn offset(&self, index: usize) -> usize {
        self.starts.get(index).or(self.starts.last()).copied().unwrap_or(0)
    }

    /// The bytes of the original that a range of glyphs stands for.
    pub(super) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        self.offset(range.start)..self.offset(range.end)
    }

    #[cfg(test)]
    pub(super) fn reads(&self) -> usize {
        self.reads.get()
    }
}

/// Whether a glyph belongs to a word of a script that separates its words.
pub(super) fn is_word(glyph: u8) -> bool {
    glyph.is_ascii_alphanumeric() || matches!(glyph, b'_' | LETTER)
}

/// Whether a character belongs to a word of a script that separates its words.
pub(super) fn is_word_char(character: char) -> bool {
    character == '_' || (character.is_alphanumeric() && !is_unspaced(character))
}

fn fold(character: char) -> Option<u8> {
    let glyph = match character {
        '\0'..='\x7f' => u8::try_from(character).unwrap_or(OTHER),
        // Soft hyphen, zero-width characters, marks of direction, variation selectors, the byte order mark.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => return None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => b' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => b'-',
        '\u{fe6b}' => b'@',
        '\u{ff01}'..='\u{ff5e}' => {
            u8::try_from(u32::from(character) - 0xff01 + u32::from(b'!')).unwrap_or(OTHER)
        }
        _ if is_unspaced(character) => UNSPACED,
        _ if character.is_alphanumeric() => LETTER,
        _ => OTHER,
    };
    Some(glyph)
}

fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{edf}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_forms_are_folded_and_invisible_ones_left_out() {
        let text = "电１\u{200b}３＠é。—";
        let glyphs = Glyphs::of(text);
        assert_eq!(
            glyphs.slice(0..glyphs.len()),
            [UNSPACED, b'1', b'3', b'@', LETTER, OTHER, b'-']
        );
        assert_eq!(text.get(glyphs.bytes(&(1..3))), Some("１\u{200b}３"));
    }
}
