//! Everything that should not come and does: each is answered with a code of its own, and nothing is lost.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use veetflow::domain::tenant::{Period, TenantSlug, TenantState};
use veetflow::services::demo;

use crate::support::app::Plan;
use crate::support::cluster;
use crate::support::provider::Behaviour;
use crate::support::visitor::{DEMO_WIDGET, session, upgrade, uuid};
use crate::support::{Scripted, TestApp, Visitor};

fn frame(code: OpCode, payload: &[u8], is_final: bool) -> Message {
    Message::Frame(Frame::message(payload.to_vec(), code, is_final))
}

#[actix_web::test]
async fn a_foreign_missing_or_empty_origin_is_refused_at_the_session_and_at_the_socket() {
    let app = TestApp::start().await;
    let address = app.address.to_string();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let (status, body) = session(&address, DEMO_WIDGET, None, origin).await;
        assert_eq!((status, body["code"].as_str()), (403, Some("origin_refused")), "{origin}");
        let mut visitor = Visitor::arrive(&app).await;
        let ticket = visitor.session().await["ticket"].as_str().expect("a ticket").to_owned();
        assert!(upgrade(&address, &ticket, origin).await.is_err(), "{origin}");
    }
    let bare = reqwest::Client::new().post(app.url(&format!("/v1/widget/{DEMO_WIDGET}/session")));
    assert_eq!(bare.json(&json!({})).send().await.expect("an answer").status(), 403);
    let (status, body) =
        session(&address, "wgt_00000000000070008000000000009999", None, &app.origin()).await;
    assert_eq!((status, body["code"].as_str()), (404, Some("not_found")));
    app.drain().await;
}

#[actix_web::test]
async fn a_wrong_ticket_opens_nothing_and_a_forged_token_is_nobody_known() {
    let app = TestApp::start().await;
    let address = app.address.to_string();
    for ticket in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert!(upgrade(&address, ticket, &app.origin()).await.is_err(), "{ticket}");
    }
    let mut visitor = Visitor::agreed(&app).await;
    let mut forged = visitor.token.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    for token in [forged.as_str(), "", "nonsense"] {
        let (status, body) = session(&address, DEMO_WIDGET, Some(token), &app.origin()).await;
        assert_eq!(
            (status, &body["conversation_id"], &body["age_needed"]),
            (200, &Value::Null, &json!(true))
        );
    }
    let (_, body) = session(&address, DEMO_WIDGET, Some(&visitor.token), &app.origin()).await;
    assert_eq!(body["conversation_id"].as_str(), visitor.conversation.as_deref());
    visitor.ask("你好").await;
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn frames_that_are_no_text_too_large_or_in_pieces_close_the_socket_by_name() {
    let app = TestApp::start().await;
    let cases = [
        ("binary", Message::binary(vec![1, 2, 3]), 1003),
        ("fragmented", frame(OpCode::Data(Data::Text), b"{\"type\":", false), 1003),
        ("oversize", Message::text("x".repeat(33 * 1024)), 1009),
        ("invalid UTF-8", frame(OpCode::Data(Data::Text), &[0xff, 0xfe, b'{'], true), 1007),
    ];
    for (name, message, code) in cases {
        let mut visitor = Visitor::open(&app).await;
        visitor.raw(message).await;
        assert_eq!(visitor.closed().await, code, "{name}");
    }
    app.drain().await;
}

