//! What a visitor writes lies nowhere in the clear: every byte below the data folder and every line of the logs is read.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::app::{CANARY, fresh_folder};
use crate::support::server::ServerProcess;
use crate::support::stub::{Ending, Stub};
use crate::support::visitor::uuid;

/// What the model answers. Neither half stands in any source of the server.
const ANSWER: [&str; 2] = ["heron-4c1d", "-苍鹭在水边"];

/// All files below a folder, with their content.
pub fn files_below(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files_below(&entry.path(), found);
        } else if kind.is_file() {
            // A file that a running database removes while we look holds nothing any more.
            found.extend(std::fs::read(entry.path()).ok().map(|bytes| (entry.path(), bytes)));
        }
    }
}

/// Which of these files hold these bytes.
pub fn holding(files: &[(PathBuf, Vec<u8>)], sought: &[u8]) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(sought.len()).any(|window| window == sought);
    files.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone()).collect()
}

/// The sixteen bytes of an identifier, as the database stores them.
fn stored(id: &str) -> Vec<u8> {
    let digits = id.rsplit('_').next().expect("digits");
    uuid::Uuid::parse_str(digits).expect("an identifier").as_bytes().to_vec()
}

fn assert_nothing_in_the_clear(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    for secret in [CANARY, "我的病历", ANSWER[0], "苍鹭"] {
        assert_eq!(holding(&files, secret.as_bytes()), Vec::<PathBuf>::new(), "{secret}");
    }
    files
}

#[actix_web::test]
async fn no_word_of_a_visitor_or_an_answer_lies_in_the_clear_on_disk_or_in_a_log() {
    let folder = fresh_folder();
    let data_dir = folder.join("house");
    let stub = Stub::start(&ANSWER, Ending::Complete).await;
    let mut server = ServerProcess::start(&data_dir, &stub.settings()).await;
    let mut visitor = server.visitor().await;
    for number in 0..12 {
        visitor.ask(&format!("我的病历 {number}")).await;
        assert_eq!(visitor.answer().await.0, ANSWER.concat());
    }
    // What is refused is echoed nowhere either: too long, not JSON, an unknown type.
    visitor.ask(&"我的病历".repeat(2000)).await;
    assert_eq!(visitor.until("error").await["code"], "too_long");
    visitor.raw(Message::text(format!("{{我的病历 {CANARY}"))).await;
    visitor.until("error").await;
    visitor.say(&json!({"type": CANARY, "id": uuid(), "text": "我的病历"})).await;
    visitor.until("error").await;
    visitor.say(&json!({"type": "close"})).await;
    visitor.closed().await;
    let conversation = visitor.conversation.clone().expect("a conversation");

    assert_nothing_in_the_clear(&folder);
    // A database that has stopped in order has written every page.
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await, Some(0));
    let files = assert_nothing_in_the_clear(&folder);
    let rows = holding(&files, &stored(&conversation));
    assert!(
        rows.iter().any(|path| path.to_string_lossy().contains("pgdata/base/")),
        "the rows of the conversation were not among the files that were read: {rows:?}"
    );
    assert!(files.iter().any(|(path, _)| path.ends_with("keyring.redb")));
    assert!(server.log().contains("postgres is ready"), "the log was not written");
}

#[test]
fn a_word_that_does_lie_in_the_clear_is_found() {
    let folder = fresh_folder();
    let below = folder.join("pgdata/base/5");
    std::fs::create_dir_all(&below).expect("a folder");
    let planted = [&[0_u8, 0xff, 7][..], CANARY.as_bytes(), "苍鹭".as_bytes()].concat();
    std::fs::write(below.join("16384"), planted).expect("written");
    std::fs::write(folder.join("other"), "canary-7f3a9").expect("written");
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    assert_eq!(files.len(), 2);
    for word in [CANARY, "苍鹭"] {
        assert_eq!(holding(&files, word.as_bytes()), [below.join("16384")]);
    }
}
