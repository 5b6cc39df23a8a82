//! Decides how one document becomes passages and counted words.
//!
//! It stands apart from the index because this is the slow half: it is done outside every lock, and what comes of it
//! can be put in and taken out as one piece.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;

use super::{Document, Passage, anchor, real};
use crate::providers::knowledge::passages::sections;
use crate::providers::knowledge::segment::Segmenter;

/// What a word in the heading counts, beside one in the text.
const HEADING_WEIGHT: f32 = 3.0;
/// What a word in the document's title counts.
const TITLE_WEIGHT: f32 = 1.0;

/// The passages of one document and where each word stands in them. Its `Debug` form shows no word.
#[derive(Default)]
pub struct Leaves {
    passages: Vec<Passage>,
    postings: HashMap<Box<str>, Vec<Posting>>,
    length: usize,
}

/// How often a word stands in a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    /// The passage's place in its document.
    pub(super) passage: usize,
    /// How often, headings counting more.
    pub(super) frequency: f32,
    /// How many terms the passage has.
    pub(super) length: f32,
}

impl Leaves {
    /// Cuts a document into passages and counts their words.
    pub fn of(segmenter: &Segmenter, document: &Document) -> Self {
        let mut leaves = Self::default();
        let title = segmenter.terms(&document.title);
        for section in sections(&document.markdown) {
            let heading = section.heading.as_deref();
            leaves.add(segmenter, document, &title, heading, &section.body);
        }
        leaves
    }

    fn add(
        &mut self,
        segmenter: &Segmenter,
        from: &Document,
        title: &[String],
        heading: Option<&str>,
        body: &str,
    ) {
        let mut frequencies: BTreeMap<String, f32> = BTreeMap::new();
        let body_terms = segmenter.terms(body);
        let length = body_terms.len();
        let heading_terms = segmenter.terms(heading.unwrap_or_default());
        for (terms, weight) in
            [(body_terms, 1.0), (heading_terms, HEADING_WEIGHT), (title.to_vec(), TITLE_WEIGHT)]
        {
            for term in terms {
                *frequencies.entry(term).or_default() += weight;
            }
        }
        let passage = self.passages.len();
        for (term, frequency) in frequencies {
            let posting = Posting { passage, frequency, length: real(length) };
            self.postings.entry(term.into_boxed_str()).or_default().push(posting);
        }
        self.length += length;
        self.passages.push(Passage {
            title: heading
                .map_or_else(|| from.title.clone(), |text| format!("{} — {text}", from.title)),
            url: address(&from.url, heading),
            language: from.language,
            text: body.trim().to_owned(),
        });
    }

    /// Its passages, in order.
    pub(super) fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// How many terms its passages have.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Where a term stands.
    pub(super) fn postings(&self, term: &str) -> &[Posting] {
        self.postings.get(term).map_or(&[], Vec::as_slice)
    }

    /// Every term with the places where it stands, in no order.
    pub(super) fn terms(&self) -> impl Iterator<Item = (&Box<str>, &Vec<Posting>)> {
        self.postings.iter()
    }
}

impl fmt::Debug for Leaves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Leaves({} passages)", self.passages.len())
    }
}

fn address(url: &str, heading: Option<&str>) -> String {
    match heading {
        Some(text) if !url.is_empty() && !url.contains('#') => format!("{url}#{}", anchor(text)),
        Some(_) | None => url.to_owned(),
    }
}
