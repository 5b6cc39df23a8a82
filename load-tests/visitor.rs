//! One end user: comes in through the widget's door, speaks `veetflow.v1`, answers the questions that must be answered.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;
use veetflow::services::{demo, notice};

use crate::ask::Answer;
use crate::stub::stamp;

/// How long anything may take before the run is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A visitor with an open conversation.
#[derive(Debug)]
pub(crate) struct Visitor {
    socket: WebSocketStream<TcpStream>,
}

/// What came of one message.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It was answered to the end.
    Done(Answer),
    /// It was refused for now.
    Refused(Duration),
}

#[derive(Debug, Deserialize)]
struct Entrance {
    ticket: String,
}

/// The fields of the server's frames that matter here.
#[derive(Debug, Deserialize)]
struct Frame<'text> {
    r#type: &'text str,
    #[serde(borrow, default)]
    text: Option<Cow<'text, str>>,
    #[serde(borrow, default)]
    code: Option<&'text str>,
    #[serde(borrow, default)]
    kind: Option<&'text str>,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

impl Visitor {
    /// Comes in and opens a conversation.
    pub(crate) async fn enter(port: u16) -> anyhow::Result<Self> {
        tokio::time::timeout(PATIENCE, Box::pin(enter(port)))
            .await
            .context("the door did not open in time")?
    }

    /// Answers the age question and grants what an answer needs.
    pub(crate) async fn agree(&mut self) -> anyhow::Result<()> {
        let age = format!(r#"{{"type":"age","id":"{}","bracket":"18_plus"}}"#, Uuid::now_v7());
        self.say(age).await?;
        self.until(|frame| frame.r#type == "ack").await?;
        let consent = format!(
            r#"{{"type":"consent","id":"{}","policy_version":"{}","decisions":{{"ai_answer":"granted"}}}}"#,
            Uuid::now_v7(),
            notice::POLICY_VERSION,
        );
        self.say(consent).await?;
        self.until(|frame| frame.kind == Some("consent_changed")).await
    }

    /// Sends a message and reads the answer to its end.
    pub(crate) async fn ask(&mut self, words: &str) -> anyhow::Result<Reply> {
        let message = serde_json::json!({ "type": "send", "id": Uuid::now_v7(), "text": words });
        let asked = stamp();
        self.say(message.to_string()).await?;
        let mut answer = Answer::default();
        loop {
            let text = self.hear().await?;
            let frame: Frame = serde_json::from_str(&text)?;
            match (frame.r#type, frame.text) {
                ("delta", Some(stamps)) => answer.take(asked, &stamps),
                ("done", _) => return Ok(Reply::Done(answer)),
                ("error", _) => match frame.retry_after_ms {
                    Some(pause) => return Ok(Reply::Refused(Duration::from_millis(pause))),
                    None => bail!("the server refused a message: {text}"),
                },
                _ => {}
            }
        }
    }

    /// Listens, and answers pings on the way, for as long as the server says nothing; its last word is an error.
    pub(crate) async fn linger(&mut self) -> anyhow::Error {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                last => return anyhow::anyhow!("an idle conversation ended: {last:?}"),
            }
        }
    }

    async fn say(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    async fn hear(&mut self) -> anyhow::Result<tokio_tungstenite::tungstenite::Utf8Bytes> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next.context("the server fell silent")? {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => bail!("the socket ended: {other:?}"),
            }
        }
    }

    async fn until(&mut self, is_it: impl Fn(&Frame<'_>) -> bool) -> anyhow::Result<()> {
        loop {
            let text = self.hear().await?;
            let frame: Frame = serde_json::from_str(&text)?;
            ensure!(frame.code.is_none(), "the server refused: {text}");
            if is_it(&frame) {
                return Ok(());
            }
        }
    }
}

async fn enter(port: u16) -> anyhow::Result<Visitor> {
    let ticket = ticket(port).await?;
    let request = ClientRequestBuilder::new(format!("ws://127.0.0.1:{port}/v1/socket").parse()?)
        .with_header("Origin", format!("http://127.0.0.1:{port}"))
        .with_sub_protocol("veetflow.v1")
        .with_sub_protocol(format!("ticket.{ticket}"));
    let stream = connect(port).await?;
    // Small, because thousands of these live in one process.
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    let mut visitor = Visitor { socket };
    visitor.say(r#"{"type":"open"}"#.to_owned()).await?;
    visitor.until(|frame| frame.r#type == "ready").await?;
    Ok(visitor)
}

async fn ticket(port: u16) -> anyhow::Result<String> {
    let body = r#"{"locale":"en"}"#;
    let request = format!(
        "POST /v1/widget/{}/session HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        demo::WIDGET,
        body.len()
    );
    let mut stream = connect(port).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the session's answer has no body")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "no session was given: {answer}");
    Ok(serde_json::from_str::<Entrance>(body)?.ticket)
}

async fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
