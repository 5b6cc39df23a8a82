//! One visitor in several tabs: one conversation, one socket, and another tab takes over when the one that held it closes.

use serde_json::json;

use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::provider::{Behaviour, Scripted};

const ENTER: &str = "\u{e007}";
const SESSIONS: &str = "performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/session')).length";
const TEXTS: &str = "[messages('visitor').map(words), messages('assistant').map(words)]";

async fn settled(browser: &Browser, answers: usize) {
    browser.until(&format!("messages('assistant').length === {answers}")).await;
    browser.until("messages('assistant').every((one) => one.dataset.state === 'done')").await;
}

#[actix_web::test]
async fn a_second_tab_shares_the_conversation_and_the_socket_and_goes_on_alone_when_the_first_closes()
 {
    let provider = Scripted::held(Behaviour::Speak, &["One ", "two."]);
    let app = TestApp::with(provider.clone()).await;
    let browser = Browser::start("en").await;
    browser.open(&app.url("/?lang=en")).await;
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(&format!("First{ENTER}")).await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    provider.release(1);
    browser.until("words(messages('assistant')[0]).includes('One')").await;

    // In the middle of the answer: the second tab shows what is there, and watches the rest come.
    let (second, first) = browser.another_tab().await;
    browser.open(&app.url("/?lang=en")).await;
    browser.click("launcher").await;
    browser.until("words(messages('assistant')[0]).includes('One')").await;
    provider.release(1);
    settled(&browser, 1).await;
    assert_eq!(browser.value(TEXTS).await, json!([["First"], ["One two."]]));
    assert_eq!(browser.value(SESSIONS).await, 0, "the second tab made a connection of its own");
    browser.click("input").await;
    browser.type_text(&format!("Second{ENTER}")).await;
    provider.release(2);
    settled(&browser, 2).await;

    browser.go_to_tab(&first).await;
    settled(&browser, 2).await;
    let both = json!([["First", "Second"], ["One two.", "One two."]]);
    assert_eq!(browser.value(TEXTS).await, both);
    assert_eq!(app.count("conversation").await, 1);
    browser.close_tab().await;

    browser.go_to_tab(&second).await;
    browser.until(&format!("{SESSIONS} === 1")).await;
    browser.until("seen('status')[0].textContent === ''").await;
    browser.click("input").await;
    browser.type_text(&format!("Third{ENTER}")).await;
    provider.release(2);
    settled(&browser, 3).await;
    assert_eq!(browser.value(TEXTS).await[0], json!(["First", "Second", "Third"]));
    assert_eq!(app.count("conversation").await, 1);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    app.drain().await;
}
