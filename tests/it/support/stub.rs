//! A model server that streams the words it was given, on a connection each, in the protocol of `OpenAI`.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does after its last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Says that it is done.
    Complete,
    /// Stays silent with the connection open: an answer that is always half-way.
    Never,
}

/// The server, for as long as the test's runtime lives.
pub struct Stub {
    pub base_url: String,
}

impl Stub {
    pub async fn start(words: &'static [&'static str], ending: Ending) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("bound"));
        actix_web::rt::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A client that goes away is its own business.
                actix_web::rt::spawn(async move { drop(answer(connection, words, ending).await) });
            }
        });
        Self { base_url }
    }

    /// The settings that lead a server here.
    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("VEETFLOW__PROVIDERS__OPENAI__BASE_URL", &self.base_url),
            ("VEETFLOW__CONVERSATION__BURST", "1000"),
            ("VEETFLOW__CONVERSATION__PER_MINUTE", "60000"),
        ]
    }
}

async fn answer(mut connection: TcpStream, words: &[&str], ending: Ending) -> std::io::Result<()> {
    read_request(&mut connection).await?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    connection.write_all(head.as_bytes()).await?;
    for word in words {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
        connection.write_all(format!("data: {chunk}\n\n").as_bytes()).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if ending == Ending::Never {
        // Nothing more comes from the other side either, until it closes.
        connection.read_u8().await?;
    }
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    connection.write_all(format!("data: {last}\n\ndata: [DONE]\n\n").as_bytes()).await?;
    connection.shutdown().await
}

/// Reads head and body, and forgets them.
async fn read_request(connection: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= head.len() + 4 + length {
                return Ok(());
            }
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
