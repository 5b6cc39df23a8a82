//! Everything personal in one text, in order and without overlaps.

use std::cmp::Reverse;
use std::ops::Range;

use super::glyphs::Glyphs;
use super::identity::KnownIdentity;
use super::kind::Kind;
use super::{address, email, link, number, passport};

/// What was found before under the same text, which needs no context any more.
pub(super) type Memory<'a> = &'a dyn Fn(&str) -> Option<Kind>;

/// A personal value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// What numbers and passports are judged by.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) text: &'a str,
    pub(super) glyphs: &'a Glyphs,
    pub(super) identity: &'a KnownIdentity,
    pub(super) memory: Memory<'a>,
}

/// Finds everything. A text without a digit, an at sign or an equals sign is passed over once and nothing is allocated.
pub(super) fn find(text: &str, identity: &KnownIdentity, memory: Memory<'_>) -> Vec<Found> {
    let mut all = Vec::new();
    identity.find(text, |kind, range| all.push(Found { kind, range }));
    if has_candidate(text) {
        let glyphs = Glyphs::of(text);
        find_patterns(Surroundings { text, glyphs: &glyphs, identity, memory }, &mut all);
    }
    resolve(all)
}

/// Asks every detector; those that claim more come first, which decides between equals.
pub(super) fn find_patterns(around: Surroundings<'_>, all: &mut Vec<Found>) {
    let glyphs = around.glyphs;
    let mut add = |kind, range: Range<usize>| all.push(Found { kind, range: glyphs.bytes(&range) });
    link::find(glyphs, |range| add(Kind::Url, range));
    email::find(glyphs, |range| add(Kind::Email, range));
    address::find_version_6(glyphs, |range| add(Kind::Ip, range));
    passport::find(around, |range| add(Kind::Passport, range));
    number::find(around, &mut add);
}

fn has_candidate(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(index, byte)| match byte {
        b'0'..=b'9' | b'@' | b'=' => true,
        // Full-width digits and the full-width and the small at sign.
        0xef => matches!(
            bytes.get(index + 1..index + 3),
            Some([0xbc, 0x90..=0x99 | 0xa0] | [0xb9, 0xab])
        ),
        _ => false,
    })
}

/// What lies within another goes, what overlaps in part becomes one: never is half a value left over.
pub(super) fn resolve(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by_key(|found| (found.range.start, Reverse(found.range.end)));
    let mut kept: Vec<Found> = Vec::with_capacity(all.len());
    for found in all {
        match kept.last_mut() {
            Some(last) if found.range.start < last.range.end => {
                last.range.end = last.range.end.max(found.range.end);
            }
            _ => kept.push(found),
        }
    }
    kept
}
