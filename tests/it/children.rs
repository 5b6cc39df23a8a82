//! A child's data: restricted at once, erased without waiting for the purge's hour, no way back in. Policy §10.

use serde_json::{Value, json};

use crate::support::visitor::{DEMO_WIDGET, session, uuid};
use crate::support::{Shop, TestApp, Visitor};

/// Everything that may say anything about a visitor.
const TABLES: [&str; 4] = ["turn", "conversation", "consent_act", "visitor"];

/// Waits until nothing is left; the purge is on its way and nobody else starts it.
async fn until_nothing_is_left(app: &TestApp) {
    for _ in 0..400 {
        let mut rows = 0;
        for table in TABLES {
            rows += app.count(table).await;
        }
        if rows == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("something of the child is still there");
}

#[actix_web::test]
async fn who_says_under_sixteen_after_having_talked_is_erased_at_once() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "under_16"})).await;
    assert_eq!(visitor.until("error").await["code"], "age_restricted");
    assert_eq!(visitor.closed().await, 4500);
    until_nothing_is_left(&app).await;
    let (status, body) =
        session(&app.address.to_string(), DEMO_WIDGET, Some(&visitor.token), &app.origin()).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("age_restricted")));
    app.drain().await;
}

#[actix_web::test]
async fn an_answer_about_age_is_corrected_downwards_only() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::open(&app).await;
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "16_17"})).await;
    visitor.until("ack").await;
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "18_plus"})).await;
    assert_eq!(visitor.until("error").await["code"], "age_answered");
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "under_16"})).await;
    assert_eq!(visitor.closed().await, 4500);
    until_nothing_is_left(&app).await;
    app.drain().await;
}

async fn report(app: &TestApp, key: &str, body: &Value) -> (u16, Value) {
    let response = reqwest::Client::new()
        .post(app.url("/v1/tenant/child-reports"))
        .header("authorization", format!("Bearer {key}"))
        .json(body)
        .send()
        .await
        .expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[actix_web::test]
async fn a_child_that_the_tenant_reports_is_gone_from_memory_and_from_the_database() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    let other = Shop::open(&app, "other").await;
    let mut visitor = shop.visitor().await;
    visitor.ask("你好").await;
    visitor.answer().await;
    let body = json!({"conversation_id": visitor.conversation});
    assert_eq!(report(&app, &other.key, &body).await.0, 404, "another tenant's conversation");
    assert_eq!(report(&app, &shop.key, &json!({})).await.0, 400);
    let (status, reported) = report(&app, &shop.key, &body).await;
    assert_eq!((status, &reported["conversations"]), (202, &json!(1)));
    assert_eq!(visitor.closed().await, 4511);
    until_nothing_is_left(&app).await;
    assert_eq!(report(&app, &shop.key, &body).await.0, 404, "nothing is kept");
    app.drain().await;
}

/// A crash between the mark and the pass loses nothing: the mark is what the pass looks for.
#[actix_web::test]
async fn a_mark_that_no_bell_announced_is_found_by_the_next_pass_and_nothing_is_added_meanwhile() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    let conversation = visitor.conversation.clone().expect("open").parse().expect("an identifier");
    let tenant = veetflow::services::demo::TENANT;
    let who = app.store().visitor_of(tenant, conversation).await.expect("read").expect("there");
    assert_eq!(app.store().mark_child(tenant, who, app.now()).await.expect("marked"), Some(1));
    let turns = app.count("turn").await;
    visitor.ask("one more").await;
    assert_eq!(visitor.closed().await, 4511);
    assert_eq!(app.count("turn").await, turns);
    assert_eq!(app.purge().await.conversations(), 1);
    until_nothing_is_left(&app).await;
    app.drain().await;
}
