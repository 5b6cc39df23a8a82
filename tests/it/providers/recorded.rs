//! Streams that were recorded from the vendors themselves, in any chunking. They are no part of this project: where they
//! are not to be had, the test says so.

use std::path::{Path, PathBuf};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use veetflow::providers::{Delta, ProviderError};

use super::vendor::{Step, Vendor, streaming};
use super::wire::Kind;
use super::{adapter, heard, words};

fn recordings() -> Vec<(Kind, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/providers");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let kind_of = |name: &str| {
        let kinds = [
            ("openai-chat", Kind::Chat),
            ("openai-responses", Kind::Responses),
            ("anthropic", Kind::Anthropic),
            ("gemini", Kind::Google),
        ];
        kinds.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, kind)| kind)
    };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .filter_map(|path| Some((kind_of(path.file_name()?.to_str()?)?, path)))
        .collect();
    found.sort_by(|(_, one), (_, other)| one.cmp(other));
    found
}

async fn replayed(kind: Kind, bytes: &[u8], cuts: &[usize]) -> Vec<Result<Delta, ProviderError>> {
    let mut steps = vec![streaming()];
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, next) = rest.split_at((*cut).min(rest.len()));
        steps.push(Step::Bytes(piece.to_vec()));
        rest = next;
    }
    let vendor = Vendor::start(steps).await;
    heard(adapter(kind, &vendor.base_url, 5).as_ref()).await
}

#[actix_web::test]
async fn every_recorded_stream_reads_the_same_in_any_chunking() {
    let recordings = recordings();
    if recordings.is_empty() {
        println!("there were no recorded streams to replay");
        return;
    }
    for (kind, path) in recordings {
        let bytes = std::fs::read(&path).expect("readable");
        let whole = replayed(kind, &bytes, &[usize::MAX]).await;
        assert!(whole.iter().all(Result::is_ok), "{}: {whole:?}", path.display());
        assert!(matches!(whole.last(), Some(Ok(Delta::Stop(_)))), "{}", path.display());
        let says_something =
            whole.iter().any(|delta| matches!(delta, Ok(Delta::Text(_) | Delta::Tool(_))));
        assert!(says_something, "{}", path.display());
        println!("{}: {:?}", path.display(), words(&whole));

        let strategy = proptest::collection::vec(1usize..400, 1..40);
        let mut runner = TestRunner::deterministic();
        for _ in 0..8 {
            let cuts = strategy.new_tree(&mut runner).expect("drawn").current();
            assert_eq!(replayed(kind, &bytes, &cuts).await, whole, "{} {cuts:?}", path.display());
        }
    }
}
