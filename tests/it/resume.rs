//! Coming back: after a reload, on another node, after a crash.

use serde_json::json;

use crate::support::app::Plan;
use crate::support::provider::Behaviour;
use crate::support::visitor::upgrade;
use crate::support::{Scripted, TestApp, Visitor};

/// Reads the replay up to `head` and gives the texts by author.
async fn replay(visitor: &mut Visitor, head: i64) -> Vec<(String, String)> {
    let mut said = Vec::new();
    loop {
        let event = visitor.until("event").await;
        if event["kind"] == "message" {
            let field = |name: &str| event[name].as_str().expect("text").to_owned();
            said.push((field("author"), field("text")));
        }
        if event["seq"].as_i64() == Some(head) {
            return said;
        }
    }
}

#[actix_web::test]
async fn a_repeated_send_is_answered_with_the_first_ack_before_and_after_a_reload() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let id = visitor.ask("你好").await;
    let first = visitor.until("ack").await["seq"].clone();
    visitor.answer().await;
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], first);
    visitor.come_back(3).await;
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], first);
    assert_eq!(app.count("turn").await, 3);
    app.drain().await;
}

#[actix_web::test]
async fn everything_after_the_last_seen_entry_is_replayed_even_what_has_left_memory() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    for number in 0..35 {
        visitor.ask(&format!("question {number}")).await;
        visitor.answer().await;
    }
    let ready = visitor.come_back(0).await;
    assert_eq!(ready["head_seq"], 71);
    let said = replay(&mut visitor, 71).await;
    assert_eq!(said.len(), 70);
    assert!(said[0].1.starts_with("question 0 ") && said[68].1.starts_with("question 34 "));
    visitor.come_back(69).await;
    assert_eq!(replay(&mut visitor, 71).await.len(), 2);
    app.drain().await;
}

#[actix_web::test]
async fn a_half_streamed_answer_goes_on_where_the_client_left_it() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二", "三", "四"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到四").await;
    provider.release(2);
    let message_id = visitor.until("delta").await["message_id"].clone();
    let conversation = visitor.conversation.clone();
    visitor.socket = None;
    visitor.connect().await;
    let partial = json!({"message_id": message_id, "chars": 1});
    visitor
        .say(&json!({"type": "open", "conversation_id": conversation, "last_seq": 2, "partial": partial}))
        .await;
    visitor.ready().await;
    let mut text = "一".to_owned();
    provider.release(2);
    loop {
        let frame = visitor.next().await.expect("open");
        match frame["type"].as_str() {
            Some("delta") => {
                assert_eq!(frame["index"], text.chars().count());
                text.push_str(frame["text"].as_str().expect("text"));
            }
            Some("done") => break,
            other => assert_eq!(other, Some("typing"), "{frame}"),
        }
    }
    assert_eq!(text, "一二三四");
    app.drain().await;
}

#[actix_web::test]
async fn a_client_without_its_part_of_the_answer_gets_a_snapshot_and_the_tail() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二", "三", "四"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到四").await;
    provider.release(1);
    visitor.until("delta").await;
    visitor.come_back(0).await;
    assert_eq!(visitor.until("snapshot").await["text"], "一");
    provider.release(3);
    let mut tail = String::new();
    loop {
        let frame = visitor.next().await.expect("open");
        match frame["type"].as_str() {
            Some("delta") => tail.push_str(frame["text"].as_str().expect("text")),
            Some("done") => break,
            _ => {}
        }
    }
    assert_eq!(tail, "二三四");
    app.drain().await;
}

#[actix_web::test]
async fn an_answer_outlives_the_socket_for_which_it_began() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到二").await;
    visitor.until("ack").await;
    visitor.socket = None;
    provider.release(2);
    app.until_count("turn", 3).await;
    visitor.come_back(0).await;
    let said = replay(&mut visitor, 3).await;
    assert_eq!(said[1], ("assistant".to_owned(), "一二".to_owned()));
    app.drain().await;
}

#[actix_web::test]
async fn a_second_socket_takes_over_and_the_first_is_closed_as_superseded() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let first = visitor.socket.take();
    visitor.come_back(0).await;
    let mut older = Visitor { socket: first, ..Visitor::arrive(&app).await };
    assert_eq!(older.closed().await, 4001);
    visitor.ask("你好").await;
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_node_whose_lease_was_taken_can_write_nothing() {
    let first = TestApp::start().await;
    let mut here = Visitor::agreed(&first).await;
    let before = first.count("turn").await;
    let second = TestApp::build(first.beside()).await;
    // The token is signed by the same master key, so the other node knows the visitor.
    let mut there = Visitor {
        widget: crate::support::visitor::DEMO_WIDGET.to_owned(),
        address: second.address.to_string(),
        token: here.token.clone(),
        conversation: here.conversation.clone(),
        socket: None,
        last_seq: 0,
    };
    let ready = there.come_back(0).await;
    assert_eq!(ready["epoch"], 2);
    here.ask("too late").await;
    assert_eq!(here.closed().await, 4001);
    assert_eq!(first.count("turn").await, before);
    there.ask("你好").await;
    there.answer().await;
    second.drain().await;
    first.drain().await;
}

