//! Decides which passages of the documents a question is about.
//!
//! It stands apart from what is made of them: ranking is arithmetic over words (BM25) and can be
//! tested with a table of questions, without composing a single answer.

#[cfg(test)]
pub(super) mod samples;

mod leaves;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::segment::Segmenter;

pub use leaves::Leaves;

pub use crate::domain::language::Language;

/// How fast repeating a word stops helping a passage.
const SATURATION: f32 = 1.2;
/// How much a long passage is held back.
const LENGTH_PENALTY: f32 = 0.35;
/// A library of fewer passages is weighed as if it had so many, the others without the words asked for: in a single
/// passage every word would be common, and no question could be told from another.
const SMALL: usize = 60;
/// What is left of a score in the other language.
const OTHER_LANGUAGE: f32 = 0.3;

/// A document to answer from. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Its short name, the same in every language.
    pub slug: String,
    /// Its title, as shown in citations.
    pub title: String,
    /// Where a reader finds it; empty if nowhere.
    pub url: String,
    /// The language it is written in.
    pub language: Language,
    /// Its text, with `##` sections.
    pub markdown: String,
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Document({:?}, {} bytes)", self.language, self.markdown.len())
    }
}

/// One section of a document, or a part of a long one. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Passage {
    /// Document title and heading, joined by a dash.
    pub title: String,
    /// The document's address with the heading's anchor; empty if it has none.
    pub url: String,
    /// The language it is written in.
    pub language: Language,
    /// The section's Markdown, without its heading.
    pub text: String,
}

impl fmt::Debug for Passage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Passage({:?}, {} bytes)", self.language, self.text.len())
    }
}

/// A passage that shares words with the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    /// The passage found.
    pub passage: &'a Passage,
    /// BM25, lowered where much of the question is missing and for the other language. Comparable
    /// within one search only.
    pub score: f32,
    /// How much of the question's weight the passage has words for, from 0 to 1.
    pub coverage: f32,
}

/// Every passage of a set of documents, ready to be asked. Documents come and go one at a time.
#[derive(Debug, Default)]
pub struct Index {
    leaves: BTreeMap<String, Leaves>,
    /// In how many passages each term stands.
    holding: HashMap<Box<str>, usize>,
    passages: usize,
    terms: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    score: f32,
    matched: f32,
}

impl Index {
    /// An index of these documents, each under its place in the list.
    pub fn build(segmenter: &Segmenter, documents: &[Document]) -> Self {
        let mut index = Self::default();
        for (place, document) in documents.iter().enumerate() {
            index.put(format!("{place:06}"), Leaves::of(segmenter, document));
        }
        index
    }

    /// Adds a document, in place of the one that had this key.
    pub fn put(&mut self, key: String, leaves: Leaves) {
        self.remove(&key);
        for (term, postings) in leaves.terms() {
            *self.holding.entry(term.clone()).or_default() += postings.len();
        }
        self.passages += leaves.passages().len();
        self.terms += leaves.length();
        self.leaves.insert(key, leaves);
    }

    /// Takes a document out with every word it alone held.
    pub fn remove(&mut self, key: &str) {
        let Some(gone) = self.leaves.remove(key) else { return };
        for (term, postings) in gone.terms() {
            if let Some(count) = self.holding.get_mut(term) {
                *count = count.saturating_sub(postings.len());
                if *count == 0 {
                    self.holding.remove(term);
                }
            }
        }
        self.passages = self.passages.saturating_sub(gone.passages().len());
        self.terms = self.terms.saturating_sub(gone.length());
    }

    /// How many passages it holds.
    pub fn len(&self) -> usize {
        self.passages
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.passages == 0
    }

    /// Whether not one word is left in it.
    #[cfg(test)]
    pub(super) fn is_blank(&self) -> bool {
        self.holding.is_empty() && self.leaves.is_empty() && self.terms == 0
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
        let weighed: Vec<(String, f32)> =
            terms.into_iter().map(|term| (term.clone(), self.weight(&term))).collect();
        let mean = (real(self.terms) / real(self.passages)).max(1.0);
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for leaves in self.leaves.values() {
            for (place, tally) in tallies(leaves, &weighed, mean) {
                let Some(passage) = leaves.passages().get(place) else { continue };
                let coverage = tally.matched / whole;
                let familiar = if passage.language == language { 1.0 } else { OTHER_LANGUAGE };
                let score = tally.score * familiar * f32::midpoint(coverage, 1.0);
                hits.push(Hit { passage, score, coverage });
            }
        }
        hits.sort_by(|one, other| other.score.total_cmp(&one.score));
        hits.truncate(limit);
        hits
    }

