//! A visitor: a session, a socket, and an eye for what comes.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::TestApp;
use super::app::CANARY;

pub const DEMO_WIDGET: &str = "wgt_00000000000070008000000000000001";
/// A generous bound, so that a hang fails instead of hanging; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct Visitor {
    pub address: String,
    pub widget: String,
    pub token: String,
    pub conversation: Option<String>,
    pub socket: Option<Socket>,
    pub last_seq: i64,
}

pub fn uuid() -> String {
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix_time(1, 0, 0, 0)).to_string()
}

pub async fn session(
    address: &str,
    widget: &str,
    token: Option<&str>,
    origin: &str,
) -> (u16, Value) {
    let client = reqwest::Client::new();
    let mut request = client
        .post(format!("http://{address}/v1/widget/{widget}/session"))
        .header("origin", origin)
        .json(&json!({"locale": "zh-CN"}));
    if let Some(token) = token {
        request = request.header("x-veetflow-visitor", token);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

pub async fn upgrade(address: &str, ticket: &str, origin: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/v1/socket").into_client_request().expect("a request");
    let protocols = format!("veetflow.v1, ticket.{ticket}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().expect("a header"));
    request.headers_mut().insert("origin", origin.parse().expect("a header"));
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

impl Visitor {
    /// Somebody this address has not met.
    pub fn stranger(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            widget: DEMO_WIDGET.to_owned(),
            token: String::new(),
            conversation: None,
            socket: None,
            last_seq: 0,
        }
    }

    /// A visitor at the door: a session and a socket, nothing said.
    pub async fn arrive(app: &TestApp) -> Self {
        let mut visitor = Self::stranger(&app.address.to_string());
        visitor.connect().await;
        visitor
    }

    /// A visitor whose conversation is open.
    pub async fn open(app: &TestApp) -> Self {
        let mut visitor = Self::arrive(app).await;
        visitor.say(&json!({"type": "open"})).await;
        visitor.ready().await;
        visitor
    }

    /// A visitor who has answered the age question and agreed.
    pub async fn agreed(app: &TestApp) -> Self {
        let mut visitor = Self::open(app).await;
        visitor.agree().await;
        visitor
    }

    pub async fn session(&mut self) -> Value {
        let origin = format!("http://{}", self.address);
        let token = Some(self.token.as_str()).filter(|token| !token.is_empty());
        let (status, body) = session(&self.address, &self.widget, token, &origin).await;
        assert_eq!(status, 200, "{body}");
        body["visitor_token"].as_str().expect("a token").clone_into(&mut self.token);
        body
    }

    pub async fn connect(&mut self) -> Value {
        let body = self.session().await;
        let ticket = body["ticket"].as_str().expect("a ticket");
        let origin = format!("http://{}", self.address);
        self.socket = Some(upgrade(&self.address, ticket, &origin).await.expect("a socket"));
        body
    }

    /// Comes back after a reload: a new socket, the same person, everything after `last_seq`.
    pub async fn come_back(&mut self, last_seq: i64) -> Value {
        self.socket = None;
        self.connect().await;
        let conversation = self.conversation.clone();
        self.say(&json!({"type": "open", "conversation_id": conversation, "last_seq": last_seq}))
            .await;
        self.ready().await
    }

    pub async fn ready(&mut self) -> Value {
        let ready = self.until("ready").await;
        self.conversation = ready["conversation_id"].as_str().map(str::to_owned);
        ready
    }

    pub async fn agree(&mut self) -> Value {
        let id = uuid();
        self.say(&json!({"type": "age", "id": id, "bracket": "18_plus"})).await;
        self.until("ack").await;
        self.consent("granted").await;
        self.until("event").await
    }

    pub async fn consent(&mut self, decision: &str) -> String {
        let id = uuid();
        self.say(&json!({
            "type": "consent", "id": id, "policy_version": "2025-01-15",
            "decisions": {"ai_answer": decision},
        }))
        .await;
        id
    }

    /// Sends a question with a canary in it and gives its identifier.
    pub async fn ask(&mut self, text: &str) -> String {
        let id = uuid();
        self.ask_as(&id, text).await;
        id
    }

    pub async fn ask_as(&mut self, id: &str, text: &str) {
        self.say(&json!({"type": "send", "id": id, "text": format!("{text} {CANARY}")})).await;
    }

    pub async fn say(&mut self, frame: &Value) {
        self.raw(Message::text(frame.to_string())).await;
    }

    pub async fn raw(&mut self, message: Message) {
        self.socket.as_mut().expect("a socket").send(message).await.expect("sent");
    }

    /// The next message of the WebSocket itself, pings and pongs included.
    pub async fn message(&mut self) -> Option<Result<Message, Error>> {
        let socket = self.socket.as_mut().expect("a socket");
        tokio::time::timeout(PATIENCE, socket.next()).await.expect("an answer in time")
    }

    /// The next frame, or the code with which the socket closed.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match self.message().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if let Some(seq) = frame["seq"].as_i64() {
                        self.last_seq = self.last_seq.max(seq);
                    }
                    // Shown only where a test fails.
                    println!("{frame}");
                    return Ok(frame);
                }
                Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => return Err(code.into()),
                Some(Ok(Message::Close(None))) => return Err(1005),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Frames are read until one of this type comes.
    pub async fn until(&mut self, kind: &str) -> Value {
        let mut passed = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) if frame["type"] == kind => return frame,
                Ok(frame) => passed.push(frame),
                Err(code) => {
                    panic!("closed with {code} while waiting for {kind}, after {passed:?}")
                }
            }
        }
    }

    /// Reads until the socket closes and gives the code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Reads an answer to its end: its whole text and the `done` frame.
    pub async fn answer(&mut self) -> (String, Value) {
        let mut text = String::new();
        loop {
            let frame = self.next().await.expect("an open socket");
            match frame["type"].as_str() {
                Some("delta") => {
                    assert_eq!(frame["index"], text.chars().count(), "a gap in the answer");
                    text.push_str(frame["text"].as_str().expect("text"));
                }
                Some("snapshot") => frame["text"].as_str().expect("text").clone_into(&mut text),
                Some("done") => return (text, frame),
                _ => {}
            }
        }
    }
}
