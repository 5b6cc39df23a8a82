//! The server and its database as processes that are killed, and the folder that both leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::app::fresh_folder;
use crate::support::server::{ServerProcess, exit_of, program};
use crate::support::stub::{Ending, Stub};
use crate::support::visitor::{Visitor, uuid};

/// The database's process, if its own file names one that is alive.
fn postmaster(data_dir: &Path) -> Option<Pid> {
    let file = std::fs::read_to_string(data_dir.join("pgdata/postmaster.pid")).ok()?;
    let pid = Pid::from_raw(file.lines().next()?.trim().parse().ok()?)?;
    is_alive(pid).then_some(pid)
}

fn is_alive(pid: Pid) -> bool {
    Path::new("/proc").join(pid.as_raw_nonzero().to_string()).exists()
}

/// Looks again and again until there is something to see; a bound that only ends a hang.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen");
}

/// How often each of the visitor's own messages stands in the log, as a reload shows it.
pub async fn messages_after_reload(visitor: &mut Visitor) -> BTreeMap<String, usize> {
    let head = visitor.come_back(0).await["head_seq"].as_i64().expect("a number");
    let (mut seq, mut found) = (0, BTreeMap::new());
    while seq < head {
        let event = visitor.until("event").await;
        seq = event["seq"].as_i64().expect("a number");
        if event["author"] == "visitor" {
            *found.entry(event["id"].as_str().expect("an id").to_owned()).or_default() += 1;
        }
    }
    found
}

async fn deltas(visitor: &mut Visitor, wanted: &str) -> String {
    let mut text = String::new();
    while text != wanted {
        text.push_str(visitor.until("delta").await["text"].as_str().expect("text"));
    }
    text
}

#[actix_web::test]
async fn a_server_killed_in_the_middle_of_an_answer_comes_back_with_the_question_once_and_answers_it()
 {
    let data_dir = fresh_folder().join("house");
    let stub = Stub::start(&["Half ", "an ", "answer"], Ending::Never).await;
    let mut server = ServerProcess::start(&data_dir, &stub.settings()).await;
    let mut visitor = server.visitor().await;
    let id = visitor.ask("Will you finish?").await;
    visitor.until("ack").await;
    deltas(&mut visitor, "Half an answer").await;
    server.kill();

    let stub = Stub::start(&["A whole one."], Ending::Complete).await;
    let server = ServerProcess::start(&data_dir, &stub.settings()).await;
    visitor.address.clone_from(&server.address);
    assert_eq!(messages_after_reload(&mut visitor).await, BTreeMap::from([(id.clone(), 1)]));
    // The question is still owed an answer.
    assert_eq!(visitor.answer().await.0, "A whole one.");
    // A client that had not seen the ack sends it again: it is confirmed and not repeated.
    visitor.ask_as(&id, "Will you finish?").await;
    assert_eq!(visitor.until("ack").await["id"], id.as_str());
    let next = visitor.ask("And now?").await;
    assert_eq!(visitor.until("ack").await["id"], next.as_str());
    assert_eq!(visitor.answer().await.0, "A whole one.");
    assert_eq!(messages_after_reload(&mut visitor).await, BTreeMap::from([(id, 1), (next, 1)]));
}

struct Talker {
    visitor: Visitor,
    sent: Vec<String>,
    acked: Vec<String>,
}

/// Sends, waits for the ack, sends again, until the server is gone.
async fn talk(visitor: Visitor, confirmed: Arc<AtomicUsize>) -> Talker {
    let mut talker = Talker { visitor, sent: Vec::new(), acked: Vec::new() };
    loop {
        let id = uuid();
        let frame =
            json!({"type": "send", "id": id, "text": format!("number {}", talker.sent.len())});
        talker.sent.push(id.clone());
        let socket = talker.visitor.socket.as_mut().expect("a socket");
        if socket.send(Message::text(frame.to_string())).await.is_err() {
            return talker;
        }
        loop {
            match talker.visitor.next().await {
                Ok(frame) if frame["type"] == "ack" && frame["id"] == id.as_str() => break,
                Ok(frame) => assert_ne!(frame["type"], "error", "{frame}"),
                Err(_) => return talker,
            }
        }
        talker.acked.push(id);
        confirmed.fetch_add(1, Ordering::SeqCst);
        // As fast as a socket may send for long: 20 frames a second.
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    }
}

