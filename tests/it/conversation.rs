//! One conversation from the first frame to the last: what is promised at each step and what is kept.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::app::Plan;
use crate::support::provider::Behaviour;
use crate::support::{Scripted, TestApp, Visitor};

#[actix_web::test]
async fn a_visitor_agrees_asks_and_is_answered_and_both_turns_are_durable() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let id = visitor.ask("你们的数据保留多久？").await;
    let ack = visitor.until("ack").await;
    assert_eq!((ack["id"].as_str(), ack["seq"].as_i64()), (Some(id.as_str()), Some(2)));
    let (text, done) = visitor.answer().await;
    assert_eq!(text, "Hello, 你好!");
    assert_eq!((done["seq"].as_i64(), done["stop_reason"].as_str()), (Some(3), Some("complete")));
    assert_eq!(app.count("turn").await, 3);
    app.drain().await;
}

#[actix_web::test]
async fn an_answer_can_be_had_once_more_and_both_stay_in_the_log() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    let (_, first) = visitor.answer().await;
    let again = json!({"type": "regenerate", "message_id": first["message_id"]});
    visitor.say(&again).await;
    let (text, second) = visitor.answer().await;
    assert_eq!(text, "Hello, 你好!");
    assert_ne!(second["message_id"], first["message_id"]);
    assert_eq!((first["seq"].as_i64(), second["seq"].as_i64()), (Some(3), Some(4)));
    // The first one is no longer the newest.
    visitor.say(&again).await;
    visitor.ask("还有呢？").await;
    visitor.answer().await;
    assert_eq!(app.count("turn").await, 6);
    app.drain().await;
}

#[actix_web::test]
async fn when_the_ack_arrives_the_question_is_already_in_the_database() {
    let app = TestApp::with(Scripted::held(Behaviour::Speak, &["never"])).await;
    let mut visitor = Visitor::agreed(&app).await;
    let operator = app.operator().await;
    for expected in 2..7_i64 {
        let id = visitor.ask("你好").await;
        let ack = visitor.until("ack").await;
        assert_eq!(ack["seq"], expected);
        let row = operator
            .query_one("select seq, kind from turn where client_id = $1::text::uuid", &[&id])
            .await
            .expect("the row is there");
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i16>(1)), (expected, 1));
    }
    drop(app.crash().await);
}

#[actix_web::test]
async fn every_entry_has_the_next_number_and_the_replay_shows_what_was_shown() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let mut shown = Vec::new();
    for _ in 0..3 {
        visitor.ask("你好").await;
        shown.push(visitor.answer().await.0);
    }
    visitor.come_back(0).await;
    let mut replayed = Vec::new();
    for seq in 1..=7 {
        let event = visitor.until("event").await;
        assert_eq!(event["seq"], seq, "a gap in the log");
        if event["author"] == "assistant" {
            replayed.push(event["text"].as_str().expect("text").to_owned());
        }
    }
    assert_eq!(replayed, shown);
    app.drain().await;
}

#[actix_web::test]
async fn a_model_is_shown_no_more_history_than_its_budget_and_always_the_question() {
    let provider = Scripted::new(Behaviour::Speak, &["回", "答"]);
    let plan = Plan {
        settings: vec![("conversation.prompt_tokens", 51.into())],
        provider: provider.clone(),
        ..Plan::default()
    };
    let app = TestApp::build(plan).await;
    let mut visitor = Visitor::agreed(&app).await;
    for number in 0..4 {
        visitor.ask(&format!("{number} {}", "问".repeat(12))).await;
        visitor.answer().await;
    }
    visitor.ask(&format!("4 {}", "长".repeat(200))).await;
    visitor.answer().await;
    let seen = provider.seen.lock().expect("not poisoned").clone();
    let heads: Vec<Vec<char>> = seen
        .iter()
        .map(|lines| lines.iter().filter_map(|line| line.chars().next()).collect())
        .collect();
    assert_eq!(heads[0], ['0']);
    assert_eq!(heads[1], ['0', '回', '1']);
    assert_eq!(heads[3], ['2', '回', '3'], "older lines are left out first");
    assert_eq!(heads[4], ['4'], "a question larger than the budget is shown alone");
    app.drain().await;
}

