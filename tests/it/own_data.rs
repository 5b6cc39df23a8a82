//! What visitors see and do about their own data in the widget: what is held, a copy of it, the way out, no storage.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::browser::Browser;

const ENTER: &str = "\u{e007}";

async fn agreed(app: &TestApp, browser: &Browser, question: &str) {
    browser.open(&app.url("/?lang=en")).await;
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(&format!("{question}{ENTER}")).await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
}

#[actix_web::test]
async fn a_visitor_sees_who_answered_and_what_was_decided_and_saves_a_copy_without_the_token() {
    let app = TestApp::start().await;
    let browser = Browser::start("en").await;
    let signal = json!({"source": "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"});
    browser.pretend("Page.addScriptToEvaluateOnNewDocument", signal).await;
    agreed(&app, &browser, "How are you?").await;
    browser.click("menu").await;
    browser.click("privacy").await;
    browser.until("seen('gpc').length === 1").await;
    browser.until("root.activeElement.id === 'privacy-title'").await;
    let shown = browser.value("seen('privacy-panel')[0].innerText").await.to_string();
    assert!(shown.contains("rct_") && shown.contains("Agreed to AI answers"), "{shown}");
    assert!(shown.contains("1\u{2069} answer") || shown.contains("1 answer"), "{shown}");
    browser
        .value(
            "(URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:none'; }, true)",
        )
        .await;
    browser.click("privacy-download").await;
    let copy = browser.module("return window.saved.text();").await;
    let copy: Value = serde_json::from_str(copy.as_str().expect("text")).expect("JSON");
    let texts: Vec<&Value> =
        copy["messages"].as_array().expect("messages").iter().map(|one| &one["text"]).collect();
    assert_eq!(texts, ["How are you?", "Hello, 你好!"]);
    assert_eq!(copy["decisions"][0]["ai_answer"], "granted", "{copy}");
    assert_eq!(copy["decisions"][0]["receipt"]["digest"].as_str().map(str::len), Some(64));
    assert!(!copy.to_string().contains("token"), "{copy}");
    // Withdrawing here is the same act as in the menu, and takes its own button away.
    browser.click("privacy-withdraw").await;
    browser.until("seen('privacy-panel')[0].innerText.includes('Withdrew consent')").await;
    browser.until("seen('privacy-withdraw').length === 0").await;
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_cookieless_chat_writes_nothing_and_forgetting_leaves_nothing() {
    let app = TestApp::start().await;
    let browser = Browser::start("en").await;
    let stored = "[localStorage.length, sessionStorage.length, document.cookie]";
    agreed(&app, &browser, "Hello").await;
    assert_eq!(browser.value("sessionStorage.length").await, 1);
    browser.click("menu").await;
    browser.click("privacy").await;
    browser.until("seen('privacy-panel')[0].innerText.includes('2 messages') || seen('privacy-panel')[0].innerText.includes('\u{2068}2\u{2069} messages')").await;
    browser.click("privacy-forget").await;
    browser.until("seen('message').length === 0 && seen('input').length === 1").await;
    assert_eq!(browser.value(stored).await, json!([0, 0, ""]));

    browser.open(&app.url("/?lang=en")).await;
    browser.until("seen('launcher').length === 1").await;
    browser.value("(veetflow('update', {cookieless: true}), true)").await;
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(&format!("Hello{ENTER}")).await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    assert_eq!(browser.value(stored).await, json!([0, 0, ""]));
    browser.quit().await;
    app.drain().await;
}