#[actix_web::test]
async fn whatever_was_confirmed_to_any_visitor_survives_the_kill_exactly_once() {
    let data_dir = fresh_folder().join("house");
    let stub = Stub::start(&["Yes", ", ", "I see."], Ending::Complete).await;
    let mut server = ServerProcess::start(&data_dir, &stub.settings()).await;
    let confirmed = Arc::new(AtomicUsize::new(0));
    let mut talking = Vec::new();
    for _ in 0..6 {
        let visitor = server.visitor().await;
        talking.push(actix_web::rt::spawn(talk(visitor, confirmed.clone())));
    }
    eventually("enough talk", async || (confirmed.load(Ordering::SeqCst) >= 120).then_some(()))
        .await;
    server.kill();
    let talkers = join_all(talking).await;

    let server = ServerProcess::start(&data_dir, &stub.settings()).await;
    for talker in talkers {
        let Talker { mut visitor, sent, acked } = talker.expect("talked");
        visitor.address.clone_from(&server.address);
        let found = messages_after_reload(&mut visitor).await;
        println!("{} sent, {} confirmed, {} found", sent.len(), acked.len(), found.len());
        let lost: Vec<_> = acked.iter().filter(|id| !found.contains_key(*id)).collect();
        assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
        assert!(found.values().all(|count| *count == 1), "repeated: {found:?}");
        assert!(found.keys().all(|id| sent.contains(id)), "from nowhere: {found:?}");
    }
}