/// Policy §5: words do not stay in memory longer than they are used.
#[actix_web::test]
async fn a_quiet_conversation_leaves_memory_while_its_visitor_stays_and_knows_its_history_afterwards()
 {
    let provider = Scripted::new(Behaviour::Speak, &["答"]);
    let settings =
        vec![("conversation.heartbeat_seconds", 1.into()), ("conversation.idle_seconds", 0.into())];
    let plan = Plan { settings, provider: provider.clone(), ..Plan::default() };
    let app = TestApp::build(plan).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("first").await;
    visitor.answer().await;
    // Each heartbeat sends a ping; after the second one the conversation has looked at itself at rest.
    let mut pings = 0;
    while pings < 2 {
        let message = visitor.message().await.expect("open").expect("a message");
        pings += u32::from(matches!(message, Message::Ping(_)));
    }
    assert_eq!(app.app().hub.len(), 1);
    for (number, seq) in [(2, 4), (3, 6)] {
        visitor.ask(&format!("question {number}")).await;
        assert_eq!(visitor.until("ack").await["seq"], seq);
        assert_eq!(visitor.answer().await.0, "答");
    }
    let seen = provider.seen.lock().expect("not poisoned").last().expect("asked").clone();
    assert_eq!(seen.len(), 5);
    assert!(seen[0].starts_with("first "), "the history was read back");
    app.drain().await;
}

#[actix_web::test]
async fn a_closed_conversation_ends_normally_and_takes_nothing_more() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.say(&json!({"type": "close"})).await;
    let event = visitor.until("event").await;
    assert_eq!(
        (event["kind"].as_str(), event["reason"].as_str(), event["seq"].as_i64()),
        (Some("closed"), Some("visitor"), Some(4))
    );
    assert_eq!(visitor.closed().await, 1000);
    assert_eq!(visitor.session().await["conversation_id"], Value::Null);
    visitor.come_back(0).await;
    let id = visitor.ask("one more thing").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("conversation_closed"), Some(id.as_str()))
    );
    assert_eq!(app.count("turn").await, 4);
    app.drain().await;
}

/// Policy §6.1: no transcript is kept alive for ever by a chat that never ends.
#[actix_web::test]
async fn a_conversation_that_is_used_every_day_rolls_over_after_a_week() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    for _ in 0..7 {
        visitor.ask("还在").await;
        visitor.answer().await;
        app.jump(jiff::SignedDuration::from_hours(23));
        assert_eq!(
            visitor.session().await["conversation_id"].as_str(),
            visitor.conversation.as_deref()
        );
    }
    visitor.ask("第七天").await;
    visitor.answer().await;
    app.jump(jiff::SignedDuration::from_hours(8));
    assert_eq!(visitor.session().await["conversation_id"], Value::Null);
    let before = app.count("turn").await;
    visitor.ask("第八天").await;
    assert_eq!(visitor.until("error").await["code"], "conversation_closed");
    let event = visitor.until("event").await;
    assert_eq!(
        (event["kind"].as_str(), event["reason"].as_str()),
        (Some("closed"), Some("rolled_over"))
    );
    assert_eq!(visitor.closed().await, 1000);
    assert_eq!(app.count("turn").await, before + 1, "the refused words are not kept");
    let earlier = visitor.conversation.clone();
    visitor.connect().await;
    visitor.say(&json!({"type": "open"})).await;
    visitor.ready().await;
    assert_ne!(visitor.conversation, earlier);
    visitor.ask("新的一周").await;
    visitor.answer().await;
    app.drain().await;
}
