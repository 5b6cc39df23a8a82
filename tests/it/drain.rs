//! Going away in order.

use crate::support::app::Plan;
use crate::support::provider::Behaviour;
use crate::support::visitor::upgrade;
use crate::support::{Scripted, TestApp, Visitor};

#[actix_web::test]
async fn a_drain_lets_an_answer_finish_and_closes_with_1012() {
    let provider = Scripted::held(Behaviour::Speak, &["一", "二"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到二").await;
    provider.release(1);
    visitor.until("delta").await;
    let readiness = app.url("/readyz");
    let talk = async {
        while reqwest::get(&readiness).await.is_ok_and(|response| response.status() == 200) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        visitor.ask("one more").await;
        assert_eq!(visitor.until("error").await["code"], "draining");
        provider.release(1);
        let done = visitor.until("done").await;
        assert_eq!(done["stop_reason"], "complete");
        visitor.closed().await
    };
    let ((), code) = futures_util::join!(app.drain(), talk);
    assert_eq!(code, 1012);
}

#[actix_web::test]
async fn idle_visitors_are_sent_away_at_once() {
    let app = TestApp::start().await;
    let mut opened = Visitor::open(&app).await;
    let mut agreed = Visitor::agreed(&app).await;
    app.drain().await;
    assert_eq!((opened.closed().await, agreed.closed().await), (1012, 1012));
}

/// An answer that never ends cannot hold the node; its question is on record and is answered by the next one.
#[actix_web::test]
async fn a_drain_ends_in_its_time_and_leaves_the_question_to_the_next_node() {
    let provider = Scripted::held(Behaviour::Speak, &["never"]);
    let settings = vec![("conversation.drain_seconds", 1.into())];
    let app = TestApp::build(Plan { settings, provider, ..Plan::default() }).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.until("ack").await;
    let next = app.beside();
    app.drain().await;
    let again = TestApp::build(next).await;
    visitor.address = again.address.to_string();
    visitor.come_back(2).await;
    let (text, done) = visitor.answer().await;
    assert_eq!((text.as_str(), done["seq"].as_i64()), ("Hello, 你好!", Some(3)));
    again.drain().await;
}

#[actix_web::test]
async fn an_empty_house_drains_and_a_draining_one_opens_no_socket() {
    let provider = Scripted::held(Behaviour::Speak, &["一"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("数到一").await;
    visitor.until("ack").await;
    let mut late = Visitor::stranger(&visitor.address);
    let ticket = late.session().await["ticket"].as_str().expect("a ticket").to_owned();
    let (address, origin) = (visitor.address.clone(), app.origin());
    let readiness = app.url("/readyz");
    let knock = async {
        while reqwest::get(&readiness).await.is_ok_and(|response| response.status() == 200) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(upgrade(&address, &ticket, &origin).await.is_err(), "let in while draining");
        provider.release(1);
        visitor.closed().await
    };
    let ((), code) = futures_util::join!(app.drain(), knock);
    assert_eq!(code, 1012);
    TestApp::start().await.drain().await;
}
