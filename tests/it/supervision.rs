//! What one failure costs: itself.

use crate::support::provider::Behaviour;
use crate::support::{Scripted, TestApp, Visitor};

#[actix_web::test]
async fn a_panic_in_one_conversation_ends_that_one_and_harms_no_other() {
    let provider = Scripted::held(Behaviour::Panic, &["一", "二"]);
    let app = TestApp::with(provider.clone()).await;
    let mut neighbour = Visitor::agreed(&app).await;
    let mut unlucky = Visitor::agreed(&app).await;
    unlucky.ask("数到二").await;
    provider.release(2);
    assert_eq!(unlucky.closed().await, 1011);
    neighbour.consent("granted").await;
    assert_eq!(neighbour.until("event").await["kind"], "consent_changed");
    let ready = unlucky.come_back(0).await;
    assert_eq!(ready["head_seq"], 2, "the question is there");
    app.drain().await;
}

#[actix_web::test]
async fn a_provider_that_fails_or_breaks_off_is_told_and_the_conversation_goes_on() {
    for (behaviour, reason) in [(Behaviour::Fail, "error"), (Behaviour::BreakOff, "interrupted")] {
        let app = TestApp::with(Scripted::new(behaviour, &["half"])).await;
        let mut visitor = Visitor::agreed(&app).await;
        for _ in 0..2 {
            visitor.ask("你好").await;
            loop {
                let frame = visitor.next().await.expect("open");
                if !frame["stop_reason"].is_null() {
                    assert_eq!(frame["stop_reason"], reason);
                    break;
                }
            }
        }
        assert_eq!(app.count("turn").await, 5);
        app.drain().await;
    }
}

#[actix_web::test]
async fn a_stopped_answer_keeps_what_was_shown() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二", "三"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到三").await;
    provider.release(1);
    let delta = visitor.until("delta").await;
    visitor.say(&serde_json::json!({"type": "stop", "message_id": delta["message_id"]})).await;
    assert_eq!(visitor.until("done").await["stop_reason"], "stopped");
    assert!(!provider.is_open.load(std::sync::atomic::Ordering::SeqCst));
    visitor.come_back(2).await;
    assert_eq!(visitor.until("event").await["text"], "一");
    app.drain().await;
}

#[actix_web::test]
async fn a_question_during_an_answer_is_acknowledged_at_once_and_the_model_sees_the_history_in_order()
 {
    let provider = Scripted::held(Behaviour::Speak, &["a", "b"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("first").await;
    provider.release(1);
    visitor.until("delta").await;
    visitor.ask("second").await;
    assert_eq!(visitor.until("ack").await["seq"], 3);
    provider.release(3);
    visitor.until("done").await;
    visitor.until("done").await;
    let seen = provider.seen.lock().expect("not poisoned").clone();
    assert_eq!(seen.len(), 2);
    let heads: Vec<&str> =
        seen[1].iter().map(|line| line.split(' ').next().expect("a word")).collect();
    assert_eq!(heads, ["first", "ab", "second"]);
    app.drain().await;
}

#[actix_web::test]
async fn a_ping_is_answered_in_the_middle_of_an_answer() {
    let app = TestApp::with(Scripted::new(Behaviour::Endless, &["word "])).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("endless").await;
    visitor.until("delta").await;
    let ping = tokio_tungstenite::tungstenite::Message::Ping(b"hello".to_vec().into());
    visitor.raw(ping).await;
    let socket = visitor.socket.as_mut().expect("a socket");
    loop {
        let message =
            futures_util::StreamExt::next(socket).await.expect("open").expect("a message");
        if matches!(&message, tokio_tungstenite::tungstenite::Message::Pong(payload) if payload.as_ref() == b"hello")
        {
            break;
        }
    }
    visitor.say(&serde_json::json!({"type": "close"})).await;
    assert_eq!(visitor.closed().await, 1000);
    app.drain().await;
}