#[actix_web::test]
async fn a_frame_that_cannot_be_read_is_refused_and_the_socket_stays_open() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let nested = "[".repeat(8_000);
    for (text, code) in [
        ("not json", "bad_frame"),
        ("{}", "bad_frame"),
        (nested.as_str(), "bad_frame"),
        (r#"{"type":"dance"}"#, "unknown_frame"),
        (r#"{"type":"send","id":"not-a-uuid","text":"x"}"#, "bad_frame"),
        (r#"{"type":"read","seq":"seven"}"#, "bad_frame"),
        (r#"{"type":"open"}"#, "bad_frame"),
    ] {
        visitor.raw(Message::text(text)).await;
        assert_eq!(visitor.until("error").await["code"], code, "{}", &text[..text.len().min(40)]);
    }
    for (text, code) in [("问".repeat(4001), "too_long"), (" \n ".to_owned(), "empty_text")] {
        visitor.say(&json!({"type": "send", "id": uuid(), "text": text})).await;
        assert_eq!(visitor.until("error").await["code"], code);
    }
    visitor.say(&json!({"type": "read", "seq": i64::MAX})).await;
    visitor.say(&json!({"type": "typing", "on": true, "content": "ignored"})).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn somebody_elses_conversation_is_not_found_like_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let owner = Visitor::agreed(&app).await;
    let mut other = Visitor::arrive(&app).await;
    let unknown = "cnv_00000000000070008000000000000042".to_owned();
    for conversation in [owner.conversation.clone().expect("open"), unknown] {
        other.say(&json!({"type": "open", "conversation_id": conversation})).await;
        let error = other.until("error").await;
        assert_eq!(
            error,
            json!({"type": "error", "code": "not_found", "message": error["message"]})
        );
    }
    other.say(&json!({"type": "open"})).await;
    other.ready().await;
    assert_ne!(other.conversation, owner.conversation);
    app.drain().await;
}

#[actix_web::test]
async fn ten_thousand_sends_at_once_are_limited_and_then_end_the_socket() {
    let app = TestApp::build(Plan {
        settings: vec![("conversation.burst", 8.into())],
        ..Plan::default()
    })
    .await;
    let mut visitor = Visitor::agreed(&app).await;
    let text = json!({"type": "send", "id": uuid(), "text": "x"}).to_string();
    let socket = visitor.socket.take().expect("a socket");
    let (mut sink, stream) = futures_util::StreamExt::split(socket);
    let flood = async move {
        for _ in 0..10_000 {
            if futures_util::SinkExt::send(&mut sink, Message::text(text.clone())).await.is_err() {
                break;
            }
        }
        sink
    };
    let listen = async move {
        let mut stream = stream;
        let (mut limited, mut close) = (0, None);
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut stream).await {
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    limited += usize::from(
                        frame["code"] == "rate_limited" && frame["retry_after_ms"].is_u64(),
                    );
                }
                Message::Close(Some(reason)) => close = Some(u16::from(reason.code)),
                _ => {}
            }
        }
        (limited, close)
    };
    let (_, (limited, close)) = futures_util::join!(flood, listen);
    assert!(limited >= 100, "only {limited} were limited");
    assert_eq!(close, Some(4429));
    assert!(app.count("turn").await < 20);
    let mut neighbour = Visitor::agreed(&app).await;
    neighbour.ask("你好").await;
    neighbour.answer().await;
    app.drain().await;
}

/// A peer that never reads: its answer ends at the limit, its memory is one string, and its neighbour is served.
#[actix_web::test]
async fn a_peer_that_does_not_read_costs_no_more_than_its_credit() {
    let provider = Scripted::new(
        Behaviour::Endless,
        &["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    );
    let settings = vec![
        ("conversation.credit_bytes", 8192.into()),
        ("conversation.heartbeat_seconds", 1.into()),
        ("conversation.stall_seconds", 1.into()),
    ];
    let app =
        TestApp::build(Plan { provider: provider.clone(), settings, ..Plan::default() }).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("endless").await;
    visitor.until("ack").await;
    app.until_count("turn", 3).await;
    assert!(provider.bytes.load(std::sync::atomic::Ordering::SeqCst) < 300 * 1024);
    let mut neighbour = Visitor::agreed(&app).await;
    neighbour.say(&json!({"type": "read", "seq": 1})).await;
    neighbour.consent("granted").await;
    neighbour.until("event").await;
    visitor.come_back(0).await;
    let text = loop {
        let event = visitor.until("event").await;
        if event["author"] == "assistant" {
            break event["text"].as_str().expect("text").len();
        }
    };
    assert!(text > 256 * 1024, "the whole answer is there: {text}");
    app.drain().await;
}

#[actix_web::test]
async fn while_the_database_is_away_sends_are_refused_and_afterwards_accepted_without_a_restart() {
    let plan = Plan { settings: vec![("database.timeout_seconds", 1.into())], ..Plan::default() };
    let app = TestApp::build(plan).await;
    let mut visitor = Visitor::agreed(&app).await;
    let admin = cluster::operator("postgres").await;
    let name = &app.database;
    let away = format!("alter database {name} allow_connections false");
    let ended =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    admin.batch_execute(&away).await.expect("closed");
    admin.batch_execute(&ended).await.expect("ended");
    let id = visitor.ask("你好").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("unavailable"), Some(id.as_str()))
    );
    assert_eq!(reqwest::get(app.url("/readyz")).await.expect("an answer").status(), 503);
    admin
        .batch_execute(&format!("alter database {name} allow_connections true"))
        .await
        .expect("open");
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], 2);
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_suspended_tenant_is_told_so_and_served_again_when_restored() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    app.store().set_tenant_state(demo::TENANT, TenantState::Suspended).await.expect("set");
    app.refresh_tenants().await;
    assert_eq!(visitor.closed().await, 4503);
    let (status, body) = session(&app.address.to_string(), DEMO_WIDGET, None, &app.origin()).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("tenant_suspended")));
    app.store().set_tenant_state(demo::TENANT, TenantState::Active).await.expect("set");
    app.refresh_tenants().await;
    visitor.come_back(0).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_frame_before_open_is_refused_and_a_second_open_too() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrive(&app).await;
    let id = visitor.ask("too early").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("bad_frame"), Some(id.as_str()))
    );
    visitor.say(&json!({"type": "open"})).await;
    visitor.ready().await;
    visitor.say(&json!({"type": "open"})).await;
    assert_eq!(visitor.until("error").await["code"], "bad_frame");
    assert_eq!(app.count("turn").await, 0);
    app.drain().await;
}

