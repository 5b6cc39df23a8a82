//! Looks again where something was found: what a context gave away at one place stands bare at another, and what is taken
//! out may leave a value standing alone that was a part of something before.

use std::collections::HashMap;
use std::ops::Range;

use super::find::{Found, Memory, find, resolve};
use super::identity::KnownIdentity;
use super::kind::Kind;

/// What stands in for a value while the rest is looked at again: as neutral as the placeholder that will stand there.
const STAND_IN: &str = "[TEXT_1]";
/// A bound for texts that are made to keep giving something up; ordinary ones end after the first look without news.
const MAX_LOOKS: usize = 4;

/// Finds everything personal in a text, and in what is left of it.
pub(super) fn find_all(text: &str, identity: &KnownIdentity, memory: Memory<'_>) -> Vec<Found> {
    let mut all = find(text, identity, memory);
    for _ in 0..MAX_LOOKS {
        if all.is_empty() {
            break;
        }
        let value = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let here: HashMap<&str, Kind> =
            all.iter().map(|found| (value(&found.range), found.kind)).collect();
        let both = |value: &str| memory(value).or_else(|| here.get(value).copied());
        let masked = Masked::of(text, &all);
        let news = find(&masked.text, identity, &both);
        if news.is_empty() {
            break;
        }
        all.extend(news.iter().map(|found| masked.in_original(found)));
        all = resolve(all);
    }
    all
}

/// A text with its values masked, and the way back.
struct Masked {
    text: String,
    /// Where each stand-in begins, and what it stands for.
    places: Vec<(usize, Range<usize>)>,
}

impl Masked {
    fn of(text: &str, all: &[Found]) -> Self {
        let mut masked = Self { text: String::with_capacity(text.len()), places: Vec::new() };
        let mut copied = 0;
        for found in all {
            masked.text.push_str(text.get(copied..found.range.start).unwrap_or_default());
            masked.places.push((masked.text.len(), found.range.clone()));
            masked.text.push_str(STAND_IN);
            copied = found.range.end;
        }
        masked.text.push_str(text.get(copied..).unwrap_or_default());
        masked
    }

    fn in_original(&self, found: &Found) -> Found {
        let start = self.map(found.range.start, |stood_for| stood_for.start);
        let end = self.map(found.range.end, |stood_for| stood_for.end);
        Found { kind: found.kind, range: start..end }
    }

    fn map(&self, place: usize, inside: impl Fn(&Range<usize>) -> usize) -> usize {
        let before = self.places.partition_point(|(start, _)| *start < place);
        let last = before.checked_sub(1).and_then(|last| self.places.get(last));
        match last {
            None => place,
            Some((start, stood_for)) if place < start + STAND_IN.len() => inside(stood_for),
            Some((start, stood_for)) => stood_for.end + (place - start - STAND_IN.len()),
        }
    }
}