#[actix_web::test]
async fn after_a_crash_an_acknowledged_question_is_there_once_and_is_answered_anew() {
    let provider = Scripted::held(Behaviour::Speak, &["never"]);
    let app = TestApp::with(provider).await;
    let mut visitor = Visitor::agreed(&app).await;
    let id = visitor.ask("你好").await;
    visitor.until("ack").await;
    let plan = app.crash().await;
    let again = TestApp::build(plan).await;
    visitor.address = again.address.to_string();
    let conversation = visitor.conversation.clone();
    visitor.socket = None;
    visitor.connect().await;
    let lost = json!({"message_id": "msg_00000000000070008000000000000009", "chars": 3});
    visitor.say(&json!({"type": "open", "conversation_id": conversation, "last_seq": 0, "partial": lost})).await;
    visitor.ready().await;
    let told = visitor.until("done").await;
    assert_eq!(told["stop_reason"], "interrupted", "the part that the client had is not the log's");
    let (text, done) = visitor.answer().await;
    assert_eq!((text.as_str(), done["seq"].as_i64()), ("Hello, 你好!", Some(3)));
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], 2);
    assert_eq!(again.count("turn").await, 3);
    again.drain().await;
}

#[actix_web::test]
async fn a_conversation_that_nobody_watches_leaves_memory_and_can_be_resumed() {
    let plan = Plan {
        settings: vec![
            ("conversation.heartbeat_seconds", 1.into()),
            ("conversation.idle_seconds", 0.into()),
        ],
        ..Plan::default()
    };
    let app = TestApp::build(plan).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.socket = None;
    app.until_asleep().await;
    let ready = visitor.come_back(0).await;
    assert_eq!(ready["epoch"], 2);
    assert_eq!(replay(&mut visitor, 3).await.len(), 2);
    app.drain().await;
}

#[actix_web::test]
async fn a_day_of_silence_ends_a_conversation() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    app.jump(jiff::SignedDuration::from_hours(25));
    let id = visitor.ask("still there?").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("conversation_closed"), Some(id.as_str()))
    );
    let event = visitor.until("event").await;
    assert_eq!((event["kind"].as_str(), event["reason"].as_str()), (Some("closed"), Some("idle")));
    assert_eq!(visitor.closed().await, 1000);
    assert_eq!(visitor.connect().await["conversation_id"], serde_json::Value::Null);
    app.drain().await;
}

#[actix_web::test]
async fn a_ticket_opens_one_socket() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrive(&app).await;
    let body = visitor.session().await;
    let ticket = body["ticket"].as_str().expect("a ticket");
    let address = app.address.to_string();
    assert!(upgrade(&address, ticket, &app.origin()).await.is_ok());
    assert!(upgrade(&address, ticket, &app.origin()).await.is_err(), "used twice");
    let late = visitor.session().await;
    app.jump(jiff::SignedDuration::from_secs(31));
    let late = late["ticket"].as_str().expect("a ticket");
    assert!(upgrade(&address, late, &app.origin()).await.is_err(), "after its time");
    app.drain().await;
}

/// Two tabs that come back in the same instant: one of them is served, and the log stays one.
#[actix_web::test]
async fn of_two_sockets_that_open_a_sleeping_conversation_at_once_one_is_served() {
    let plan = Plan {
        settings: vec![
            ("conversation.heartbeat_seconds", 1.into()),
            ("conversation.idle_seconds", 0.into()),
        ],
        ..Plan::default()
    };
    let app = TestApp::build(plan).await;
    let mut first = Visitor::agreed(&app).await;
    first.ask("你好").await;
    first.answer().await;
    first.socket = None;
    app.until_asleep().await;
    let mut second = Visitor::stranger(&first.address);
    second.token.clone_from(&first.token);
    second.conversation.clone_from(&first.conversation);
    futures_util::join!(first.connect(), second.connect());
    let open =
        json!({"type": "open", "conversation_id": first.conversation.clone(), "last_seq": 3});
    futures_util::join!(first.say(&open), second.say(&open));
    // Each asks at once and reads until it is answered or sent away.
    let served = |visitor: Visitor| async move {
        let mut visitor = visitor;
        visitor.ask("一").await;
        loop {
            match visitor.next().await {
                Ok(frame) if frame["type"] == "done" => return (visitor, true),
                Ok(frame) => assert_ne!(frame["type"], "error", "{frame}"),
                Err(code) => {
                    assert_eq!(code, 4001);
                    return (visitor, false);
                }
            }
        }
    };
    let ((_, is_first), (_, is_second)) = futures_util::join!(served(first), served(second));
    assert!(is_first || is_second, "nobody was served");
    let client = app.operator().await;
    let row = client
        .query_one("select count(*), max(seq), count(distinct seq) from turn", &[])
        .await
        .expect("read");
    let (rows, head, distinct): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((rows, rows), (head, distinct), "a gap or a fork in the log");
    app.drain().await;
}
