//! Consent and age: nothing without them, and at once nothing more when they are taken back. Policy §7 and §10.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::support::provider::Behaviour;
use crate::support::visitor::{DEMO_WIDGET, session, uuid};
use crate::support::{Scripted, TestApp, Visitor};

#[actix_web::test]
async fn without_age_and_consent_a_message_is_refused_and_nothing_is_stored() {
    let provider = Scripted::new(Behaviour::Speak, &["hi"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::open(&app).await;
    let id = visitor.ask("你好").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("age_required"), Some(id.as_str()))
    );
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "16_17"})).await;
    visitor.until("ack").await;
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("error").await["code"], "consent_required");
    for table in ["turn", "conversation", "consent_act"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert_eq!(provider.calls.load(Ordering::SeqCst), 0);
    visitor.consent("granted").await;
    visitor.until("event").await;
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], 2);
    visitor.answer().await;
    app.drain().await;
}

#[actix_web::test]
async fn an_act_of_consent_is_recorded_with_the_receipt_that_the_visitor_holds() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::open(&app).await;
    let event = visitor.agree().await;
    assert_eq!(event["kind"], "consent_changed");
    let receipt = event["receipt"]["id"]
        .as_str()
        .expect("an identifier")
        .trim_start_matches("rct_")
        .to_owned();
    let row = app
        .operator()
        .await
        .query_one(
            "select replace(receipt_id::text, '-', ''), encode(digest, 'hex'), policy_version, retention_class from consent_act",
            &[],
        )
        .await
        .expect("one act");
    assert_eq!(row.get::<_, String>(0), receipt);
    assert_eq!(row.get::<_, String>(1), event["receipt"]["digest"].as_str().expect("a digest"));
    assert_eq!(row.get::<_, String>(2), "2025-01-15");
    assert_eq!(row.get::<_, String>(3), "consent_record");
    app.drain().await;
}

#[actix_web::test]
async fn every_turn_carries_consent_purposes_class_and_anchor_and_none_of_its_words() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    let rows = app
        .operator()
        .await
        .query(
            "select policy_version, purposes, retention_class, anchor_at = at, position('canary'::bytea in content) \
             from turn where seq > 1",
            &[],
        )
        .await
        .expect("read");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.get::<_, Option<String>>(0).as_deref(), Some("2025-01-15"));
        assert_eq!((row.get::<_, i32>(1), row.get::<_, String>(2)), (2, "conversation".to_owned()));
        assert!(row.get::<_, bool>(3));
        assert_eq!(row.get::<_, i32>(4), 0, "words in clear");
    }
    app.drain().await;
}

/// Invariant I7: after a withdrawal is acknowledged, zero further bytes.
#[actix_web::test]
async fn after_a_withdrawal_is_acknowledged_no_byte_leaves_the_provider_and_none_reaches_the_visitor()
 {
    let provider = Scripted::new(Behaviour::Endless, &["word "]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.until("delta").await;
    visitor.consent("denied").await;
    let done = visitor.until("done").await;
    assert_eq!(done["stop_reason"], "consent_withdrawn");
    let event = visitor.next().await.expect("open");
    assert_eq!(
        event["kind"], "consent_changed",
        "nothing comes between the end and the acknowledgement"
    );
    let bytes = provider.bytes.load(Ordering::SeqCst);
    assert!(!provider.is_open.load(Ordering::SeqCst), "the call goes on");
    visitor.ask("again").await;
    assert_eq!(visitor.until("error").await["code"], "consent_required");
    assert_eq!(provider.bytes.load(Ordering::SeqCst), bytes);
    visitor.come_back(0).await;
    let text = loop {
        let event = visitor.until("event").await;
        if event["author"] == "assistant" {
            break event["text"].as_str().expect("text").to_owned();
        }
    };
    assert_eq!(text, "", "what had been generated is not kept");
    app.drain().await;
}

#[actix_web::test]
async fn a_grant_under_an_older_text_is_refused_and_an_unknown_purpose_is_no_frame() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::open(&app).await;
    visitor
        .say(&json!({"type": "consent", "id": uuid(), "policy_version": "2020-01-01", "decisions": {"ai_answer": "granted"}}))
        .await;
    assert_eq!(visitor.until("error").await["code"], "policy_outdated");
    for decisions in
        [json!({"marketing": "granted"}), json!({"service_chat": "granted"}), json!({})]
    {
        visitor
            .say(&json!({"type": "consent", "id": uuid(), "policy_version": "2025-01-15", "decisions": decisions}))
            .await;
        assert_eq!(visitor.until("error").await["code"], "bad_frame");
    }
    assert_eq!(app.count("consent_act").await, 0);
    app.drain().await;
}

