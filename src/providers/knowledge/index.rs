//! Decides which passages of the documents a question is about.
//!
//! It stands apart from what is made of them: ranking is arithmetic over words (BM25) and can be
//! tested with a table of questions, without composing a single answer.

#[cfg(test)]
pub(super) mod samples;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::passages::sections;
use super::segment::Segmenter;

pub use crate::domain::language::Language;

/// How fast repeating a word stops helping a passage.
const SATURATION: f32 = 1.2;
/// How much a long passage is held back.
const LENGTH_PENALTY: f32 = 0.35;
/// What a word in the heading counts, beside one in the text.
const HEADING_WEIGHT: f32 = 3.0;
/// What a word in the document's title counts.
const TITLE_WEIGHT: f32 = 1.0;
/// What is left of a score in the other language.
const OTHER_LANGUAGE: f32 = 0.3;

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
    /// BM25, lowered where much of the question is missing and for the other language. Comparable
    /// within one search only.
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
            title: heading
                .map_or_else(|| from.title.clone(), |text| format!("{} — {text}", from.title)),
            url: heading
                .map_or_else(|| from.url.clone(), |text| format!("{}#{}", from.url, anchor(text))),
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
            .map(|(passage, tally)| {
                let coverage = tally.matched / whole;
                let familiar = if passage.language == language { 1.0 } else { OTHER_LANGUAGE };
                let score = tally.score * familiar * f32::midpoint(coverage, 1.0);
                Hit { passage, score, coverage }
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
