//! Decides which passages of the documents a question is about.
//!
//! It stands apart from what is made of them: ranking is arithmetic over words (BM25) and can be
//! tested with a table of questions, without composing a single answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::passages::sections;
use super::segment::Segmenter;

/// How fast repeating a word stops helping a passage.
const SATURATION: f32 = 1.2;
/// How much a long passage is held back.
const LENGTH_PENALTY: f32 = 0.35;
/// What a word in the heading counts, beside one in the text.
const HEADING_WEIGHT: f32 = 3.0;
/// What a word in the document's title counts.
const TITLE_WEIGHT: f32 = 1.0;
/// What is left of a score in the other language.
const OTHER_LANGUAGE: f32 = 0.5;

/// A language documents are written in and questions are asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// A document to answer from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its short name, the same in every language.
    pub slug: String,
    /// Its title, as shown in citations.
    pub title: String,
    /// Where a reader finds it.
    pub url: String,
    /// The language it is written in.
    pub language: Language,
    /// Its text, with `##` sections.
    pub markdown: String,
}

/// One section of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Document title and heading, joined by a dash.
    pub title: String,
    /// The document's address with the heading's anchor.
    pub url: String,
    /// The language it is written in.
    pub language: Language,
    /// The section's Markdown, without its heading.
    pub text: String,
}

/// A passage that shares words with the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    /// The passage found.
    pub passage: &'a Passage,
    /// BM25, lowered for the other language. Comparable within one search only.
    pub score: f32,
    /// How much of the question's weight the passage has words for, from 0 to 1.
    pub coverage: f32,
}

/// Every passage of a set of documents, ready to be asked.
#[derive(Debug)]
pub struct Index {
    passages: Vec<Passage>,
    lengths: Vec<f32>,
    mean_length: f32,
    postings: HashMap<String, Vec<Posting>>,
}

#[derive(Debug, Clone, Copy)]
struct Posting {
    passage: usize,
    frequency: f32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    score: f32,
    matched: f32,
}

impl Index {
    /// Cuts the documents into passages and counts their words.
    pub fn build(segmenter: &Segmenter, documents: &[Document]) -> Self {
        let mut index = Self {
            passages: Vec::new(),
            lengths: Vec::new(),
            mean_length: 1.0,
            postings: HashMap::new(),
        };
        for document in documents {
            for section in sections(&document.markdown) {
                index.add(segmenter, document, section.heading.as_deref(), &section.body);
            }
        }
        let total: f32 = index.lengths.iter().sum();
        index.mean_length = (total / real(index.lengths.len())).max(1.0);
        index
    }

    fn add(&mut self, segmenter: &Segmenter, from: &Document, heading: Option<&str>, body: &str) {
        let mut frequencies: BTreeMap<String, f32> = BTreeMap::new();
        let body_terms = segmenter.terms(body);
        self.lengths.push(real(body_terms.len()));
        let heading_terms = segmenter.terms(heading.unwrap_or_default());
        let title_terms = segmenter.terms(&from.title);
        for (terms, weight) in
            [(body_terms, 1.0), (heading_terms, HEADING_WEIGHT), (title_terms, TITLE_WEIGHT)]
        {
            for term in terms {
                *frequencies.entry(term).or_default() += weight;
            }
        }
        let passage = self.passages.len();
        for (term, frequency) in frequencies {
            self.postings.entry(term).or_default().push(Posting { passage, frequency });
        }
        self.passages.push(Passage {
            title: heading.map_or_else(|| from.title.clone(), |text| format!("{} — {text}", from.title)),
            url: heading.map_or_else(|| from.url.clone(), |text| format!("{}#{}", from.url, anchor(text))),
            language: from.language,
            text: body.trim().to_owned(),
        });
    }

    /// The passages that best match a question, best first, at most `limit`. Passages in the
    /// asker's language come before equally good ones in the other.
    pub fn search(
        &self,
        segmenter: &Segmenter,
        question: &str,
        language: Language,
        limit: usize,
    ) -> Vec<Hit<'_>> {
        let terms: BTreeSet<String> = segmenter.terms(question).into_iter().collect();
        let whole: f32 = terms.iter().map(|term| self.weight(term)).sum();
        if whole <= 0.0 {
            return Vec::new();
        }
        let tallies = self.tallies(&terms);
        let mut hits: Vec<Hit<'_>> = self
            .passages
            .iter()
            .zip(&tallies)
            .filter(|(_, tally)| tally.score > 0.0)
            .map(|(passage, tally)| Hit {
                passage,
                score: tally.score * if passage.language == language { 1.0 } else { OTHER_LANGUAGE },
                coverage: tally.matched / whole,
            })
            .collect();
        hits.sort_by(|one, other| other.score.total_cmp(&one.score));
        hits.truncate(limit);
        hits
    }

    fn tallies(&self, terms: &BTreeSet<String>) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.passages.len()];
        for term in terms {
            let weight = self.weight(term);
            for posting in self.postings.get(term).into_iter().flatten() {
                let Some(tally) = tallies.get_mut(posting.passage) else { continue };
                let length = self.lengths.get(posting.passage).copied().unwrap_or(self.mean_length);
                tally.score += weight * saturated(posting.frequency, length / self.mean_length);
                tally.matched += weight;
            }
        }
        tallies
    }

    /// How telling a term is: rare ones say more, and one no document knows says most.
    pub fn weight(&self, term: &str) -> f32 {
        let holding = real(self.postings.get(term).map_or(0, Vec::len));
        let all = real(self.passages.len());
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    }
}

fn saturated(frequency: f32, relative_length: f32) -> f32 {
    let held_back = SATURATION * (1.0 - LENGTH_PENALTY + LENGTH_PENALTY * relative_length);
    frequency * (SATURATION + 1.0) / (frequency + held_back)
}

/// Counts here are small; one beyond 65,535 counts as that.
fn real(count: usize) -> f32 {
    u16::try_from(count).map_or(f32::from(u16::MAX), f32::from)
}

/// The part of a link after `#` for a heading: lower case, spaces become `-`, punctuation falls,
/// Chinese stays.
pub fn anchor(heading: &str) -> String {
    heading
        .trim()
        .chars()
        .filter_map(|character| match character {
            space if space.is_whitespace() => Some('-'),
            kept if kept.is_alphanumeric() || kept == '-' || kept == '_' => Some(kept),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    macro_rules! document {
        ($language:ident, $folder:literal, $slug:literal) => {
            Document {
                slug: $slug.into(),
                title: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/static/knowledge/", $folder, "/", $slug, ".md"
                ))
                .lines()
                .next()
                .unwrap()
                .trim_start_matches("# ")
                .into(),
                url: concat!("/", $folder, "/", $slug).into(),
                language: Language::$language,
                markdown: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/static/knowledge/", $folder, "/", $slug, ".md"
                ))
                .into(),
            }
        };
    }

    /// The six documents of the service, for the tests of this folder.
    pub(crate) fn documents() -> Vec<Document> {
        vec![
            document!(Zh, "zh", "privacy"),
            document!(Zh, "zh", "retention"),
            document!(Zh, "zh", "product"),
            document!(En, "en", "privacy"),
            document!(En, "en", "retention"),
            document!(En, "en", "product"),
        ]
    }
}
