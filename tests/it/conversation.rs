//! One conversation from the first frame to the recorded answer.

use crate::support::{TestApp, Visitor};

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