#[actix_web::test]
async fn a_socket_that_never_opens_anything_is_sent_away() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrive(&app).await;
    assert_eq!(visitor.closed().await, 4401);
    app.drain().await;
}

/// Policy §5: tenants are kept apart, down to the identifiers.
#[actix_web::test]
async fn another_tenants_widget_knows_neither_the_visitor_nor_the_conversation() {
    const WIDGET: &str = "wgt_00000000000070008000000000000b01";
    let app = TestApp::start().await;
    let tenant = "ten_00000000000070008000000000000b00".parse().expect("an identifier");
    let slug = TenantSlug::parse("other").expect("a name");
    let store = app.store();
    assert!(store.create_tenant(tenant, &slug, "Other", Period::DEFAULT, app.now()).await.is_ok());
    let widget = WIDGET.parse().expect("an identifier");
    assert!(store.create_widget(tenant, widget, &[], app.now()).await.is_ok());
    app.refresh_tenants().await;
    let mut owner = Visitor::agreed(&app).await;
    owner.ask("你好").await;
    owner.answer().await;
    let address = app.address.to_string();
    // The token is good, but it was made for another widget: here its holder is a stranger.
    let (status, body) = session(&address, WIDGET, Some(&owner.token), &app.origin()).await;
    assert_eq!(
        (status, &body["conversation_id"], &body["age_needed"]),
        (200, &Value::Null, &json!(true))
    );
    let mut other = Visitor::stranger(&address);
    let ticket = body["ticket"].as_str().expect("a ticket");
    other.socket = Some(upgrade(&address, ticket, &app.origin()).await.expect("a socket"));
    let (own, unknown) = (owner.conversation.clone(), "cnv_00000000000070008000000000000043");
    other.say(&json!({"type": "open", "conversation_id": own})).await;
    let refused = other.until("error").await;
    other.say(&json!({"type": "open", "conversation_id": unknown})).await;
    assert_eq!(other.until("error").await, refused, "the answer tells that there is one");
    other.say(&json!({"type": "open"})).await;
    other.ready().await;
    other.agree().await;
    let rows = app.operator().await;
    let tenants: i64 = rows
        .query_one("select count(distinct tenant_id) from consent_act", &[])
        .await
        .expect("counted")
        .get(0);
    assert_eq!(tenants, 2, "each act belongs to its own tenant");
    owner.ask("还在吗").await;
    owner.answer().await;
    app.drain().await;
}

/// A peer that stops reading is written off with 4008; whoever sits beside it notices nothing.
#[actix_web::test]
async fn a_peer_that_stops_reading_is_let_go_and_its_neighbour_is_answered_meanwhile() {
    let word = "0123456789abcdef".repeat(64);
    let provider = Scripted::new(Behaviour::Endless, &[word.as_str()]);
    let settings = vec![
        ("conversation.credit_bytes", 8192.into()),
        ("conversation.heartbeat_seconds", 1.into()),
        ("conversation.stall_seconds", 1.into()),
        ("conversation.idle_seconds", 0.into()),
    ];
    let app = TestApp::build(Plan { settings, provider, ..Plan::default() }).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("endless").await;
    visitor.until("ack").await;
    let mut neighbour = Visitor::agreed(&app).await;
    neighbour.ask("你好").await;
    let message_id = neighbour.until("delta").await["message_id"].clone();
    neighbour.say(&json!({"type": "stop", "message_id": message_id})).await;
    neighbour.until("done").await;
    neighbour.socket = None;
    // Neither is watched any more, so both leave memory: the reader because it left, the other because it was let go.
    app.until_asleep().await;
    let mut received = 0;
    let code = loop {
        match visitor.next().await {
            Ok(frame) => received += frame["text"].as_str().map_or(0, str::len),
            Err(code) => break code,
        }
    };
    assert_eq!(code, 4008);
    assert!(received < 64 * 1024, "{received} bytes waited for a peer with a credit of 8192");
    app.drain().await;
}
