//! Connections to a provider: used again where that works, replaced where the other side let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::vendor::{Step, Vendor};
use super::wire::Kind;
use super::{adapter, heard, words};

fn framed(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Answers every request on a connection, as long as there are any.
async fn serve(mut connection: TcpStream, answer: Vec<u8>) -> std::io::Result<()> {
    let mut asked = Vec::new();
    loop {
        if connection.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&asked).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if Some(body.len()) == length {
            asked.clear();
            connection.write_all(&answer).await?;
        }
    }
}

#[actix_web::test]
async fn one_connection_serves_one_answer_after_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("bound"));
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = opened.clone();
    actix_web::rt::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            actix_web::rt::spawn(serve(connection, framed(&Kind::Chat.answer(&["again"]))));
        }
    });
    let model = adapter(Kind::Chat, &base_url, 5);
    for _ in 0..4 {
        assert_eq!(words(&heard(model.as_ref()).await), "again");
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn a_connection_that_ended_while_it_rested_costs_no_answer() {
    let vendor = Vendor::start(vec![Step::Bytes(framed(&Kind::Chat.answer(&["anew"])))]).await;
    let model = adapter(Kind::Chat, &vendor.base_url, 5);
    for _ in 0..4 {
        assert_eq!(words(&heard(model.as_ref()).await), "anew");
    }
    assert_eq!(vendor.asked().len(), 4);
}
