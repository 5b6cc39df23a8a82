//! Replaces the personal values of one conversation.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::find::Found;
use super::identity::KnownIdentity;
use super::kind::Kind;
use super::placeholder::{End, Name, Reading, next};
use super::restore::Restorer;
use super::settle::find_all;
use super::value::Value;

/// The placeholders of one conversation, numbered for each kind in order of first appearance.
///
/// A visitor may type what looks like a placeholder. A number that is still free is then never given out; if it has been
/// given out already, what was typed is itself replaced, as a `[TEXT_1]`. So restoring always gives what was there.
pub struct Pseudonyms<'a> {
    identity: &'a KnownIdentity,
    names: HashMap<Value, Name>,
    given: HashSet<Name>,
    avoided: HashSet<Name>,
    last: HashMap<Kind, u32>,
}

impl<'a> Pseudonyms<'a> {
    /// Begins with nothing given out.
    pub fn new(identity: &'a KnownIdentity) -> Self {
        Self {
            identity,
            names: HashMap::new(),
            given: HashSet::new(),
            avoided: HashSet::new(),
            last: HashMap::new(),
        }
    }

    /// Replaces what is personal in the conversation's next line. Borrowed when there is nothing.
    pub fn replace<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut all = self.find(text);
        self.heed_look_alikes(text, &mut all);
        if all.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut safe = String::with_capacity(text.len());
        let mut copied = 0;
        for found in all {
            safe.push_str(text.get(copied..found.range.start).unwrap_or_default());
            let value = text.get(found.range.clone()).unwrap_or_default();
            safe.push_str(&self.name(found.kind, value).to_string());
            copied = found.range.end;
        }
        safe.push_str(text.get(copied..).unwrap_or_default());
        Cow::Owned(safe)
    }

    /// How many different values have been replaced.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing has been replaced.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The way back for an answer to these lines.
    pub fn into_restorer(self) -> Restorer {
        Restorer::new(self.names.into_iter().map(|(value, name)| (name, value)).collect())
    }

    fn find(&self, text: &str) -> Vec<Found> {
        let known = |value: &str| self.names.get(value).map(|name| name.kind);
        find_all(text, self.identity, &known)
    }

    fn heed_look_alikes(&mut self, text: &str, all: &mut Vec<Found>) {
        let mut from = 0;
        let mut typed = Vec::new();
        while let Some((start, Reading::Whole(name, length))) = next(text, from, None, End::Final) {
            from = start + length;
            let place = all.partition_point(|found| found.range.end <= start);
            let is_within = all.get(place).is_some_and(|found| found.range.start < from);
            if is_within {
                continue;
            }
            if self.given.contains(&name) {
                typed.push(Found { kind: Kind::Text, range: start..from });
            } else {
                self.avoided.insert(name);
            }
        }
        if !typed.is_empty() {
            all.append(&mut typed);
            all.sort_by_key(|found| found.range.start);
        }
    }

    fn name(&mut self, kind: Kind, value: &str) -> Name {
        if let Some(name) = self.names.get(value) {
            return *name;
        }
        let last = self.last.entry(kind).or_insert(0);
        let name = loop {
            *last = last.saturating_add(1);
            let name = Name { kind, number: *last };
            if !self.avoided.contains(&name) {
                break name;
            }
        };
        self.given.insert(name);
        self.names.insert(Value::of(value), name);
        name
    }
}

impl fmt::Debug for Pseudonyms<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pseudonyms({} values, {} avoided)", self.names.len(), self.avoided.len())
    }
}