/// Policy §10: not for people under 16.
#[actix_web::test]
async fn a_visitor_under_sixteen_is_turned_away_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::open(&app).await;
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "under_16"})).await;
    assert_eq!(visitor.until("error").await["code"], "age_restricted");
    assert_eq!(visitor.closed().await, 4500);
    for table in ["visitor", "conversation", "turn"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    let (status, body) =
        session(&app.address.to_string(), DEMO_WIDGET, Some(&visitor.token), &app.origin()).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("age_restricted")));
    app.drain().await;
}

#[actix_web::test]
async fn consent_follows_the_visitor_into_the_next_conversation() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.say(&json!({"type": "close"})).await;
    assert_eq!(visitor.closed().await, 1000);
    let body = visitor.connect().await;
    assert_eq!(body["conversation_id"], serde_json::Value::Null);
    assert_eq!((&body["consent_needed"], &body["age_needed"]), (&json!(false), &json!(false)));
    visitor.say(&json!({"type": "open"})).await;
    let ready = visitor.ready().await;
    assert_eq!(ready["you"]["consent"]["granted"], json!(["ai_answer"]));
    visitor.ask("你好").await;
    visitor.answer().await;
    app.drain().await;
}

/// Policy §7: taking back is as easy as giving, so it needs no current text.
#[actix_web::test]
async fn a_withdrawal_under_an_outdated_text_ends_the_call_and_is_recorded_until_a_new_grant() {
    let provider = Scripted::held(Behaviour::Endless, &["word "]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    provider.release(1);
    visitor.until("delta").await;
    visitor
        .say(&json!({"type": "consent", "id": uuid(), "policy_version": "2020-01-01", "decisions": {"ai_answer": "denied"}}))
        .await;
    let done = loop {
        let frame = visitor.next().await.expect("open");
        assert_ne!(frame["type"], "delta", "more was shown");
        if frame["type"] == "done" {
            break frame;
        }
    };
    assert_eq!(done["stop_reason"], "consent_withdrawn");
    assert_eq!(visitor.until("event").await["decisions"], json!({"ai_answer": "denied"}));
    assert!(!provider.is_open.load(Ordering::SeqCst), "the call goes on");
    provider.release(100);
    visitor.ask("again").await;
    assert_eq!(visitor.until("error").await["code"], "consent_required");
    assert_eq!(provider.bytes.load(Ordering::SeqCst), "word ".len());
    visitor.consent("granted").await;
    visitor.until("event").await;
    visitor.ask("and now").await;
    visitor.until("ack").await;
    visitor.until("delta").await;
    assert_eq!(provider.calls.load(Ordering::SeqCst), 2);
    visitor.consent("denied").await;
    visitor.until("event").await;
    app.drain().await;
}

/// A question that waits behind an answer must not be asked after its visitor took the consent back.
#[actix_web::test]
async fn a_question_still_waiting_at_a_withdrawal_is_never_shown_to_the_model() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("first").await;
    provider.release(1);
    visitor.until("delta").await;
    visitor.ask("second").await;
    visitor.until("ack").await;
    visitor.consent("denied").await;
    while visitor.until("event").await["kind"] != "consent_changed" {}
    provider.release(100);
    visitor.come_back(0).await;
    visitor.ask("third").await;
    assert_eq!(visitor.until("error").await["code"], "consent_required");
    assert_eq!(provider.calls.load(Ordering::SeqCst), 1);
    app.drain().await;
}
