//! What a tenant chooses for a widget: seen by visitors, refused where it cannot be shown, and nobody else's to choose.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::visitor::{session, uuid};
use crate::support::{Shop, TestApp};

const JSON: &str = "application/json";

async fn dress(shop: &Shop, widget: &str, settings: &Value) -> (u16, Value) {
    let path = format!("widgets/{widget}/settings");
    let (status, said) = shop.call(Method::PUT, &path, JSON, settings.to_string()).await;
    (status.as_u16(), said)
}

#[actix_web::test]
async fn what_a_tenant_chooses_is_kept_listed_and_told_to_visitors_and_a_pause_lets_nobody_in() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "dressed").await;
    let chosen = json!({"color": "#b00020", "position": "left", "color_scheme": "dark", "greeting": "Grüezi!"});
    assert_eq!(dress(&shop, &shop.widget, &chosen).await, (200, chosen.clone()));
    let (_, listed) = shop.call(Method::GET, "widgets", JSON, "").await;
    assert_eq!(listed["widgets"][0]["settings"], chosen, "{listed}");
    app.refresh_tenants().await;
    let (status, told) = session(&shop.address, &shop.widget, None, &app.origin()).await;
    assert_eq!((status, &told["widget"]["settings"]), (200, &chosen));

    assert_eq!(dress(&shop, &shop.widget, &json!({"paused": true})).await.0, 200);
    app.refresh_tenants().await;
    let (status, told) = session(&shop.address, &shop.widget, None, &app.origin()).await;
    assert_eq!((status, &told["code"]), (403, &json!("widget_paused")), "{told}");
    assert_eq!(dress(&shop, &shop.widget, &json!({})).await, (200, json!({})));
    app.refresh_tenants().await;
    assert_eq!(session(&shop.address, &shop.widget, None, &app.origin()).await.0, 200);
    app.drain().await;
}

#[actix_web::test]
async fn settings_that_cannot_be_shown_and_widgets_of_others_are_refused() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "first").await;
    let other = Shop::open(&app, "second").await;
    for wrong in [
        json!({"color": "red"}),
        json!({"color": "#fff; background: url(//evil)"}),
        json!({"position": "middle"}),
        json!({"greeting": "x".repeat(301)}),
        json!({"greeting": "a\u{0}b"}),
        json!({"unknown": 1}),
        json!("text"),
    ] {
        assert_eq!(dress(&shop, &shop.widget, &wrong).await.0, 400, "{wrong}");
    }
    let nobody = format!("wgt_{}", uuid().replace('-', ""));
    for widget in [other.widget.as_str(), nobody.as_str(), "wgt_x"] {
        assert_eq!(dress(&shop, widget, &json!({"paused": true})).await.0, 404, "{widget}");
    }
    let stranger = Shop { key: "vfk_none".to_owned(), ..other };
    assert_eq!(dress(&stranger, &stranger.widget, &json!({})).await.0, 401);
    app.drain().await;
}

#[actix_web::test]
async fn the_configurator_saves_with_a_key_and_the_hosted_chat_then_looks_so() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "configured").await;
    let browser = Browser::start("en").await;
    browser.open(&app.url(&format!("/configure?widget={}", shop.widget))).await;
    browser.until("seen('launcher').length === 1").await;
    let fill = format!(
        "(() => {{ const form = document.querySelector('#choices').elements; form.color.value = '#b00020'; form.greeting.value = 'Grüezi!';
          form.color.dispatchEvent(new Event('input', {{bubbles: true}})); document.querySelector('#key').value = '{}'; document.querySelector('#save').click(); return true; }})()",
        shop.key
    );
    browser.value(&fill).await;
    browser.until("document.querySelector('#said').textContent === '好了 Done'").await;
    let code = browser.value("document.querySelector('#attributes').textContent").await;
    let code = code.as_str().expect("text").to_owned();
    assert!(code.contains(&shop.widget) && code.contains("data-color=\"#b00020\""), "{code}");
    assert!(!code.contains(&shop.key), "the key is in the code");
    app.refresh_tenants().await;
    browser.open(&app.url(&format!("/chat/{}", shop.widget))).await;
    browser.until("root.querySelector('.greeting').innerText.includes('Grüezi!')").await;
    browser.until("root.host.style.getPropertyValue('--vf-fill') === '#b00020'").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // Whoever comes to a paused widget is told so, in the server's own words.
    assert_eq!(dress(&shop, &shop.widget, &json!({"paused": true})).await.0, 200);
    app.refresh_tenants().await;
    browser.reload().await;
    browser.until("seen('status')[0].textContent === 'This chat is paused at the moment.'").await;
    browser.quit().await;
    app.drain().await;
}
