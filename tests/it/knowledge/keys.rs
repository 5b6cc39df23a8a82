//! API keys: who is let in, and that a tenant sees its own things only.

use figment::value::Value;
use jiff::SignedDuration;
use veetflow::domain::tenant::TenantState;
use veetflow::services::api_keys;

use crate::support::app::Plan;
use crate::support::shop::{MARKDOWN, house};
use crate::support::{Shop, TestApp};

async fn status(app: &TestApp, header: Option<&str>) -> u16 {
    let mut request = reqwest::Client::new().get(app.url("/v1/tenant/documents"));
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    let response = request.send().await.expect("an answer");
    assert!(
        response.status() == 200
            || response.headers()["content-type"] == "application/problem+json"
    );
    response.status().as_u16()
}

#[actix_web::test]
async fn a_missing_wrong_expired_or_revoked_key_opens_nothing() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    let right = format!("Bearer {}", shop.key);
    assert_eq!(status(&app, Some(&right)).await, 200);
    assert_eq!(status(&app, None).await, 401);
    let unknown = format!("Bearer vfk_{}", "0".repeat(64));
    for wrong in ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", &unknown, &right[..right.len() - 1]] {
        assert_eq!(status(&app, Some(wrong)).await, 401, "{wrong}");
    }
    let stored: Vec<u8> = app
        .operator()
        .await
        .query_one("select digest || convert_to(label, 'UTF8') from api_key", &[])
        .await
        .expect("one key")
        .get(0);
    assert!(!stored.windows(10).any(|part| shop.key.as_bytes().windows(10).any(|own| own == part)));

    let hour = Some(app.now() + SignedDuration::from_hours(1));
    let (_, brief) =
        api_keys::create(app.store(), &app.services.ids, shop.tenant, "brief", app.now(), hour)
            .await
            .expect("a key");
    let brief = format!("Bearer {}", brief.reveal());
    assert_eq!(status(&app, Some(&brief)).await, 200);
    app.jump(SignedDuration::from_hours(2));
    assert_eq!(status(&app, Some(&brief)).await, 401, "expired");

    app.store().set_tenant_state(shop.tenant, TenantState::Suspended).await.expect("set");
    assert_eq!(status(&app, Some(&right)).await, 403, "suspended");
    app.store().set_tenant_state(shop.tenant, TenantState::Active).await.expect("set");
    assert!(
        app.store().revoke_api_key(shop.tenant, shop.key_id, app.now()).await.expect("revoked")
    );
    assert_eq!(status(&app, Some(&right)).await, 401, "revoked");
    app.drain().await;
}

#[actix_web::test]
async fn a_tenant_neither_sees_nor_changes_nor_is_answered_from_anothers_documents() {
    let app = house().await;
    let (shop, other) = (Shop::open(&app, "shop").await, Shop::open(&app, "other").await);
    shop.add("slug=tuba", MARKDOWN, "# Tubas\n\nTubas are rented for ninety euros.").await;
    assert!(other.slugs().await.is_empty());
    assert_eq!(other.get("documents/tuba/versions").await.0, 404);
    assert_eq!(other.rollback("tuba", 1).await.0, 404);
    assert_eq!(other.remove("tuba").await, 404);
    other.abstains("How much are tubas rented for?").await;
    other.add("slug=tuba", MARKDOWN, "# Tubas\n\nTubas are rented for one euro.").await;
    shop.answers("How much are tubas rented for?", "ninety euros", "Tubas").await;
    other.answers("How much are tubas rented for?", "one euro", "Tubas").await;
    let (_, report) = other.get("questions").await;
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(1), "{report}");
    let (_, report) = shop.get("questions").await;
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(0), "{report}");
    app.drain().await;
}

#[actix_web::test]
async fn an_address_that_calls_too_often_is_told_to_wait() {
    let settings = vec![("http.api_per_minute", Value::from(20))];
    let app = TestApp::build(Plan { has_model: false, settings, ..Plan::default() }).await;
    let mut told = Vec::new();
    for _ in 0..12 {
        told.push(status(&app, None).await);
    }
    assert!(told.starts_with(&[401]) && told.contains(&429), "{told:?}");
    app.drain().await;
}
