//! A tenant's own key for a provider: used for that tenant alone, sealed, destroyed, and never seen again.

use reqwest::Method;
use serde_json::{Value, json};

use super::settings;
use super::vendor::{Vendor, streaming, text};
use super::wire::Kind;
use crate::support::TestApp;
use crate::support::app::{CANARY, Plan};
use crate::support::shop::Shop;

/// As a provider would give it. No log line of any test may hold the canary.
fn secret(number: u8) -> String {
    format!("sk-{CANARY}-{number}")
}

async fn set(shop: &Shop, provider: &str, key: &str) -> u16 {
    let path = format!("providers/{provider}/key");
    let body = json!({"key": key}).to_string();
    shop.call(Method::PUT, &path, "application/json", body).await.0.as_u16()
}

async fn by(app: &TestApp, shop: &Shop) -> String {
    app.refresh_tenants().await;
    shop.ask("hello").await.1["provider"].as_str().unwrap_or_default().to_owned()
}

async fn listed(shop: &Shop) -> Vec<String> {
    let (_, list) = shop.get("providers").await;
    assert!(!list.to_string().contains(CANARY), "{list}");
    let all = list["providers"].as_array().expect("a list").clone();
    let has_key = |one: &&Value| one["own_key_set_at"].is_string();
    all.iter().filter(has_key).map(|one| one["name"].as_str().expect("text").to_owned()).collect()
}

#[actix_web::test]
async fn a_tenants_own_key_is_used_for_it_alone_sealed_and_gone_when_it_is_removed() {
    let vendor = Vendor::start(vec![streaming(), text(Kind::Chat.answer(&["yes"]))]).await;
    let settings = settings(Kind::Chat, &vendor.base_url, 5);
    let plan = || Plan { has_model: false, settings: settings.clone(), ..Plan::default() };
    let app = TestApp::build(plan()).await;
    let (shop, other) = (Shop::open(&app, "shop").await, Shop::open(&app, "other").await);
    for wrong in ["", "short", "with a space in it", "line\nbreaks", &"x".repeat(513)] {
        assert_eq!(set(&shop, "openai", wrong).await, 400, "{wrong}");
    }
    assert_eq!(set(&shop, "nobody", &secret(1)).await, 404);
    assert_eq!(set(&shop, "openai", &secret(1)).await, 204);
    assert_eq!(by(&app, &shop).await, "openai", "its own key needs no grant");
    assert_eq!(by(&app, &other).await, "knowledge");
    let head = |vendor: &Vendor| vendor.asked().last().expect("a request").head.clone();
    assert!(head(&vendor).contains(&secret(1)) && !head(&vendor).contains("key-of-the-test"));
    assert_eq!((listed(&shop).await, listed(&other).await), (vec!["openai".to_owned()], vec![]));
    assert_eq!(set(&shop, "openai", &secret(2)).await, 204);
    by(&app, &shop).await;
    assert!(head(&vendor).contains(&secret(2)), "the newest is used");
    let stored = "select count(*) from provider_key where position($1::bytea in sealed) > 0";
    let seen: i64 =
        app.operator().await.query_one(stored, &[&CANARY.as_bytes()]).await.expect("read").get(0);
    assert_eq!(seen, 0, "it stands in the table in clear");
    let again = Plan { has_model: false, settings: settings.clone(), ..app.crash().await };
    let app = TestApp::build(again).await;
    let shop = Shop { address: app.address.to_string(), ..shop };
    assert_eq!(by(&app, &shop).await, "openai", "it is there after a crash");
    let remove = async || {
        shop.call(Method::DELETE, "providers/openai/key", "text/plain", "").await.0.as_u16()
    };
    assert_eq!(remove().await, 204);
    assert_eq!(remove().await, 404);
    assert_eq!(by(&app, &shop).await, "knowledge");
    assert!(listed(&shop).await.is_empty());
    assert_eq!(app.count("provider_key").await, 0);
    app.drain().await;
}

/// A key for a vendor that the operator has not set up opens that vendor for the tenant, if its terms let it be used at all.
#[actix_web::test]
async fn a_key_opens_what_the_operator_left_closed_and_nothing_that_breaks_a_promise() {
    let app = TestApp::build(Plan { has_model: false, ..Plan::default() }).await;
    let shop = Shop::open(&app, "shop").await;
    let label = async || {
        app.refresh_tenants().await;
        let mut visitor = crate::support::Visitor::stranger(&shop.address);
        visitor.widget.clone_from(&shop.widget);
        visitor.connect().await;
        visitor.say(&json!({"type": "open"})).await;
        visitor.ready().await["ai"]["provider"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(set(&shop, "google", &secret(3)).await, 204);
    assert_eq!(label().await, "knowledge", "it trains on what it is sent");
    assert_eq!(set(&shop, "anthropic", &secret(4)).await, 204);
    assert_eq!(label().await, "anthropic");
    app.drain().await;
}
