//! Pictures of each main state, for people to look at: `make screenshots`.

use crate::support::browser::Browser;
use crate::support::shop;
use crate::support::visitor::DEMO_WIDGET;

async fn states(browser: &Browser, name: &str, question: &str) {
    let picture = async |state: &str| {
        let file = browser.picture(&format!("screen-{name}-{state}")).await;
        assert!(std::fs::metadata(file).expect("a picture").len() > 10_000, "{name} {state}");
    };
    browser.click("launcher").await;
    browser.until("seen('status')[0].textContent === ''").await;
    picture("1-opened").await;
    browser.type_text(question).await;
    browser.click("send").await;
    browser.until("seen('consent-card').length === 1").await;
    picture("2-consent").await;
    browser.click("age-18_plus").await;
    browser.click("agree").await;
    browser.until("messages('assistant')[0]?.dataset.state === 'done'").await;
    picture("3-answered").await;
    browser.click("menu").await;
    picture("4-menu").await;
    browser.click("privacy").await;
    browser.until("seen('privacy-panel').length === 1").await;
    picture("5-privacy").await;
}

#[actix_web::test]
async fn each_main_state_is_pictured_in_both_schemes_from_right_to_left_and_on_a_small_screen() {
    let app = shop::house().await;
    let plans = [
        ("light-en", "en", "light", "How long do you keep my chats?"),
        ("dark-zh", "zh-Hans", "dark", "我的聊天记录会保存多久？"),
        ("light-ar", "ar", "light", "How long do you keep my chats?"),
        ("phone-ja", "ja", "light", "How do I withdraw consent?"),
    ];
    for (name, locale, scheme, question) in plans {
        let browser = Browser::start("en").await;
        if name.starts_with("phone") {
            browser.screen(390, 844).await;
        }
        browser.open(&app.url("/?lang=en")).await;
        browser.until("seen('launcher').length === 1").await;
        let dress = format!(
            "(veetflow('setLocale', '{locale}'), veetflow('setColorScheme', '{scheme}'), true)"
        );
        browser.value(&dress).await;
        states(&browser, name, question).await;
        browser.quit().await;
    }
    let browser = Browser::start("zh-CN").await;
    browser.open(&app.url(&format!("/chat/{DEMO_WIDGET}?lang=zh-CN"))).await;
    browser.until("seen('input').length === 1 && seen('status')[0].textContent === ''").await;
    browser.picture("screen-hosted").await;
    browser.open(&app.url("/configure")).await;
    browser.until("document.querySelector('#pinned').textContent.includes('sha384-')").await;
    browser.until("seen('launcher').length === 1").await;
    browser.picture("screen-configure").await;
    browser.quit().await;
    app.drain().await;
}
