//! The widget as a visitor meets it: in a real browser, on the demo site.

use serde_json::json;

use crate::support::app::{CANARY, fresh_folder};
use crate::support::browser::Browser;
use crate::support::provider::Behaviour;
use crate::support::server::ServerProcess;
use crate::support::{Scripted, TestApp};

/// Where a page could leave something behind.
const LEFT_BEHIND: &str = "[localStorage.length, sessionStorage.length, document.cookie, navigator.serviceWorker?.controller ?? null]";
const FETCHED: &str =
    "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname).sort()";

/// Writes a question and agrees to what is asked before it leaves.
async fn ask_for_the_first_time(browser: &Browser, question: &str) {
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(question).await;
    browser.click("send").await;
    browser.until("seen('consent-card').length === 1").await;
    browser.until("messages('visitor')[0].dataset.state === 'pending'").await;
    let untouched =
        browser.value("seen('consent-card')[0].querySelectorAll('input:checked').length");
    assert_eq!(untouched.await, 0, "a choice was made for the visitor");
}

async fn agree(browser: &Browser) {
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    browser.until("seen('consent-card').length === 0").await;
    browser.until("messages('visitor')[0].dataset.state === 'sent'").await;
}

async fn withdraw(browser: &Browser) {
    browser.click("menu").await;
    browser.click("withdraw").await;
}

