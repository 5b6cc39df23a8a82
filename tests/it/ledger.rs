//! The ledger of consent: its receipts, signals, restriction, and withdrawal where no log takes entries. Policy §7.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::provider::Behaviour;
use crate::support::visitor::{DEMO_WIDGET, uuid};
use crate::support::{Scripted, TestApp, Visitor};

async fn receipt(app: &TestApp, token: &str) -> (u16, Value) {
    let response = reqwest::Client::new()
        .get(app.url(&format!("/v1/widget/{DEMO_WIDGET}/consent?locale=en")))
        .header("origin", app.origin())
        .header("x-veetflow-visitor", token)
        .send()
        .await
        .expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

async fn restrict(app: &TestApp, token: &str, on: bool) -> u16 {
    reqwest::Client::new()
        .put(app.url(&format!("/v1/widget/{DEMO_WIDGET}/restriction")))
        .header("origin", app.origin())
        .header("x-veetflow-visitor", token)
        .json(&json!({"on": on}))
        .send()
        .await
        .expect("an answer")
        .status()
        .as_u16()
}

/// A session request with these `Sec-GPC` headers; gives the visitor token and what the server says about the signal.
async fn signalled(app: &TestApp, token: &str, signals: &[&str], flag: bool) -> (String, Value) {
    let mut request = reqwest::Client::new()
        .post(app.url(&format!("/v1/widget/{DEMO_WIDGET}/session")))
        .header("origin", app.origin())
        .header("x-veetflow-visitor", token)
        .json(&json!({"locale": "en", "gpc": flag}));
    for signal in signals {
        request = request.header("sec-gpc", *signal);
    }
    let body: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    (body["visitor_token"].as_str().expect("a token").to_owned(), body["gpc"].clone())
}

/// Policy §7: taking back is as easy as giving, and a conversation that has ended does not stand in its way.
#[actix_web::test]
async fn a_withdrawal_on_a_closed_conversation_is_recorded_once_and_a_grant_is_not() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.say(&json!({"type": "close"})).await;
    assert_eq!(visitor.closed().await, 1000);
    let anchor = "select max(anchor_at)::text from conversation";
    let before: String = app.operator().await.query_one(anchor, &[]).await.expect("one").get(0);
    visitor.come_back(visitor.last_seq).await;
    let id = uuid();
    let frame = |decision: &str| json!({"type": "consent", "id": id, "policy_version": "2025-01-15", "decisions": {"ai_answer": decision}});
    visitor.say(&frame("granted")).await;
    assert_eq!(visitor.until("error").await["code"], "conversation_closed");
    for _ in 0..2 {
        visitor.say(&frame("denied")).await;
        assert_eq!(visitor.until("ack").await["id"], id.as_str());
    }
    assert_eq!(app.count("consent_act").await, 2, "the grant, and the withdrawal once");
    let after: String = app.operator().await.query_one(anchor, &[]).await.expect("one").get(0);
    assert_eq!(before, after, "a withdrawal keeps no transcript alive");
    let session = visitor.session().await;
    assert_eq!(session["consent_needed"], true);
    app.drain().await;
}

/// ISO/IEC TS 27560: what a receipt says; §7 access to what one decided.
#[actix_web::test]
async fn the_receipt_names_every_purpose_with_one_basis_and_every_act_in_order() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.consent("denied").await;
    let event = visitor.until("event").await;
    let (status, body) = receipt(&app, &visitor.token).await;
    assert_eq!(status, 200, "{body}");
    for field in [
        "schema_version",
        "receipt_id",
        "created_at",
        "subject_id",
        "controller",
        "processors",
        "notice",
        "control",
    ] {
        assert!(!body[field].is_null(), "{field}");
    }
    let purposes = body["purposes"].as_array().expect("purposes");
    assert!(
        purposes.iter().all(|of| of["basis"].is_string() && of["storage"]["duration"].is_string())
    );
    let answer = purposes.iter().find(|of| of["purpose"] == "ai_answer").expect("listed");
    assert_eq!((&answer["basis"], &answer["is_allowed"]), (&json!("consent"), &json!(false)));
    let events = body["events"].as_array().expect("events");
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[0]["given"], &events[1]["withdrawn"]),
        (&json!(["ai_answer"]), &json!(["ai_answer"]))
    );
    assert_eq!(events[1]["record_id"], event["receipt"]["id"]);
    assert_eq!(events[1]["digest"], event["receipt"]["digest"]);
    let mut stranger = Visitor::arrive(&app).await;
    let (_, own) =
        receipt(&app, stranger.session().await["visitor_token"].as_str().expect("a token")).await;
    assert_eq!(own["events"], json!([]), "nobody sees another person's acts");
    assert_eq!(receipt(&app, "forged").await.0, 404);
    app.drain().await;
}

