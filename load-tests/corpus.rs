//! Sentences in which every personal value is marked, and how well those were found. Read by the benchmark here and by the
//! test that keeps the figures from sinking (`tests/it/pseudonyms.rs`).

use std::collections::BTreeMap;

use anyhow::Context;
use veetflow::privacy::pseudonym::{Found, Kind, KnownIdentity, find};

/// Marked sentences, and what is known of the visitor who writes them.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) identity: KnownIdentity,
    pub(crate) lines: Vec<Line>,
}

/// A sentence and what must be found in it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    expected: Vec<Found>,
}

/// Counts of values. A value is right if kind and range agree to the byte.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) expected: u32,
    pub(crate) found: u32,
    pub(crate) right: u32,
    /// Of those expected, how many were covered whole, whatever they were called.
    pub(crate) covered: u32,
}

impl Tally {
    /// How much of what was found is right.
    pub(crate) fn precision(self) -> f64 {
        share(self.right, self.found)
    }

    /// How much of what is there was found.
    pub(crate) fn recall(self) -> f64 {
        share(self.right, self.expected)
    }

    /// How much of what is there would not have left the house.
    pub(crate) fn coverage(self) -> f64 {
        share(self.covered, self.expected)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            expected: self.expected + other.expected,
            found: self.found + other.found,
            right: self.right + other.right,
            covered: self.covered + other.covered,
        }
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

impl Corpus {
    /// Reads the form that the files describe in their first lines.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut known, mut lines) = (Vec::new(), Vec::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (first, rest) = line.split_once('\t').context("a line without a tab")?;
            if first == "!" {
                let (kind, value) =
                    rest.split_once('\t').context("a known value without its kind")?;
                known.push((kind_of(kind)?, value));
            } else {
                lines.push(Line::parse(rest)?);
            }
        }
        Ok(Self { identity: KnownIdentity::new(known)?, lines })
    }

    /// How well the values are found, for each kind.
    pub(crate) fn score(&self) -> BTreeMap<Kind, Tally> {
        let mut scores: BTreeMap<Kind, Tally> = BTreeMap::new();
        for line in &self.lines {
            let found = find(&line.text, &self.identity);
            for one in &found {
                let tally = scores.entry(one.kind).or_default();
                tally.found += 1;
                tally.right += u32::from(line.expected.contains(one));
            }
            for one in &line.expected {
                let is_covered = |other: &Found| {
                    other.range.start <= one.range.start && one.range.end <= other.range.end
                };
                let tally = scores.entry(one.kind).or_default();
                tally.expected += 1;
                tally.covered += u32::from(found.iter().any(is_covered));
            }
        }
        scores
    }

    /// The sentences in which something else was found than what is marked.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = &str> {
        let is_wrong = |line: &&Line| find(&line.text, &self.identity) != line.expected;
        self.lines.iter().filter(is_wrong).map(|line| line.text.as_str())
    }
}

impl Line {
    fn parse(marked: &str) -> anyhow::Result<Self> {
        let (mut text, mut expected) = (String::new(), Vec::new());
        let mut pieces = marked.split('⟦');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (mark, rest) = piece.split_once('⟧').context("a mark that does not end")?;
            let (kind, value) = mark.split_once('|').context("a mark without a kind")?;
            let start = text.len();
            text.push_str(value);
            expected.push(Found { kind: kind_of(kind)?, range: start..text.len() });
            text.push_str(rest);
        }
        Ok(Self { text, expected })
    }
}

fn kind_of(word: &str) -> anyhow::Result<Kind> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .with_context(|| format!("no kind {word}"))
}

/// All kinds together.
pub(crate) fn overall(scores: &BTreeMap<Kind, Tally>) -> Tally {
    scores.values().fold(Tally::default(), |sum, tally| sum.plus(*tally))
}
