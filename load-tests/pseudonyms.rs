//! How well personal values are found, how fast they are replaced, and what the way back adds to each delta.

use std::hint::black_box;
use std::time::{Duration, Instant};

use veetflow::privacy::pseudonym::{KnownIdentity, Pseudonyms, Restorer};

use crate::Settings;
use crate::corpus::{Corpus, Tally, overall};
use crate::measure::{Mark, Table};

const SETS: [(&str, &str); 2] = [
    ("corpus", include_str!("corpus/pseudonyms.tsv")),
    ("held-out", include_str!("corpus/pseudonyms-held-out.tsv")),
];
/// How long each contender works.
const TIME: Duration = Duration::from_millis(300);
/// Lines of one conversation.
const LINES: usize = 20;
/// As a model speaks: some ten bytes a delta.
const PLAIN: [&str; 4] = [" your order", "您的订单已", " has been s", "经发货了，"];
const HELD: [&str; 4] = [" to [EMA", "IL_1]", "，电话是[PHONE_", "1] 。"];

/// Prints what cannot differ from round to round, then measures.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let mut corpora = Vec::new();
    for (name, text) in SETS {
        let corpus = Corpus::parse(text)?;
        let scores = corpus.score();
        for (kind, tally) in &scores {
            add_score(table, &format!("{name}, {}", kind.as_str()), *tally);
        }
        let all = overall(&scores);
        add_score(table, &format!("{name}, all of {} values", all.expected), all);
        table.add(&format!("{name}, all, covered whole"), "%", 100.0 * all.coverage());
        for sentence in corpus.mistakes() {
            println!("{name}, not as marked: {sentence}");
        }
        corpora.push(corpus);
    }
    let Some(corpus) = corpora.first() else { return Ok(()) };
    for _ in 0..settings.rounds {
        add_replacing(table, corpus);
        add_restoring(table);
    }
    Ok(())
}

fn add_score(table: &mut Table, name: &str, tally: Tally) {
    table.add(&format!("{name}, precision"), "%", 100.0 * tally.precision());
    table.add(&format!("{name}, recall"), "%", 100.0 * tally.recall());
}

fn add_replacing(table: &mut Table, corpus: &Corpus) {
    let mixed: Vec<&str> = corpus.lines.iter().map(|line| line.text.as_str()).collect();
    let plain: Vec<String> = mixed.iter().map(|line| without_candidates(line)).collect();
    let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
    let hostile = "1 (2-3.4) @a.b+".repeat(530);
    let nobody = KnownIdentity::default();
    for (name, lines, identity) in [
        ("replace: the corpus", &mixed, &corpus.identity),
        ("replace: nothing to find, somebody known", &plain, &corpus.identity),
        ("replace: nothing to find, nobody known", &plain, &nobody),
        ("replace: 8,000 hostile characters", &vec![hostile.as_str()], &corpus.identity),
    ] {
        table.add(name, "MB/s", megabytes_a_second(lines, identity));
    }
}

/// The sentence as it would be without anything that looks like a value.
fn without_candidates(line: &str) -> String {
    line.chars().filter(|character| character.is_alphabetic() || *character == ' ').collect()
}

fn megabytes_a_second(lines: &[&str], identity: &KnownIdentity) -> f64 {
    let began = Instant::now();
    let mut bytes = 0;
    while began.elapsed() < TIME {
        for conversation in lines.chunks(LINES) {
            let mut pseudonyms = Pseudonyms::new(identity);
            for line in conversation {
                bytes += line.len();
                black_box(pseudonyms.replace(black_box(line)));
            }
        }
    }
    (bytes as f64) / 1e6 / began.elapsed().as_secs_f64()
}

fn add_restoring(table: &mut Table) {
    for (name, deltas, restorer) in [
        ("restore: no value in the conversation", PLAIN, Restorer::default()),
        ("restore: values, none in the answer", PLAIN, with_values()),
        ("restore: values, one in every second delta", HELD, with_values()),
    ] {
        table.add_marked(name, "ns/delta", Mark::AtMost(1_000.0), nanoseconds(&deltas, restorer));
    }
}

fn with_values() -> Restorer {
    let nobody = KnownIdentity::default();
    let mut pseudonyms = Pseudonyms::new(&nobody);
    drop(pseudonyms.replace("li@example.com, +86 138 1234 5678"));
    pseudonyms.into_restorer()
}

fn nanoseconds(deltas: &[&str], mut restorer: Restorer) -> f64 {
    let began = Instant::now();
    let mut count = 0_u64;
    while began.elapsed() < TIME {
        for _ in 0..100 {
            for delta in deltas {
                black_box(restorer.push(black_box(delta)));
                count += 1;
            }
        }
    }
    began.elapsed().as_secs_f64() * 1e9 / (count.max(1) as f64)
}