/// The ledger is append-only: neither role of a request may change or remove an act.
#[actix_web::test]
async fn no_role_may_change_an_act_and_only_the_purge_may_delete_one() {
    let app = TestApp::start().await;
    let _visitor = Visitor::agreed(&app).await;
    let operator = app.operator().await;
    for (role, statement) in [
        ("veetflow_app", "update consent_act set granted = 0"),
        ("veetflow_app", "delete from consent_act"),
        ("veetflow_app", "truncate consent_act"),
        ("veetflow_purge", "update consent_act set granted = 0"),
        ("veetflow_purge", "insert into consent_act select * from consent_act"),
    ] {
        let script = format!("begin; set local role {role}; {statement}");
        let refused = operator.batch_execute(&script).await.expect_err(statement);
        assert_eq!(
            refused.code().map(tokio_postgres::error::SqlState::code),
            Some("42501"),
            "{statement}"
        );
        operator.batch_execute("rollback").await.expect("rolled back");
    }
    app.drain().await;
}

/// Case 51: the signal is `1`, once, and nothing else; it is remembered, and recorded with the first act.
#[actix_web::test]
async fn global_privacy_control_is_recorded_once_and_outlives_the_signal() {
    let app = TestApp::start().await;
    for signals in [&["true"][..], &["0"], &["1, 1"], &["1", "1"], &["11"], &[]] {
        assert_eq!(signalled(&app, "", signals, false).await.1, json!(false), "{signals:?}");
    }
    assert_eq!(signalled(&app, "", &[], true).await.1, json!(true));
    assert_eq!(app.count("visitor").await, 0, "nothing is stored before the visitor acts");
    let mut visitor = Visitor::agreed(&app).await;
    for _ in 0..2 {
        assert_eq!(signalled(&app, &visitor.token, &["1"], false).await.1, json!(true));
    }
    assert_eq!(signalled(&app, &visitor.token, &[], false).await.1, json!(true));
    let (_, body) = receipt(&app, &visitor.token).await;
    let signals: Vec<_> = body["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["kind"] == "privacy_signal")
        .collect();
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0]["indicated_by"], "user_agent");
    assert!(
        signals[0]["withdrawn"].as_array().expect("purposes").contains(&json!("analytics_product"))
    );
    visitor.ask("the signal does not end what it is not about").await;
    visitor.answer().await;
    let support: Value = reqwest::get(app.url("/.well-known/gpc.json"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(support["gpc"], true);
    app.drain().await;
}

/// Policy §7 restriction: kept, and used for nothing, from the answer of the request on.
#[actix_web::test]
async fn restriction_ends_an_answer_and_lets_none_begin_until_it_is_lifted() {
    let provider = Scripted::new(Behaviour::Endless, &["word "]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.until("delta").await;
    assert_eq!(restrict(&app, &visitor.token, true).await, 200);
    assert_eq!(visitor.until("done").await["stop_reason"], "consent_withdrawn");
    let bytes = provider.bytes.load(Ordering::SeqCst);
    visitor.ask("again").await;
    assert_eq!(visitor.until("error").await["code"], "restricted");
    visitor.come_back(visitor.last_seq).await;
    visitor.ask("from another socket").await;
    assert_eq!(visitor.until("error").await["code"], "restricted");
    assert_eq!(provider.bytes.load(Ordering::SeqCst), bytes);
    assert!(app.count("turn").await >= 3, "what is there is kept");
    assert_eq!(restrict(&app, &visitor.token, false).await, 200);
    visitor.ask("and now").await;
    visitor.until("delta").await;
    visitor.consent("denied").await;
    visitor.until("event").await;
    let (_, body) = receipt(&app, &visitor.token).await;
    let kinds: Vec<_> = body["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["decision", "restriction", "restriction_lifted", "decision"]);
    assert_eq!(restrict(&app, "forged", true).await, 404);
    app.drain().await;
}

/// Case 52: what cannot be decided is not recorded, whoever claims it.
#[actix_web::test]
async fn consent_to_what_nothing_does_is_not_taken_and_objection_is() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    for (purpose, decision) in [
        ("training_share", "granted"),
        ("marketing_email", "granted"),
        ("legal_retention", "denied"),
    ] {
        visitor
            .say(&json!({"type": "consent", "id": uuid(), "policy_version": "2025-01-15", "decisions": {purpose: decision}}))
            .await;
        assert_eq!(visitor.until("error").await["code"], "bad_frame", "{purpose}");
    }
    visitor
        .say(&json!({"type": "consent", "id": uuid(), "policy_version": "2025-01-15", "decisions": {"security_fraud": "denied"}}))
        .await;
    visitor.until("event").await;
    let (_, body) = receipt(&app, &visitor.token).await;
    let purposes = body["purposes"].as_array().expect("purposes");
    let of = |name: &str| {
        purposes.iter().find(|of| of["purpose"] == name).expect("listed")["is_allowed"].clone()
    };
    assert_eq!((of("security_fraud"), of("ai_answer")), (json!(false), json!(true)));
    visitor.ask("objecting to one thing ends no other").await;
    visitor.answer().await;
    app.drain().await;
}
