//! Budgets over real sockets: checked before a model is asked, told when they are met, and true after a crash.

use figment::value::Value;
use reqwest::Method;
use serde_json::json;
use veetflow::domain::answering::Grant;
use veetflow::domain::budget::{Cap, Caps, Money};

use super::settings;
use super::vendor::{Step, Vendor, streaming, text};
use super::wire::Kind;
use crate::support::TestApp;
use crate::support::app::Plan;
use crate::support::shop::Shop;
use crate::support::visitor::uuid;

/// What the vendor counts for each answer.
const TOKENS: u64 = 18;

fn house(vendor: &Vendor, more: Vec<(&'static str, Value)>) -> Plan {
    let mut settings = settings(Kind::Chat, &vendor.base_url, 5);
    settings.push(("providers.openai.max_tokens", 10.into()));
    settings.extend(more);
    Plan { has_model: false, settings, ..Plan::default() }
}

async fn vendor() -> Vendor {
    Vendor::start(vec![streaming(), text(Kind::Chat.answer(&["from ", "the model"]))]).await
}

async fn grant(app: &TestApp, shop: &Shop, caps: Caps) {
    let grant = Grant { operator_keys: true, caps };
    assert!(app.store().set_grant(shop.tenant, grant).await.expect("stored"));
    app.refresh_tenants().await;
}

const fn tokens(tokens: u64) -> Cap {
    Cap { money: None, tokens: Some(tokens) }
}

/// Asks in a chat of its own; whether a model answered.
async fn asks(shop: &Shop) -> bool {
    let mut visitor = shop.visitor().await;
    visitor.say(&json!({"type": "send", "id": uuid(), "text": "hello"})).await;
    answered(&mut visitor).await
}

/// Whether a model gave the answer; without one, the notice must have come before.
async fn answered(visitor: &mut crate::support::Visitor) -> bool {
    let mut notices = Vec::new();
    loop {
        let frame = visitor.next().await.expect("open");
        match frame["type"].as_str() {
            Some("error") => notices.push(frame["code"].clone()),
            Some("done") => {
                let by_model = frame["provider"] == "openai";
                assert_eq!(notices.is_empty(), by_model, "{notices:?} {frame}");
                assert!(notices.iter().all(|code| code == "budget_reached"), "{notices:?}");
                return by_model;
            }
            _ => {}
        }
    }
}

#[actix_web::test]
async fn a_tenants_day_ends_at_its_cap_and_neither_a_crash_nor_another_chat_begins_it_anew() {
    let vendor = vendor().await;
    let app = TestApp::build(house(&vendor, vec![])).await;
    let shop = Shop::open(&app, "shop").await;
    let cap = 400;
    grant(&app, &shop, Caps { day: tokens(cap), ..Caps::default() }).await;
    let mut answers = 0;
    while asks(&shop).await {
        answers += 1;
        assert!(answers * TOKENS <= cap, "the cap holds nothing");
    }
    assert!(answers > 1, "a cap with room was not used");
    assert_eq!(vendor.asked().len() as u64, answers, "nothing is asked beyond the cap");
    assert!(!asks(&shop).await);
    app.services.keep_books().await.expect("written");
    let (status, books) = shop.get("spending").await;
    assert_eq!(status, 200, "{books}");
    assert_eq!(books["total"]["requests"], answers);
    assert_eq!(books["total"]["input_tokens"], 11 * answers);
    assert_eq!(books["caps"]["day"]["tokens"], cap);
    let told = "select count(*) from audit_entry where action = 'budget.reached'";
    let told: i64 = app.operator().await.query_one(told, &[]).await.expect("read").get(0);
    assert_eq!(told, 1, "the tenant's record says it once");
    let plan = house(&vendor, vec![]);
    let again = Plan { has_model: false, settings: plan.settings, ..app.crash().await };
    let app = TestApp::build(again).await;
    let shop = Shop { address: app.address.to_string(), ..shop };
    app.refresh_tenants().await;
    assert!(!asks(&shop).await, "what was spent is known after a crash");
    assert_eq!(vendor.asked().len() as u64, answers);
    app.jump(jiff::SignedDuration::from_hours(24));
    assert!(asks(&shop).await, "the next day has a budget of its own");
    app.drain().await;
}

/// What a killed server had under way may be on the vendor's bill: it counts with the most that it can cost.
#[actix_web::test]
async fn what_was_under_way_when_a_server_was_killed_counts_as_spent() {
    let vendor = Vendor::start(vec![streaming(), text(Kind::Chat.start()), Step::Hold]).await;
    let app = TestApp::build(house(&vendor, vec![])).await;
    let shop = Shop::open(&app, "shop").await;
    grant(&app, &shop, Caps::default()).await;
    let mut visitor = shop.visitor().await;
    visitor.say(&json!({"type": "send", "id": uuid(), "text": "hello"})).await;
    vendor.until_asked(1).await;
    app.services.keep_books().await.expect("written");
    let plan = house(&vendor, vec![]);
    let again = Plan { has_model: false, settings: plan.settings, ..app.crash().await };
    let app = TestApp::build(again).await;
    let (day, month) = app.services.accounts.standing(shop.tenant);
    assert!(day.requests == 1 && day.tokens() > 10, "{day:?}");
    assert_eq!(day, month);
    app.drain().await;
}

#[actix_web::test]
async fn a_conversation_has_a_cap_of_its_own_and_money_is_counted_to_the_millionth() {
    let vendor = vendor().await;
    let prices = vec![
        ("providers.openai.price_input", 1.0.into()),
        ("providers.openai.price_output", 2.0.into()),
    ];
    let app = TestApp::build(house(&vendor, prices)).await;
    let shop = Shop::open(&app, "shop").await;
    // An answer costs 11 + 14 millionths; what is set aside for one is more, and grows with the conversation.
    let cap = Cap { money: Some(Money::from_micros(400)), tokens: None };
    grant(&app, &shop, Caps { conversation: cap, ..Caps::default() }).await;
    let mut visitor = shop.visitor().await;
    let mut answers = 0;
    loop {
        visitor.say(&json!({"type": "send", "id": uuid(), "text": "hello"})).await;
        if !answered(&mut visitor).await {
            break;
        }
        answers += 1;
        assert!(answers * 25 <= 400, "the cap holds nothing");
    }
    assert!(answers > 0, "a cap with room was not used");
    assert!(asks(&shop).await, "another conversation has another budget");
    app.services.keep_books().await.expect("written");
    let (_, books) = shop.get("spending").await;
    let money = Money::from_micros(25 * (answers + 1)).to_string();
    assert_eq!(books["total"]["money"], money, "{books}");
    app.drain().await;
}

#[actix_web::test]
async fn an_operators_key_serves_only_whom_it_was_granted_and_a_model_without_a_price_no_cap_in_money()
 {
    let vendor = vendor().await;
    let app = TestApp::build(house(&vendor, vec![])).await;
    let shop = Shop::open(&app, "shop").await;
    let by = |done: serde_json::Value| done["provider"].as_str().map(str::to_owned);
    assert_eq!(by(shop.ask("hello").await.1).as_deref(), Some("knowledge"));
    assert!(vendor.asked().is_empty(), "nothing leaves without a grant");
    grant(&app, &shop, Caps::default()).await;
    assert_eq!(by(shop.ask("hello").await.1).as_deref(), Some("openai"));
    let day = Cap { money: Some(Money::from_micros(1_000_000)), tokens: None };
    grant(&app, &shop, Caps { day, ..Caps::default() }).await;
    assert_eq!(by(shop.ask("hello").await.1).as_deref(), Some("knowledge"));
    assert_eq!(vendor.asked().len(), 1);
    app.drain().await;
}

#[actix_web::test]
async fn a_tenant_chooses_its_models_its_restarts_and_caps_of_its_own() {
    let (first, second) = (vendor().await, {
        let cut = Kind::Anthropic.start() + &Kind::Anthropic.words("half of it");
        Vendor::start(vec![streaming(), text(cut)]).await
    });
    let app = TestApp::build(house(&first, settings(Kind::Anthropic, &second.base_url, 5))).await;
    let shop = Shop::open(&app, "shop").await;
    grant(&app, &shop, Caps::default()).await;
    let choose = async |settings: serde_json::Value| {
        shop.call(Method::PUT, "answering", "application/json", settings.to_string()).await
    };
    for wrong in [
        json!({"chain": ["deepseek"]}),
        json!({"chain": ["openai", "openai"]}),
        json!({"caps": {"day": {"money": "-1"}}}),
        json!({"cap": {}}),
    ] {
        let (status, problem) = choose(wrong.clone()).await;
        assert_eq!(status, 400, "{wrong} {problem}");
    }
    let mut told = shop.visitor().await;
    let (status, _) = choose(json!({"chain": ["anthropic"], "restart": true})).await;
    assert_eq!(status, 200);
    let (_, rules) = shop.get("answering").await;
    assert_eq!(rules["models"], json!(["openai", "anthropic", "google"]));
    assert_eq!(rules["settings"]["chain"], json!(["anthropic"]));
    app.refresh_tenants().await;
    // Whoever was told that one vendor answers is not answered by another.
    told.say(&json!({"type": "send", "id": uuid(), "text": "hello"})).await;
    assert!(answered(&mut told).await);
    assert!(second.asked().is_empty());
    let mut visitor = shop.visitor().await;
    visitor.say(&json!({"type": "send", "id": uuid(), "text": "hello"})).await;
    for _ in 0..2 {
        let done = visitor.until("done").await;
        assert_eq!(
            (&done["stop_reason"], &done["provider"]),
            (&json!("interrupted"), &json!("anthropic"))
        );
    }
    assert_eq!(second.asked().len(), 2, "it is begun anew once");
    let (status, _) = choose(json!({"caps": {"month": {"tokens": 1}}})).await;
    assert_eq!(status, 200);
    app.refresh_tenants().await;
    assert!(!asks(&shop).await, "the tenant's own cap holds, too");
    app.drain().await;
}
