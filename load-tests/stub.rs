//! The local model: speaks the chat-completions stream of OpenAI and answers as the question orders. A process of its
//! own, so that what it costs can be told apart.
//!
//! A question `deltas=100 pause=20` is answered by 100 deltas, one each 20 ms; each carries the instant it was written.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::place::Spent;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
/// As long as the vendor's own events are.
const BEFORE: &str = "data: {\"id\":\"chatcmpl-BenchBenchBenchBenchBenchBe\",\"object\":\"chat.completion.chunk\",\
    \"created\":1700000000,\"model\":\"stub\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\",\
    \"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
const AFTER: &str = " \"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
const END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n";

/// How a question is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) deltas: u32,
    pub(crate) pause: Duration,
}

impl Order {
    /// The question that gives this order.
    pub(crate) fn question(self) -> String {
        format!("deltas={} pause={}", self.deltas, self.pause.as_millis())
    }

    /// The order of the last question in a request.
    fn of(request: &str) -> Self {
        let number = |name: &str| {
            let rest = request.rsplit_once(name).map_or("", |(_, rest)| rest);
            let digits = rest
                .split(|character: char| !character.is_ascii_digit())
                .next()
                .unwrap_or_default();
            digits.parse::<u32>().unwrap_or(1)
        };
        Self {
            deltas: number("deltas="),
            pause: Duration::from_millis(u64::from(number("pause="))),
        }
    }
}

/// Nanoseconds of the clock that all processes share.
pub(crate) fn stamp() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// The running model, seen from the process that measures.
#[derive(Debug)]
pub(crate) struct Stub {
    child: Child,
    port: u16,
}

impl Stub {
    /// Starts it and learns its port.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(program);
        command.arg("stub").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut stub = Self { child: command.spawn()?, port: 0 };
        let mut line = String::new();
        let output: ChildStdout = stub.child.stdout.take().context("the model has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        stub.port = line.trim().parse().context("the model did not say its port")?;
        Ok(stub)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent::by(self.pid())
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// The model's own process: says its port, then answers until its input ends, which is when its parent does.
pub(crate) fn run() -> anyhow::Result<()> {
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    crate::crowd()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // A caller that goes away in the middle of an answer is the caller's affair.
            tokio::spawn(async move { drop(converse(stream).await) });
        }
    })
}

async fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    let mut inbox = Vec::new();
    while let Some(request) = receive(&mut stream, &mut inbox).await? {
        answer(&mut stream, Order::of(&request)).await?;
    }
    Ok(())
}

/// The body of the next request; `None` when the caller has closed.
async fn receive(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some((start, end)) = extent(inbox).filter(|(_, end)| *end <= inbox.len()) {
            let request: Vec<u8> = inbox.drain(..end).skip(start).collect();
            return Ok(Some(String::from_utf8_lossy(&request).into_owned()));
        }
        if stream.read_buf(inbox).await? == 0 {
            return Ok(None);
        }
    }
}

/// Where the body of the request begins and ends, once the whole head is there.
fn extent(inbox: &[u8]) -> Option<(usize, usize)> {
    let start = inbox.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(inbox.get(..start)?).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Some((start, start + length.unwrap_or_default()))
}

async fn answer(stream: &mut TcpStream, order: Order) -> std::io::Result<()> {
    stream.write_all(HEAD).await?;
    let began = Instant::now();
    let mut chunk = Vec::with_capacity(512);
    for index in 0..order.deltas {
        if !order.pause.is_zero() {
            sleep_until(began + order.pause * index).await;
        }
        chunk.clear();
        let stamp = stamp();
        write!(chunk, "{:x}\r\n{BEFORE}{stamp:019}{AFTER}\r\n", BEFORE.len() + 19 + AFTER.len())?;
        stream.write_all(&chunk).await?;
    }
    let end = format!("{:x}\r\n{END}\r\n0\r\n\r\n", END.len());
    stream.write_all(end.as_bytes()).await
}