#[actix_web::test]
async fn a_killed_database_is_started_again_under_the_running_server() {
    let data_dir = fresh_folder().join("house");
    let stub = Stub::start(&["Still ", "here."], Ending::Complete).await;
    let mut server = ServerProcess::start(&data_dir, &stub.settings()).await;
    let mut visitor = server.visitor().await;
    let before = visitor.ask("Before").await;
    visitor.answer().await;
    let first = postmaster(&data_dir).expect("a database");
    kill_process(first, Signal::KILL).expect("killed");
    eventually("another database", async || postmaster(&data_dir).filter(|pid| *pid != first))
        .await;
    eventually("readiness", async || {
        let answer = reqwest::get(format!("http://{}/readyz", server.address)).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    assert!(server.child.try_wait().expect("ours").is_none(), "the server ended as well");
    assert_eq!(messages_after_reload(&mut visitor).await, BTreeMap::from([(before.clone(), 1)]));
    let after = visitor.ask("After").await;
    assert_eq!(visitor.until("ack").await["id"], after.as_str());
    assert_eq!(visitor.answer().await.0, "Still here.");
    let found = messages_after_reload(&mut visitor).await;
    assert_eq!(found, BTreeMap::from([(before, 1), (after, 1)]));
}

#[actix_web::test]
async fn a_stop_in_order_tells_the_visitors_ends_the_database_and_leaves_all_for_the_next_start() {
    use std::os::unix::fs::PermissionsExt;
    let data_dir = fresh_folder().join("house");
    let mut server = ServerProcess::start(&data_dir, &[]).await;
    let mut visitor = server.visitor().await;
    let id = visitor.ask("How long are my messages kept?").await;
    visitor.answer().await;
    let database = postmaster(&data_dir).expect("a database");
    server.signal(Signal::TERM);
    assert_eq!(visitor.closed().await, 1012);
    assert_eq!(server.ended().await, Some(0));
    assert!(!is_alive(database), "the database lives on");
    assert!(!data_dir.join("pgdata/postmaster.pid").exists());

    for private in ["master.key", "keyring.redb", "db.secret"] {
        let mode = std::fs::metadata(data_dir.join(private)).expect(private).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    let server = ServerProcess::start(&data_dir, &[]).await;
    visitor.address.clone_from(&server.address);
    assert_eq!(messages_after_reload(&mut visitor).await, BTreeMap::from([(id, 1)]));
}

/// What a server says that refuses to start on this folder.
async fn refusal(data_dir: &Path) -> String {
    let mut server = program()
        .env("VEETFLOW__DATA_DIR", data_dir)
        .env("VEETFLOW__HTTP__LISTEN", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut said = server.stderr.take().expect("a pipe");
    let code = exit_of(&mut server).await;
    assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
    let mut text = String::new();
    said.read_to_string(&mut text).expect("text");
    println!("{text}");
    text
}

/// The names of all files with keys.
fn key_files(data_dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(data_dir).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("keyring") || name.contains("master")).collect()
}

/// Spoils one file, sees the start refused by its name and nothing made in its place, and puts it back.
async fn refused_without(data_dir: &Path, name: &str, spoilt: Option<Vec<u8>>) -> String {
    let (path, kept) = (data_dir.join(name), data_dir.with_file_name("kept"));
    std::fs::copy(&path, &kept).expect("copied");
    match &spoilt {
        Some(bytes) => std::fs::write(&path, bytes).expect("written"),
        None => std::fs::remove_file(&path).expect("removed"),
    }
    let before = key_files(data_dir);
    let said = refusal(data_dir).await;
    assert_eq!(key_files(data_dir), before, "something was made or taken away: {said}");
    assert_eq!(std::fs::read(&path).ok(), spoilt, "{name} was changed: {said}");
    assert_eq!(postmaster(data_dir), None, "the database was left running");
    std::fs::rename(kept, path).expect("put back");
    said
}

#[actix_web::test]
async fn a_start_without_its_very_own_keys_is_refused_by_name_and_makes_no_others() {
    let data_dir = fresh_folder().join("house");
    let mut server = ServerProcess::start(&data_dir, &[]).await;
    let mut visitor = server.visitor().await;
    let id = visitor.ask("Is this kept?").await;
    visitor.answer().await;
    // A second server on the same folder finds it taken, and leaves the first in peace.
    let said = refusal(&data_dir).await;
    assert!(said.contains("another server uses") && said.contains("house"), "{said}");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await, Some(0));

    let (keyring, master) = (data_dir.join("keyring.redb"), data_dir.join("master.key"));
    let said = refused_without(&data_dir, "keyring.redb", None).await;
    assert!(said.contains(&format!("the keyring {} is missing", keyring.display())), "{said}");
    let mut bytes = std::fs::read(&keyring).expect("read");
    for byte in bytes.iter_mut().skip(64).step_by(97) {
        *byte ^= 0x55;
    }
    let said = refused_without(&data_dir, "keyring.redb", Some(bytes)).await;
    assert!(said.contains(&format!("the keyring {} is damaged", keyring.display())), "{said}");
    let said = refused_without(&data_dir, "keyring.redb", Some(Vec::new())).await;
    assert!(said.contains(&format!("the keyring {} is damaged", keyring.display())), "{said}");
    let said = refused_without(&data_dir, "master.key", None).await;
    assert!(
        said.contains(&format!("the master key file {} is missing", master.display())),
        "{said}"
    );
    let other = format!("{}\n", "5a0f3c96".repeat(8)).into_bytes();
    let said = refused_without(&data_dir, "master.key", Some(other)).await;
    assert!(said.contains("give back the master key"), "{said}");

    let server = ServerProcess::start(&data_dir, &[]).await;
    visitor.address.clone_from(&server.address);
    assert_eq!(messages_after_reload(&mut visitor).await, BTreeMap::from([(id, 1)]));
}
