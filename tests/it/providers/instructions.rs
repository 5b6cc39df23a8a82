//! What a tenant tells models of their part.

use reqwest::Method;
use serde_json::{Value, json};
use veetflow::domain::answering::Grant;

use super::settings;
use super::vendor::{Vendor, streaming, text};
use super::wire::Kind;
use crate::support::TestApp;
use crate::support::app::Plan;
use crate::support::shop::Shop;

async fn instruct(shop: &Shop, words: Value) -> (u16, Value) {
    let kind = "application/json";
    let (status, answer) = shop.call(Method::POST, "instructions", kind, words.to_string()).await;
    (status.as_u16(), answer)
}

#[actix_web::test]
async fn an_instruction_is_versioned_compared_taken_back_and_never_replaces_what_protects_visitors()
{
    let answer = Kind::Chat.answer(&["yes"]);
    let vendor = Vendor::start(vec![streaming(), text(answer)]).await;
    let settings = settings(Kind::Chat, &vendor.base_url, 5);
    let app = TestApp::build(Plan { has_model: false, settings, ..Plan::default() }).await;
    let shop = Shop::open(&app, "shop").await;
    let other = Shop::open(&app, "other").await;
    let grant = Grant { operator_keys: true, ..Grant::default() };
    for one in [&shop, &other] {
        assert!(app.store().set_grant(one.tenant, grant).await.expect("stored"));
    }
    let first = json!({"zh": "你是书店的店员。", "en": "You work in a bookshop.\nBe brief."});
    let second = json!({"zh": "你是书店的店员。", "en": "You work in a bookshop.\nBe kind."});
    assert_eq!(instruct(&shop, first.clone()).await, (201, json!({"version": 1})));
    assert_eq!(instruct(&shop, second).await, (201, json!({"version": 2})));
    assert_eq!(instruct(&other, first).await, (201, json!({"version": 1})));
    for (wrong, status) in [
        (json!({}), 400),
        (json!({"en": "a\u{7}b"}), 400),
        (json!({"en": "x".repeat(8_001)}), 413),
        (json!({"fr": "bonjour"}), 400),
    ] {
        assert_eq!(instruct(&shop, wrong).await.0, status);
    }
    let (_, list) = shop.get("instructions").await;
    let current: Vec<&Value> = list["instructions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["is_current"])
        .collect();
    assert_eq!(current, [false, true]);
    let difference = reqwest::Client::new()
        .get(format!("http://{}/v1/tenant/instructions/1/diff/2", shop.address))
        .bearer_auth(&shop.key)
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    assert!(difference.contains("-Be brief.") && difference.contains("+Be kind."), "{difference}");
    assert!(!difference.contains("店员"), "what did not change is not shown: {difference}");
    let asked = async |shop: &Shop| {
        app.refresh_tenants().await;
        shop.ask("hello").await;
        vendor.asked().last().expect("a request").body.clone()
    };
    let sent = asked(&shop).await;
    assert!(sent.contains("Be kind.") || sent.contains("店员"), "{sent}");
    assert!(sent.contains("card numbers") || sent.contains("银行卡号"), "{sent}");
    let choose = json!({"version": 1}).to_string();
    let (status, _) =
        shop.call(Method::PUT, "instructions/current", "application/json", choose).await;
    assert_eq!(status, 200);
    let (_, rules) = shop.get("answering").await;
    assert_eq!(rules["instruction"], 1);
    let (status, _) = other
        .call(
            Method::PUT,
            "instructions/current",
            "application/json",
            json!({"version": 2}).to_string(),
        )
        .await;
    assert_eq!(status, 404, "nobody takes another's version");
    assert_eq!(shop.get("instructions/3").await.0, 404);
    assert_eq!(shop.get("instructions/0").await.0, 200);
    app.drain().await;
}
