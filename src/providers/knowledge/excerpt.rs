//! Decides which sentences and list items of a passage answer a question.
//!
//! It stands apart from composing the reply: finding the passage and choosing words from it fail
//! in different ways. Nothing is rewritten here, so nothing can be invented.

use std::collections::BTreeSet;

use super::index::{Index, Passage};
use super::passages::{Unit, UnitKind, needs_space, units};
use super::segment::Segmenter;

/// A passage this short is quoted whole, unless one list item says it all.
const COMPACT: usize = 400;
/// A choice over the budget is still quoted whole up to this many times the budget, so that a
/// list of rights does not lose its end.
const OVERRUN: usize = 2;
/// The share of the question's weight one unit must hold to be quoted without the rest.
const SHARP: f32 = 0.3;
/// How near to the best unit another must come to be quoted with it.
const NEARLY_BEST: f32 = 0.6;
/// What a word is worth in a unit if the heading already says it.
const SAID_BY_HEADING: f32 = 0.25;

/// The paragraphs of a passage that best answer a question, as Markdown, about `budget`
/// characters long. Units are whole and in the order of the document.
pub(super) fn excerpt(
    index: &Index,
    segmenter: &Segmenter,
    question: &BTreeSet<String>,
    passage: &Passage,
    budget: usize,
) -> Vec<String> {
    let units = units(&passage.text);
    let heading: BTreeSet<String> = segmenter.terms(&passage.title).into_iter().collect();
    let worth = |unit: &Unit| -> f32 {
        let said: BTreeSet<String> = segmenter.terms(&unit.text).into_iter().collect();
        let shared = question.intersection(&said);
        shared.map(|term| index.weight(term) * heading_factor(&heading, term)).sum()
    };
    let worths: Vec<f32> = units.iter().map(worth).collect();
    let whole: f32 = question.iter().map(|term| index.weight(term)).sum();
    let chosen = choose(&units, &worths, whole, budget);
    paragraphs(&chosen)
}

fn heading_factor(heading: &BTreeSet<String>, term: &str) -> f32 {
    if heading.contains(term) { SAID_BY_HEADING } else { 1.0 }
}

fn choose<'a>(units: &'a [Unit], worths: &[f32], whole: f32, budget: usize) -> Vec<&'a Unit> {
    let best = worths.iter().copied().fold(0.0, f32::max);
    let is_sharp = best >= SHARP * whole && best > 0.0;
    let best_is_item =
        units.iter().zip(worths).any(|(unit, worth)| *worth >= best && unit.kind == UnitKind::Item);
    let length: usize = units.iter().map(size).sum();
    if !is_sharp || (length <= COMPACT && !best_is_item) {
        return within(units.iter().collect(), budget);
    }
    let wanted: BTreeSet<usize> = units
        .iter()
        .zip(worths)
        .filter(|(unit, worth)| **worth >= NEARLY_BEST * best && unit.kind != UnitKind::Item)
        .map(|(unit, _)| unit.block)
        .collect();
    let introduced: BTreeSet<usize> = units
        .iter()
        .filter(|unit| wanted.contains(&unit.block) && unit.text.ends_with([':', '：']))
        .map(|unit| unit.block + 1)
        .collect();
    let near = |unit: &Unit, worth: f32| match unit.kind {
        UnitKind::Item => worth >= NEARLY_BEST * best || introduced.contains(&unit.block),
        UnitKind::Sentence | UnitKind::Code => wanted.contains(&unit.block),
    };
    let answering = units.iter().zip(worths).filter(|(unit, worth)| near(unit, **worth));
    within(answering.map(|(unit, _)| unit).collect(), budget)
}

/// Takes units until the budget is used up; all of them if they are only a little too long. The
/// first always fits.
fn within(units: Vec<&Unit>, budget: usize) -> Vec<&Unit> {
    let length: usize = units.iter().copied().map(size).sum();
    let room = if length <= budget * OVERRUN { length } else { budget };
    let mut taken: Vec<&Unit> = Vec::new();
    let mut used = 0;
    for unit in units {
        used += size(unit);
        if used > room && !taken.is_empty() {
            break;
        }
        taken.push(unit);
    }
    taken
}

fn size(unit: &Unit) -> usize {
    unit.text.chars().count()
}

fn paragraphs(units: &[&Unit]) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for unit in units {
        match found.last_mut().filter(|(block, _)| *block == unit.block) {
            Some((_, text)) => {
                text.push_str(match unit.kind {
                    UnitKind::Sentence if needs_space(text, &unit.text) => " ",
                    UnitKind::Sentence => "",
                    UnitKind::Item | UnitKind::Code => "\n",
                });
                text.push_str(&unit.text);
            }
            None => found.push((unit.block, unit.text.clone())),
        }
    }
    found.into_iter().map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::super::index::Language;
    use super::super::index::samples::documents;
    use super::*;

    fn quoted(question: &str, language: Language) -> String {
        let segmenter = Segmenter::new();
        let index = Index::build(&segmenter, &documents());
        let terms: BTreeSet<String> = segmenter.terms(question).into_iter().collect();
        let hits = index.search(&segmenter, question, language, 1);
        excerpt(&index, &segmenter, &terms, hits[0].passage, 500).join("\n\n")
    }

    #[test]
    fn a_question_about_one_item_of_a_list_is_answered_with_that_item() {
        let answer = quoted("支持工单保留几年？", Language::Zh);
        assert!(answer.contains("3 年"), "{answer}");
        assert!(!answer.contains("候补名单"), "{answer}");
    }

    #[test]
    fn a_question_about_the_whole_list_is_answered_with_all_of_it() {
        let answer = quoted("What rights do I have?", Language::En);
        for right in ["Access", "Rectification", "Portability", "Objection", "Withdrawal"] {
            assert!(answer.contains(right), "{right} in {answer}");
        }
    }

    #[test]
    fn a_very_long_passage_is_cut_between_sentences() {
        let segmenter = Segmenter::new();
        let markdown = format!("# T\n\n## Backups\n\n{}", "It is a plain sentence. ".repeat(200));
        let [document, ..] = &documents()[..] else { panic!("no documents") };
        let document = super::super::index::Document { markdown, ..document.clone() };
        let index = Index::build(&segmenter, &[document]);
        let terms = BTreeSet::from(["backup".to_owned()]);
        let hits = index.search(&segmenter, "backups", Language::Zh, 1);
        let answer = excerpt(&index, &segmenter, &terms, hits[0].passage, 500).concat();
        assert!(answer.ends_with("sentence."));
        assert!(answer.chars().count() <= 520, "{}", answer.len());
    }
}
