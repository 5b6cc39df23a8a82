//! Invariant I7 over a real connection: after a withdrawal is acknowledged, the provider is sent nothing more, wherever in
//! its answer the withdrawal came. Case 48.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use figment::value::{Dict, Value};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::app::Plan;
use crate::support::{TestApp, Visitor};

/// How many withdrawals, each somewhere else in the answer.
const OFFSETS: usize = 200;

/// A model server that gives the first so many bytes of its answer, then waits for the connection to end.
#[derive(Debug, Default)]
struct Tap {
    /// Bytes of its answer that it gives, head included.
    offset: AtomicUsize,
    /// Bytes that came to it, over all connections.
    received: AtomicUsize,
    /// Connections it has taken.
    calls: AtomicUsize,
    is_open: AtomicBool,
    /// Told when the offset is reached, and when the other side has gone.
    news: Notify,
}

/// A whole answer: what a real one looks like on the wire.
fn answer() -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let words = ["Hel", "lo, ", "你", "好", "，退款需要三个工作日", "。"];
    let chunk = |word: &&str| {
        let delta = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
        format!("data: {delta}\n\n")
    };
    let body: String = words.iter().cycle().take(60).map(chunk).collect();
    [head, &body].concat().into_bytes()
}

impl Tap {
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("bound"));
        let tap = Arc::new(Self::default());
        let serving = tap.clone();
        actix_web::rt::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let tap = serving.clone();
                actix_web::rt::spawn(async move { tap.serve(connection).await });
            }
        });
        (tap, base_url)
    }

    /// Waits for news, with a bound so that a hang fails.
    async fn heard(&self) {
        let bound = std::time::Duration::from_secs(20);
        tokio::time::timeout(bound, self.news.notified()).await.expect("news in time");
    }

    async fn serve(&self, mut connection: TcpStream) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.is_open.store(true, Ordering::SeqCst);
        let mut request = Vec::new();
        while !is_whole(&request) {
            match connection.read_buf(&mut request).await {
                Ok(0) | Err(_) => break,
                Ok(count) => self.received.fetch_add(count, Ordering::SeqCst),
            };
        }
        let answer = answer();
        let part = &answer[..self.offset.load(Ordering::SeqCst).min(answer.len())];
        // A side that goes away is what is waited for.
        drop(connection.write_all(part).await);
        self.news.notify_one();
        let mut rest = [0_u8; 64];
        while let Ok(count) = connection.read(&mut rest).await {
            self.received.fetch_add(count, Ordering::SeqCst);
            if count == 0 {
                break;
            }
        }
        self.is_open.store(false, Ordering::SeqCst);
        self.news.notify_one();
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    request.len() >= head.len() + 4 + length
}

async fn house(base_url: &str) -> TestApp {
    let mut model = Dict::new();
    model.insert("api_key".into(), "key-of-the-test".into());
    model.insert("base_url".into(), base_url.into());
    model.insert("model".into(), "m-1".into());
    model.insert("trains_on_inputs".into(), false.into());
    let settings = vec![
        ("providers.openai", Value::from(model)),
        ("conversation.burst", 10_000.into()),
        ("conversation.per_minute", 1_000_000.into()),
    ];
    TestApp::build(Plan { has_model: false, settings, ..Plan::default() }).await
}

#[actix_web::test]
async fn after_a_withdrawal_at_any_of_two_hundred_offsets_the_provider_gets_not_one_byte_more() {
    let (tap, base_url) = Tap::start().await;
    let app = house(&base_url).await;
    let length = answer().len();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 1..=OFFSETS {
        // A small generator with a fixed start: a failing offset comes again.
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let offset = usize::try_from(random >> 33).expect("31 bits") % length;
        tap.offset.store(offset, Ordering::SeqCst);
        let mut visitor = Visitor::agreed(&app).await;
        visitor.ask("你好").await;
        tap.heard().await;
        visitor.consent("denied").await;
        while visitor.until("event").await["kind"] != "consent_changed" {}
        let received = tap.received.load(Ordering::SeqCst);
        tap.heard().await;
        assert!(!tap.is_open.load(Ordering::SeqCst), "offset {offset}: the call goes on");
        visitor.ask("again").await;
        assert_eq!(visitor.until("error").await["code"], "consent_required", "offset {offset}");
        assert_eq!(tap.received.load(Ordering::SeqCst), received, "offset {offset}: bytes left");
        assert_eq!(tap.calls.load(Ordering::SeqCst), round, "offset {offset}: asked again");
    }
    let cut: i64 = app
        .operator()
        .await
        .query_one("select count(*) from turn where kind = 2", &[])
        .await
        .expect("counted")
        .get(0);
    assert_eq!(cut, 200, "every answer that was cut off is on record");
    app.drain().await;
}