#[actix_web::test]
async fn before_a_click_the_page_is_loaded_and_nothing_else_happens() {
    let app = TestApp::start().await;
    let browser = Browser::start("zh-CN").await;
    browser.open(&app.url("/?lang=zh")).await;
    browser.until("seen('launcher').length === 1 && document.readyState === 'complete'").await;
    assert_eq!(browser.value(LEFT_BEHIND).await, json!([0, 0, "", null]));
    let page = ["/demo/demo.css", "/demo/demo.js", "/demo/favicon.svg", "/v1/widget.js"];
    let fetched = browser.value(&format!("[...new Set({FETCHED})]")).await;
    assert_eq!(fetched, json!(page));
    assert_eq!(browser.value("document.documentElement.lang").await, "zh-CN");
    browser.picture("demo-zh").await;

    // Opening the chat and looking around leaves nothing behind either: nothing was agreed to.
    browser.click("launcher").await;
    browser.until("seen('input').length === 1 && seen('status')[0].textContent === ''").await;
    browser.picture("opened-zh").await;
    assert_eq!(browser.value(LEFT_BEHIND).await, json!([0, 0, "", null]));
    for table in ["visitor", "conversation", "turn"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn a_visitor_asks_agrees_reloads_in_the_middle_stops_and_withdraws() {
    let parts = ["第一段，", "第二段，", "第三段，", "第四段。"];
    let provider = Scripted::held(Behaviour::Speak, &parts);
    let app = TestApp::with(provider.clone()).await;
    let browser = Browser::start("zh-CN").await;
    browser.open(&app.url("/?lang=zh")).await;
    let question = format!("退款要多久？{CANARY}");
    ask_for_the_first_time(&browser, &question).await;
    browser.picture("consent-zh").await;
    assert_eq!(app.count("turn").await, 0, "something was stored before consent");
    assert_eq!(browser.value(LEFT_BEHIND).await, json!([0, 0, "", null]));
    agree(&browser).await;

    provider.release(2);
    browser.until("words(messages('assistant')[0]).includes('第二段')").await;
    browser.until("seen('stop').length === 1").await;
    browser.picture("streaming-zh").await;
    browser.reload().await;
    browser.until("words(messages('assistant')[0]).includes('第二段')").await;
    browser.picture("reloaded-zh").await;
    provider.release(2);
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    let texts = "['visitor', 'assistant'].map((author) => messages(author).map(words))";
    assert_eq!(browser.value(texts).await, json!([[question], [parts.concat()]]));
    assert_eq!(provider.calls.load(std::sync::atomic::Ordering::SeqCst), 1, "asked again");

    // A second answer is stopped: what was shown stays.
    browser.click("input").await;
    browser.type_text("再说一遍\u{e007}").await;
    provider.release(1);
    browser.until("words(messages('assistant')[1]).includes('第一段')").await;
    browser.click("stop").await;
    browser.until("messages('assistant')[1].dataset.state === 'done'").await;
    assert_eq!(browser.value("words(messages('assistant')[1])").await, parts[0]);
    browser.picture("stopped-zh").await;

    // A third is under way when the visitor withdraws: it ends, and its words are gone.
    browser.click("input").await;
    browser.type_text("第三个问题\u{e007}").await;
    provider.release(1);
    browser.until("words(messages('assistant')[2]).includes('第一段')").await;
    withdraw(&browser).await;
    browser.until("root.querySelector('.log').innerText.includes('你已撤回同意')").await;
    browser.until("words(messages('assistant')[2]) === ''").await;
    browser.picture("withdrawn-zh").await;
    // The next message is asked about again and not sent.
    browser.click("input").await;
    browser.type_text("还在吗\u{e007}").await;
    browser.until("seen('consent-card').length === 1").await;
    browser.click("decline").await;
    browser.until("seen('input')[0].value === '还在吗'").await;
    browser.picture("declined-zh").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn the_built_in_knowledge_answers_in_english_and_its_sources_lead_to_their_place() {
    let server = ServerProcess::start(&fresh_folder().join("house"), &[]).await;
    let browser = Browser::start("en").await;
    let home = format!("http://{}/?lang=en", server.address);
    browser.open(&home).await;
    browser.picture("demo-en").await;
    ask_for_the_first_time(&browser, "How long do you keep my chats?").await;
    browser.picture("consent-en").await;
    agree(&browser).await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    let answer = browser.value("words(messages('assistant')[0])").await;
    assert!(answer.as_str().expect("text").contains("12 months"), "{answer}");
    browser.picture("answered-en").await;
    let source = browser.value("seen('citation')[0].href").await;
    let source = source.as_str().expect("an address").to_owned();
    assert!(source.contains("/pages/en/retention#"), "{source}");
    withdraw(&browser).await;
    browser.until("root.querySelector('.log').innerText.includes('You withdrew consent')").await;
    browser.picture("withdrawn-en").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    browser.open(&source).await;
    browser.until("document.querySelector('h2:target')?.innerText.includes('How long')").await;
    browser.picture("source-en").await;
    browser.quit().await;
}

#[actix_web::test]
async fn each_question_the_demo_offers_is_answered_from_the_page_that_knows() {
    let server = ServerProcess::start(&fresh_folder().join("house"), &[]).await;
    for (language, tag) in [("zh", "zh-CN"), ("en", "en")] {
        let browser = Browser::start(tag).await;
        browser.open(&format!("http://{}/?lang={language}", server.address)).await;
        browser.until("seen('launcher').length === 1").await;
        let pages = ["/retention#", "/privacy#", "/product#"];
        for (position, page) in pages.into_iter().enumerate() {
            let press = format!(
                "document.querySelectorAll(\".questions li[lang='{tag}'] button\")[{position}].click() ?? true"
            );
            assert_eq!(browser.value(&press).await, true);
            if position == 0 {
                agree(&browser).await;
            }
            let answer = format!("messages('assistant')[{position}]");
            browser.until(&format!("{answer}?.dataset.state === 'done'")).await;
            let sources = format!(
                "[...{answer}.querySelectorAll('[data-test=citation]')].map((link) => link.href)"
            );
            let first = browser.value(&format!("({sources})[0] ?? ''")).await;
            let said = browser.value(&format!("words({answer})")).await;
            println!("{language} {position}: {first} {said}");
            let wanted = format!("/pages/{language}{page}");
            assert!(first.as_str().is_some_and(|first| first.contains(&wanted)), "{first}: {said}");
        }
        browser.picture(&format!("questions-{language}")).await;
        browser.quit().await;
    }
}
