//! A vendor on a thread of its own: answers over plain HTTP in the protocol that the path asks for, delta by delta.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Temper {
    pub(crate) deltas: u32,
    pub(crate) pause: Duration,
    /// Until the first delta.
    pub(crate) first: Duration,
    /// The same, for one request in [`ONE_IN`].
    pub(crate) tail: Duration,
}

/// How many requests there are to one of the slow tail.
const ONE_IN: u32 = 30;
const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Starts it; it lives as long as the program.
pub(crate) fn start(temper: Temper) -> anyhow::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    let count = Arc::new(AtomicU32::new(1));
    spawn(move || {
        for connection in listener.incoming().flatten() {
            let count = count.clone();
            spawn(move || drop(answer(connection, temper, &count)));
        }
    });
    Ok(address)
}

fn answer(mut connection: TcpStream, temper: Temper, count: &AtomicU32) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let path = read_request(&mut connection)?;
    let is_slow = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN);
    let (delta, end) = frames(&path);
    connection.write_all(HEAD)?;
    sleep(if is_slow { temper.tail } else { temper.first });
    for _ in 0..temper.deltas {
        connection.write_all(delta.as_bytes())?;
        sleep(temper.pause);
    }
    connection.write_all(end.as_bytes())
}

/// A delta as long as the vendor's own, and the end.
fn frames(path: &str) -> (&'static str, &'static str) {
    if path.contains("/messages") {
        return (
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\
             \"text_delta\",\"text\":\" delivered\"}   }\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":\
             {\"output_tokens\":9}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        );
    }
    if path.contains("/responses") {
        return (
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":17,\
             \"item_id\":\"msg_68f0c7e2a4d4819cbd0a1f\",\"output_index\":0,\"content_index\":0,\"delta\":\" delivered\",\
             \"logprobs\":[]}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n",
        );
    }
    if path.contains(":streamGenerateContent") {
        return (
            "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" delivered\"}],\"role\": \"model\"},\"index\": \
             0}],\"usageMetadata\": {\"promptTokenCount\": 11,\"totalTokenCount\": 11},\"modelVersion\": \
             \"gemini-2.0-flash\"}\r\n\r\n",
            "data: {\"candidates\": [{\"finishReason\": \"STOP\"}]}\r\n\r\n",
        );
    }
    (
        "data: {\"id\":\"chatcmpl-BenchBenchBenchBenchBenchBe\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
         \"model\":\"stub\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,\
         \"delta\":{\"content\":\" delivered\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    )
}

/// Reads head and body, and gives the first line.
fn read_request(connection: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Ok(head.lines().next().unwrap_or_default().to_owned());
            }
        }
        let read = connection.read(&mut piece)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
}
