//! How well personal values are found before a text leaves for a model, held against the corpus of the load test.

#[path = "../../load-tests/corpus.rs"]
mod corpus;

use corpus::{Corpus, overall};

fn check(text: &str, least: f64) {
    let corpus = Corpus::parse(text).expect("a corpus");
    let scores = corpus.score();
    let all = overall(&scores);
    let mistakes: Vec<&str> = corpus.mistakes().collect();
    assert!(
        all.recall() >= least && all.precision() >= least && all.coverage() >= least,
        "{all:?}: {mistakes:#?}"
    );
    for (kind, tally) in scores {
        assert!(
            tally.recall() >= 0.9 && tally.precision() >= 0.9,
            "{kind:?} {tally:?}: {mistakes:#?}"
        );
    }
}

#[test]
fn personal_values_are_found_and_other_numbers_left_alone() {
    check(include_str!("../../load-tests/corpus/pseudonyms.tsv"), 0.97);
}

/// The floors lie below what was measured, which fewer than fifty values do not say exactly.
#[test]
fn sentences_that_the_detector_was_not_written_with_fare_nearly_as_well() {
    let corpus = Corpus::parse(include_str!("../../load-tests/corpus/pseudonyms-held-out.tsv"))
        .expect("a corpus");
    let all = overall(&corpus.score());
    assert!(all.recall() >= 0.95 && all.precision() >= 0.9, "{all:?}");
}
