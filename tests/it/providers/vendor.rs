//! A server that does to the letter what a script says, whatever it is asked, and remembers how it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One thing that it does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes bytes as they are.
    Bytes(Vec<u8>),
    /// Lets time pass.
    Pause(Duration),
    /// Writes the same bytes over and over until the other side closes.
    Forever(Vec<u8>, Duration),
    /// Waits until the other side closes.
    Hold,
}

/// What it was asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub head: String,
    pub body: String,
}

#[derive(Debug, Default)]
struct Seen {
    asked: Vec<Asked>,
    ended: usize,
}

/// The server, for as long as the test's runtime lives. Each connection is for one request.
#[derive(Debug, Clone)]
pub struct Vendor {
    pub base_url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Vendor {
    pub async fn start(script: Vec<Step>) -> Self {
        Self::in_turn(vec![script]).await
    }

    /// The first connection is answered with the first script and so on; the last one serves whoever comes after.
    pub async fn in_turn(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("bound"));
        let vendor = Self { base_url, seen: Arc::default() };
        let served = vendor.clone();
        actix_web::rt::spawn(async move {
            let mut place = 0;
            while let Ok((connection, _)) = listener.accept().await {
                let script = scripts.get(place).or(scripts.last()).cloned().unwrap_or_default();
                place += 1;
                let vendor = served.clone();
                actix_web::rt::spawn(async move {
                    drop(vendor.answer(connection, script).await);
                    vendor.seen.lock().expect("whole").ended += 1;
                });
            }
        });
        vendor
    }

    async fn answer(&self, mut connection: TcpStream, script: Vec<Step>) -> std::io::Result<()> {
        let asked = read_request(&mut connection).await?;
        self.seen.lock().expect("whole").asked.push(asked);
        connection.set_nodelay(true)?;
        for step in script {
            match step {
                Step::Bytes(bytes) => connection.write_all(&bytes).await?,
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Forever(bytes, pause) => loop {
                    connection.write_all(&bytes).await?;
                    tokio::time::sleep(pause).await;
                },
                Step::Hold => {
                    let mut rest = [0; 64];
                    while connection.read(&mut rest).await? > 0 {}
                }
            }
        }
        connection.shutdown().await
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.seen.lock().expect("whole").asked.clone()
    }

    /// Waits until it was asked so often.
    pub async fn until_asked(&self, times: usize) {
        for _ in 0..200 {
            if self.asked().len() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it was never asked {times} times");
    }

    /// Waits until every connection that was answered has come to its end.
    pub async fn is_left_alone(&self) -> bool {
        for _ in 0..200 {
            let seen = {
                let seen = self.seen.lock().expect("whole");
                (seen.asked.len(), seen.ended)
            };
            if seen.0 == seen.1 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

async fn read_request(connection: &mut TcpStream) -> std::io::Result<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Ok(Asked { head: head.to_owned(), body: body.to_owned() });
            }
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A head, with the body's end marked by the end of the connection.
pub fn head(status: &str, headers: &str) -> Step {
    Step::Bytes(format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n").into_bytes())
}

/// The head of a stream that is in order.
pub fn streaming() -> Step {
    head("200 OK", "content-type: text/event-stream; charset=utf-8\r\n")
}

/// Text as a step.
pub fn text(text: impl Into<String>) -> Step {
    Step::Bytes(text.into().into_bytes())
}
