//! The yardstick: the same questions put to the model directly, with as little between as can be.

use std::net::Ipv4Addr;

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stub::{Order, stamp};

/// What came of one question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// Nanoseconds from the question to the first delta.
    pub(crate) first: u64,
    /// For each delta, nanoseconds from the model to here.
    pub(crate) latencies: Vec<u64>,
    /// Deliveries in which the deltas came.
    pub(crate) deliveries: u64,
}

impl Answer {
    /// Takes the stamps of one delivery, which are separated by spaces.
    pub(crate) fn take(&mut self, asked: u64, stamps: &str) {
        let now = stamp();
        self.deliveries += 1;
        let written = stamps.split_ascii_whitespace().filter_map(|stamp| stamp.parse::<u64>().ok());
        self.latencies.extend(written.map(|written| now.saturating_sub(written)));
        if self.first == 0 && !self.latencies.is_empty() {
            self.first = now.saturating_sub(asked);
        }
    }
}

/// A caller with one connection to the model.
#[derive(Debug)]
pub(crate) struct Caller {
    stream: TcpStream,
    inbox: Vec<u8>,
}

impl Caller {
    pub(crate) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Vec::with_capacity(16 * 1024) })
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(&mut self, order: Order) -> anyhow::Result<Answer> {
        let body = format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
            order.question()
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = stamp();
        self.stream.write_all(request.as_bytes()).await?;
        let mut answer = Answer::default();
        loop {
            ensure!(
                self.stream.read_buf(&mut self.inbox).await? > 0,
                "the model closed in mid-answer"
            );
            let whole =
                self.inbox.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            let lines: Vec<u8> = self.inbox.drain(..whole).collect();
            let text = std::str::from_utf8(&lines)?;
            for line in text.lines() {
                if let Some((_, rest)) = line.split_once("\"content\":\"") {
                    answer.take(asked, rest.split('"').next().unwrap_or_default());
                }
            }
            if text.ends_with("\r\n0\r\n\r\n") {
                return Ok(answer);
            }
        }
    }
}
