//! A database that is there but cannot take anything more.

use crate::support::{TestApp, Visitor};

/// As a full disk answers: SQLSTATE 53100 for every write of a turn.
const DISK_IS_FULL: &str = "create function disk_is_full() returns trigger language plpgsql as \
    'begin raise exception ''no space left'' using errcode = ''53100''; end'; \
    create trigger disk_is_full before insert on turn for each row execute function disk_is_full()";

#[actix_web::test]
async fn a_full_disk_is_told_as_unavailable_loses_nothing_and_needs_no_restart() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    let operator = app.operator().await;
    operator.batch_execute(DISK_IS_FULL).await.expect("full");
    let id = visitor.ask("你好").await;
    let error = visitor.until("error").await;
    assert_eq!(
        (error["code"].as_str(), error["id"].as_str()),
        (Some("unavailable"), Some(id.as_str()))
    );
    assert_eq!(app.count("turn").await, 1);
    operator.batch_execute("drop trigger disk_is_full on turn").await.expect("space again");
    visitor.ask_as(&id, "你好").await;
    assert_eq!(visitor.until("ack").await["seq"], 2);
    visitor.answer().await;
    app.drain().await;
}

/// An answer that ends while nothing can be written is kept and written when it can be.
#[actix_web::test]
async fn an_answer_that_ends_while_the_disk_is_full_is_stored_once_there_is_space() {
    let provider =
        crate::support::Scripted::held(crate::support::provider::Behaviour::Speak, &["一", "二"]);
    let app = TestApp::with(provider.clone()).await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.until("ack").await;
    let operator = app.operator().await;
    operator.batch_execute(DISK_IS_FULL).await.expect("full");
    provider.release(2);
    visitor.until("delta").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(app.count("turn").await, 2);
    operator.batch_execute("drop trigger disk_is_full on turn").await.expect("space again");
    let (_, done) = {
        let mut rest = String::new();
        loop {
            let frame = visitor.next().await.expect("open");
            match frame["type"].as_str() {
                Some("delta") => rest.push_str(frame["text"].as_str().expect("text")),
                Some("done") => break (rest, frame),
                _ => {}
            }
        }
    };
    assert_eq!(done["stop_reason"], "complete");
    assert_eq!(app.count("turn").await, 3);
    app.drain().await;
}
