//! Going away in order.

use crate::support::provider::Behaviour;
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
