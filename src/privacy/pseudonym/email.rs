//! E-mail addresses: the everyday forms of RFC 5321, and `%40` for the sign as links write it.

use std::ops::Range;

use super::glyphs::{Glyphs, LETTER};

/// File endings that make `photo@2x.png` no address.
const FILES: [&[u8]; 6] = [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp"];

/// Finds all addresses. Each search to the left ends at the sign before, each to the right at the next one, so no glyph is
/// read more than a fixed number of times.
pub(super) fn find(glyphs: &Glyphs, mut found: impl FnMut(Range<usize>)) {
    let mut from = 0;
    for index in 0..glyphs.len() {
        let width = match glyphs.get(index) {
            b'@' => 1,
            b'%' if glyphs.slice(index..(index + 3).min(glyphs.len())) == b"%40" => 3,
            _ => continue,
        };
        if index < from {
            continue;
        }
        let start = local(glyphs, from, index);
        let end = domain(glyphs, index + width);
        if let (Some(start), Some(end)) = (start, end) {
            found(start..end);
            from = end;
        } else {
            from = index + width;
        }
    }
}

/// Where the part before the sign begins, if there is one.
fn local(glyphs: &Glyphs, from: usize, sign: usize) -> Option<usize> {
    let is_part = |glyph: u8| {
        glyph.is_ascii_alphanumeric()
            || matches!(glyph, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | LETTER)
    };
    let mut start = sign;
    while start > from && is_part(glyphs.before(start)) {
        start -= 1;
    }
    let start = glyphs.skip(start, |glyph| matches!(glyph, b'.' | b'\'' | b'-' | b'%' | b'+'));
    (start < sign).then_some(start)
}

/// Where the domain ends: the longest one whose last label can be a top-level domain.
fn domain(glyphs: &Glyphs, from: usize) -> Option<usize> {
    let mut best = None;
    let mut label = from;
    let mut labels = 0;
    loop {
        let letters = glyphs.skip(label, |glyph| glyph.is_ascii_alphanumeric() || glyph == LETTER);
        let end = glyphs
            .skip(letters, |glyph| glyph.is_ascii_alphanumeric() || matches!(glyph, b'-' | LETTER));
        if letters == label {
            return best;
        }
        labels += 1;
        if labels > 1 && is_top_level(glyphs.slice(label..letters)) {
            best = Some(letters);
        }
        if labels > 1 && is_punycode(glyphs.slice(label..end)) {
            best = Some(end);
        }
        if glyphs.get(end) != b'.' {
            return best;
        }
        label = end + 1;
    }
}

fn is_top_level(label: &[u8]) -> bool {
    let is_word = label.iter().all(|glyph| glyph.is_ascii_alphabetic() || *glyph == LETTER);
    let is_file = FILES.iter().any(|ending| label.eq_ignore_ascii_case(ending));
    (2..=24).contains(&label.len()) && is_word && !is_file
}

fn is_punycode(label: &[u8]) -> bool {
    label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let glyphs = Glyphs::of(text);
        let mut all = Vec::new();
        find(&glyphs, |range| all.push(text[glyphs.bytes(&range)].to_owned()));
        all
    }

    #[test]
    fn addresses_are_found_whole_and_nothing_around_them() {
        for (text, address) in [
            ("邮箱是li.wei+shop@example.com。", "li.wei+shop@example.com"),
            ("<o'neil@mail.example.co.uk>, thanks", "o'neil@mail.example.co.uk"),
            ("ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ吗", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
            ("josé@example.es.", "josé@example.es"),
            ("?to=li%40example.com&x=1", "li%40example.com"),
            ("a@b.com-thanks", "a@b.com"),
            ("x@xn--fiqs8s.xn--fiqs8s", "x@xn--fiqs8s.xn--fiqs8s"),
        ] {
            assert_eq!(addresses(text), [address], "{text}");
        }
    }

    #[test]
    fn signs_that_are_no_addresses_are_left() {
        for text in
            ["@小明", "react@18.2.0", "icon@2x.png", "3 @ 5.00", "a@b", "@example.com", "a@@b.com"]
        {
            assert!(addresses(text).is_empty(), "{text}");
        }
    }
}
