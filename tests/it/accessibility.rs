//! The widget for everybody: by the rules of WCAG 2.2 AA, with a keyboard alone, with an input method, from right to
//! left, enlarged, and without motion. See `docs/ACCESSIBILITY.md`.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::{TestApp, shop};

const NONE: [&str; 0] = [];
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";
/// What a screen reader would call the part that has the focus.
const FOCUSED: &str = "(() => { const part = root.activeElement; return part.dataset.test ?? part.id ?? part.tagName; })()";

async fn chat(app: &TestApp, browser: &Browser, locale: &str) {
    browser.open(&app.url("/?lang=en")).await;
    browser.until("seen('launcher').length === 1").await;
    browser.value(&format!("(veetflow('setLocale', '{locale}'), true)")).await;
}

#[actix_web::test]
async fn no_state_of_the_widget_breaks_a_rule_of_wcag_in_either_scheme() {
    let app = shop::house().await;
    for (scheme, locale) in [("light", "en"), ("dark", "zh-Hans"), ("light", "ar")] {
        let browser = Browser::start("en").await;
        chat(&app, &browser, locale).await;
        browser.value(&format!("(veetflow('setColorScheme', '{scheme}'), true)")).await;
        let look = async |state: &str| {
            // Colours are judged when they have arrived.
            browser.until("root.getAnimations().every((one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity)").await;
            assert_eq!(browser.violations().await, NONE, "{scheme} {locale} {state}");
        };
        look("launcher").await;
        browser.click("launcher").await;
        browser.until("seen('status')[0].textContent === ''").await;
        look("opened").await;
        browser.type_text(&format!("How long do you keep my chats?{ENTER}")).await;
        browser.until("seen('consent-card').length === 1").await;
        look("consent").await;
        browser.click("agree").await;
        browser.until("root.querySelector('.card-error').textContent !== ''").await;
        look("consent without an age").await;
        browser.click("age-18_plus").await;
        browser.click("agree").await;
        browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
        look("answered").await;
        browser.click("menu").await;
        look("menu").await;
        browser.click("privacy").await;
        look("privacy").await;
        browser.quit().await;
    }
    app.drain().await;
}

#[actix_web::test]
async fn a_keyboard_alone_opens_asks_agrees_reads_and_leaves() {
    let app = shop::house().await;
    let browser = Browser::start("en").await;
    chat(&app, &browser, "en").await;
    browser.value("(root.querySelector('.launcher').focus(), true)").await;
    browser.type_text(ENTER).await;
    browser.until("root.activeElement === seen('input')[0]").await;
    browser.type_text(&format!("How long do you keep my chats?{ENTER}")).await;
    browser.until("root.activeElement?.id === 'consent-title'").await;
    // To the ages; the first is chosen by Space and the last by the arrow; then past the notice to the two answers.
    browser.type_text(&format!("{TAB} \u{e013}")).await;
    browser.until("root.activeElement.value === '18_plus' && root.activeElement.checked").await;
    browser.type_text(TAB).await;
    browser.until("root.activeElement.className === 'policy'").await;
    browser.type_text(TAB).await;
    assert_eq!(browser.value(FOCUSED).await, "decline");
    browser.type_text(&format!("{TAB}{ENTER}")).await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    // A screen reader hears the finished answer once, and not each word.
    browser
        .until("root.querySelector('.unseen[role=status]').textContent.includes('12 months')")
        .await;
    assert_eq!(browser.value("root.querySelector('.log').ariaLive").await, "off");
    browser.value("(root.querySelector('[data-test=menu]').focus(), true)").await;
    browser.type_text(ENTER).await;
    browser.until("seen('privacy').length === 1").await;
    browser.type_text(ESCAPE).await;
    browser
        .until("seen('privacy').length === 0 && root.activeElement.dataset.test === 'menu'")
        .await;
    browser.type_text(ESCAPE).await;
    browser.until("seen('panel').length === 0 && root.activeElement === seen('launcher')[0]").await;
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn enter_chooses_a_character_while_an_input_method_composes_and_sends_only_after_it() {
    let app = TestApp::start().await;
    let browser = Browser::start("zh-CN").await;
    chat(&app, &browser, "zh-Hans").await;
    browser.click("launcher").await;
    browser.until("root.activeElement === seen('input')[0]").await;
    let composing = json!({"text": "nihao", "selectionStart": 5, "selectionEnd": 5});
    browser.pretend("Input.imeSetComposition", composing).await;
    browser.until("seen('input')[0].value === 'nihao'").await;
    let enter = |code: u32| json!({"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code});
    browser.pretend("Input.dispatchKeyEvent", enter(229)).await;
    browser.pretend("Input.dispatchKeyEvent", enter(13)).await;
    browser.pretend("Input.insertText", json!({"text": "你好"})).await;
    browser.until("seen('input')[0].value === '你好'").await;
    assert_eq!(browser.value("seen('message').length").await, 0, "sent in the middle of a word");
    browser.type_text(ENTER).await;
    browser.until("words(messages('visitor')[0]) === '你好'").await;
    browser.quit().await;
    app.drain().await;
}

#[actix_web::test]
async fn enlarged_four_times_mirrored_in_forced_colours_and_without_motion_it_can_still_be_used() {
    let app = shop::house().await;
    let browser = Browser::start("en").await;
    // 1280 by 1024 at 400 %, WCAG 1.4.10.
    browser.screen(320, 256).await;
    chat(&app, &browser, "ar").await;
    let features = json!({"features": [
        {"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"},
    ]});
    browser.pretend("Emulation.setEmulatedMedia", features).await;
    browser.click("launcher").await;
    browser.until("seen('status')[0].textContent === ''").await;
    let fits = "root.querySelector('.panel').scrollWidth <= 320 && seen('input')[0].getBoundingClientRect().bottom <= 256";
    assert_eq!(browser.value(fits).await, true);
    assert_eq!(
        browser.value("getComputedStyle(root.querySelector('.panel')).animationName").await,
        "none"
    );
    assert_eq!(
        browser.value("getComputedStyle(root.querySelector('.panel')).direction").await,
        "rtl"
    );
    browser.type_text(&format!("How long?{ENTER}")).await;
    browser.until("seen('consent-card').length === 1").await;
    browser.value("(seen('agree')[0].scrollIntoView(), true)").await;
    let reached = "(() => { const box = all('agree')[0].getBoundingClientRect(); return box.top >= 0 && box.bottom <= 256 && box.left >= 0 && box.right <= 320; })()";
    browser.until(reached).await;
    // The window covers the page: the focus goes round within it.
    browser.value("(root.querySelector('[data-test=menu]').focus(), true)").await;
    browser.type_text("\u{e008}\u{e004}").await;
    browser.until("root.querySelector('.panel').contains(root.activeElement)").await;
    browser.quit().await;
    app.drain().await;
}