    /// How telling a term is: rare ones say more, and one no document knows says most.
    pub fn weight(&self, term: &str) -> f32 {
        let holding = real(self.holding.get(term).copied().unwrap_or_default());
        let all = real(self.passages.max(SMALL));
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    }
}

/// What each passage of a document that shares a term with the question has of it.
fn tallies(leaves: &Leaves, question: &[(String, f32)], mean: f32) -> BTreeMap<usize, Tally> {
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for (term, weight) in question {
        for posting in leaves.postings(term) {
            let tally = tallies.entry(posting.passage).or_default();
            tally.score += weight * saturated(posting.frequency, posting.length / mean);
            tally.matched += weight;
        }
    }
    tallies
}

fn saturated(frequency: f32, relative_length: f32) -> f32 {
    let held_back = SATURATION * (1.0 - LENGTH_PENALTY + LENGTH_PENALTY * relative_length);
    frequency * (SATURATION + 1.0) / (frequency + held_back)
}

/// A count as a number to reckon with; beyond 2^24 it is rounded, which no ranking notices.
#[expect(clippy::cast_precision_loss, reason = "counts of words, compared as proportions")]
fn real(count: usize) -> f32 {
    count as f32
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
mod tests {
    use super::samples::{documents, questions};
    use super::*;

    fn best_url(index: &Index, segmenter: &Segmenter, question: &str, asked: Language) -> String {
        let hits = index.search(segmenter, question, asked, 1);
        hits.first().map(|hit| hit.passage.url.clone()).unwrap_or_default()
    }

    #[test]
    fn every_question_of_the_table_finds_its_document_in_its_language() {
        let segmenter = Segmenter::new();
        let index = Index::build(&segmenter, &documents());
        for (language, question, slug) in questions().filter(|(_, _, slug)| *slug != "-") {
            let found = best_url(&index, &segmenter, question, language);
            let expected =
                format!("/{}/{slug}", if language == Language::Zh { "zh" } else { "en" });
            assert!(found.starts_with(&expected), "{question} found {found}, not {expected}");
        }
    }

    #[test]
    fn a_question_reaches_the_other_language_where_its_own_is_missing() {
        let segmenter = Segmenter::new();
        let only = |language| {
            let mut kept = documents();
            kept.retain(|document| document.language == language);
            Index::build(&segmenter, &kept)
        };
        let (chinese, english) = (only(Language::Zh), only(Language::En));
        for (question, slug) in [
            ("How long are conversations kept?", "retention"),
            ("Can a deleted account be restored?", "retention"),
            ("How do I withdraw my consent?", "privacy"),
            ("Do you collect data from children?", "privacy"),
            ("Do I lose the chat when I reload?", "product"),
        ] {
            let found = best_url(&chinese, &segmenter, question, Language::En);
            assert!(found.starts_with(&format!("/zh/{slug}")), "{question} found {found}");
        }
        for (question, slug) in [
            ("聊天记录保留多久？", "retention"),
            ("删除的账户能恢复吗？", "retention"),
            ("怎么撤回同意？", "privacy"),
            ("数据传输时加密吗？", "privacy"),
            ("支持哪些语言？", "product"),
        ] {
            let found = best_url(&english, &segmenter, question, Language::Zh);
            assert!(found.starts_with(&format!("/en/{slug}")), "{question} found {found}");
        }
    }

    #[test]
    fn the_same_question_gives_the_same_hits() {
        let segmenter = Segmenter::new();
        let (one, other) =
            (Index::build(&segmenter, &documents()), Index::build(&segmenter, &documents()));
        for (language, question, _) in questions() {
            let hits = one.search(&segmenter, question, language, 5);
            assert_eq!(hits, other.search(&segmenter, question, language, 5), "{question}");
            assert!(hits.iter().all(|hit| (0.0..=1.001).contains(&hit.coverage)), "{question}");
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is_asked_or_stored() {
        let segmenter = Segmenter::new();
        let empty = Index::build(&segmenter, &[]);
        assert!(empty.search(&segmenter, "retention", Language::En, 5).is_empty());
        let full = Index::build(&segmenter, &documents());
        assert!(full.search(&segmenter, "？！", Language::Zh, 5).is_empty());
        assert!(full.search(&segmenter, "retention", Language::En, 0).is_empty());
    }

    #[test]
    fn an_anchor_keeps_letters_and_chinese_and_drops_punctuation() {
        assert_eq!(anchor("Data processing addendum (DPA)"), "data-processing-addendum-dpa");
        assert_eq!(anchor("例外：哪些数据会保留更久"), "例外哪些数据会保留更久");
        assert_eq!(anchor(" 会不会用对话训练 AI "), "会不会用对话训练-ai");
    }
}
