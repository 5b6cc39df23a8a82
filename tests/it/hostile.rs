//! What reaches the widget from elsewhere and is not what it should be: frames, Markdown, letters that mislead, histories
//! without end, and a link that goes away.

use serde_json::json;

use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::provider::{Behaviour, Scripted};

const ENTER: &str = "\u{e007}";

async fn agreed(app: &TestApp, browser: &Browser, question: &str) {
    browser.open(&app.url("/?lang=en")).await;
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(&format!("{question}{ENTER}")).await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
}

#[actix_web::test]
async fn what_is_no_frame_is_dropped_and_what_is_one_is_taken() {
    let app = TestApp::start().await;
    let browser = Browser::start("en").await;
    browser.open(&app.url("/")).await;
    let bad = json!([
        "",
        "null",
        "[]",
        "7",
        "\"text\"",
        "{",
        "<html>portal</html>",
        r#"{"type":"constructor"}"#,
        r#"{"type":"__proto__"}"#,
        r#"{"type":"delta","message_id":"m","index":-1,"text":"x"}"#,
        r#"{"type":"delta","message_id":"m","index":0,"text":{}}"#,
        r#"{"type":"event","seq":"1","kind":"message"}"#,
        r#"{"type":"event","seq":1,"kind":"message","author":"visitor","id":"a"}"#,
        r#"{"type":"ready","conversation_id":"c","head_seq":0}"#,
        r#"{"type":"ready","conversation_id":"c","head_seq":0,"you":{"consent":{"granted":"all"}}}"#,
        r#"{"type":"done","message_id":"m","seq":1,"citations":[null]}"#,
        r#"{"type":"purge"}"#,
        r#"{"type":"error"}"#,
    ]);
    let good = json!([
        r#"{"type":"delta","message_id":"m","index":0,"text":"x"}"#,
        r#"{"type":"event","seq":1,"kind":"of the future"}"#,
        r#"{"type":"typing","who":"assistant","on":true}"#,
        r#"{"type":"purge","all":true}"#,
    ]);
    let read = |list| {
        format!(
            "const {{readFrame}} = await import('/widget/frames.js'); return {list}.map((text) => readFrame(text) !== null);"
        )
    };
    let taken = browser.module(&read(bad)).await;
    assert!(taken.as_array().expect("a list").iter().all(|one| one == false), "{taken}");
    let taken = browser.module(&read(good)).await;
    assert!(taken.as_array().expect("a list").iter().all(|one| one == true), "{taken}");
    browser.quit().await;
    app.drain().await;
}

/// A script that does not come to its end is ended by the driver, and fails.
#[actix_web::test]
async fn an_answer_full_of_traps_is_shown_as_words_and_safe_links_and_the_page_goes_on() {
    let app = TestApp::start().await;
    let browser = Browser::start("en").await;
    browser.open(&app.url("/")).await;
    let script = r"
        const {markdown, settled} = await import('/widget/markdown.js');
        const shown = (text) => { const box = document.createElement('div'); box.append(...markdown(text, 'https://chat.example/')); return box; };
        const traps = '<img src=x onerror=alert(1)> ![pixel](https://spy.example/p.png) [a](javascript:alert(1)) [b](data:text/html,x) [c](//evil.example/) \u202egpj.exe\u202d <script>alert(1)</script>';
        const box = shown(traps);
        const seen = new Set([...box.querySelectorAll('*')].map((node) => node.localName));
        const links = [...box.querySelectorAll('a')].map((link) => [link.protocol, link.rel]);
        const bombs = ['[', '**', '`', '](', '* ', '#', '1. ', '> ', '\n', '```\n', 'https://', '[a](', '**a'].map((piece) => piece.repeat(1_000_000 / piece.length));
        for (const bomb of bombs) { settled(bomb); shown(bomb.slice(0, 262_144)); }
        return {elements: [...seen].sort(), links, text: box.textContent.includes('\u202e')};
    ";
    let found = browser.module(script).await;
    assert_eq!(found["elements"], json!(["a", "p", "span"]), "{found}");
    let safe = json!(["https:", "noopener noreferrer"]);
    assert_eq!(found["links"], json!([safe, safe]), "{found}");
    assert_eq!(found["text"], false, "letters still run backwards");
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn ten_thousand_messages_are_held_and_a_part_of_them_is_drawn() {
    let app = TestApp::start().await;
    let browser = Browser::start("en").await;
    browser.open(&app.url("/")).await;
    let script = r"
        const {emptyConversation, reduce} = await import('/widget/conversation.js');
        const {MessageList} = await import('/widget/messages.js');
        let held = {...emptyConversation(), items: Array.from({length: 10_000}, (_, at) => ({kind: 'message', author: 'visitor', id: String(at), seq: at + 1, state: 'sent', text: 'word '.repeat(20)})), lastSeq: 10_000, headSeq: 10_000};
        const list = new MessageList({t: (name) => name, base: location.origin, onNewAnswer() {}, onMore() {}});
        list.render(held.items, '', false);
        const drawn = list.node.children.length;
        held = reduce(held, {type: 'event', seq: 10_001, kind: 'message', author: 'visitor', id: 'new', text: 'x'});
        list.more.click();
        list.render(held.items, '', false);
        return [held.items.length, drawn, list.node.children.length, list.node.lastChild.textContent.includes('x'), list.more.hidden];
    ";
    assert_eq!(browser.module(script).await, json!([10_001, 150, 300, true, false]));
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn what_is_written_without_a_connection_is_sent_once_when_it_is_back() {
    let provider = Scripted::new(Behaviour::Speak, &["Yes."]);
    let app = TestApp::with(provider).await;
    let browser = Browser::start("en").await;
    agreed(&app, &browser, "First").await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    let network = |is_away: bool| json!({"offline": is_away, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.pretend("Network.enable", json!({})).await;
    browser.pretend("Network.emulateNetworkConditions", network(true)).await;
    browser.until("seen('status')[0].dataset.tone === 'alert'").await;
    browser.click("input").await;
    browser.type_text(&format!("Second{ENTER}Third{ENTER}")).await;
    browser.until("messages('visitor').length === 3 && messages('visitor')[2].dataset.state === 'pending'").await;
    browser.pretend("Network.emulateNetworkConditions", network(false)).await;
    browser.until("messages('visitor').every((one) => one.dataset.state === 'sent')").await;
    browser.until("messages('assistant').length === 3 || messages('assistant').length === 2").await;
    browser.until("messages('assistant').every((one) => one.dataset.state === 'done')").await;
    let said = browser.value("messages('visitor').map(words)").await;
    assert_eq!(said, json!(["First", "Second", "Third"]));
    browser.quit().await;
    app.drain().await;
}
