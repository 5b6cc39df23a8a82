//! Versions: the newest answers, an earlier one can answer again, and other processes notice.

use crate::support::app::Plan;
use crate::support::shop::{MARKDOWN, house};
use crate::support::{Shop, TestApp};
use figment::value::Value;

fn price(euros: &str) -> String {
    format!("# Harps\n\nA harp lesson costs {euros} euros.")
}

const QUESTION: &str = "How much does a harp lesson cost?";

#[actix_web::test]
async fn a_new_version_replaces_the_old_one_and_a_rollback_brings_it_back() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    shop.add("slug=harp", MARKDOWN, price("forty")).await;
    shop.answers(QUESTION, "forty euros", "Harps").await;
    let second = shop.add("slug=harp&title=Prices", MARKDOWN, price("fifty")).await;
    assert_eq!((&second["version"], &second["is_current"]), (&2.into(), &true.into()));
    let (text, done) = shop.ask(QUESTION).await;
    assert!(text.contains("fifty") && !text.contains("forty"), "{text}");
    assert!(done["citations"].to_string().contains("Prices"));

    assert_eq!(shop.rollback("harp", 1).await.0, 200);
    shop.answers(QUESTION, "forty euros", "Harps").await;
    let (_, list) = shop.get("documents/harp/versions").await;
    let versions: Vec<_> = list["documents"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["version"].as_i64().expect("a number"), one["is_current"] == true))
        .collect();
    assert_eq!(versions, [(2, false), (1, true)]);
    assert_eq!(shop.rollback("harp", 3).await.0, 404);
    assert_eq!(shop.rollback("flute", 1).await.0, 404);
    let third = shop.add("slug=harp", MARKDOWN, price("sixty")).await;
    assert_eq!(third["version"], 3);
    shop.answers(QUESTION, "sixty euros", "Harps").await;
    assert_eq!(shop.slugs().await, ["harp"]);
    app.drain().await;
}

#[actix_web::test]
async fn old_versions_go_but_never_the_one_in_force() {
    let settings = vec![("knowledge.versions", Value::from(2))];
    let app = TestApp::build(Plan { has_model: false, settings, ..Plan::default() }).await;
    let shop = Shop::open(&app, "shop").await;
    for euros in ["one", "two", "three", "four"] {
        shop.add("slug=harp", MARKDOWN, price(euros)).await;
    }
    assert_eq!((app.count("document_version").await, app.count("document_chunk").await), (2, 2));
    assert_eq!(shop.rollback("harp", 2).await.0, 404, "gone");
    assert_eq!(shop.rollback("harp", 3).await.0, 200);
    shop.answers(QUESTION, "three euros", "Harps").await;
    app.drain().await;
}

#[actix_web::test]
async fn after_a_restart_the_documents_are_read_back_from_their_sealed_pieces() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    // Several pieces of 256 KiB, cut between Chinese letters.
    let long =
        format!("{}\n\n## 竖琴\n\n竖琴课每节四十欧元。\n", "风和日丽的一天。\n\n".repeat(24_000));
    let added = shop.add("slug=harp&title=课程", MARKDOWN, long).await;
    assert!(app.count("document_chunk").await >= 3, "{added}");
    let passages = app.services.shelving.library.passages(shop.tenant);
    let plan = app.crash().await;
    let again = TestApp::build(Plan { has_model: false, ..plan }).await;
    let shop = Shop { address: again.address.to_string(), ..shop };
    shop.answers("竖琴课多少钱？", "四十欧元", "课程 — 竖琴").await;
    assert_eq!(again.services.shelving.library.passages(shop.tenant), passages);
    again.drain().await;
}

/// A change through another process is noticed within seconds, whichever way it went.
#[actix_web::test]
async fn another_process_on_the_same_database_is_followed() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    shop.add("slug=harp", MARKDOWN, price("forty")).await;
    shop.add("slug=harp", MARKDOWN, price("fifty")).await;
    let beside = TestApp::build(Plan { has_model: false, ..app.beside() }).await;
    let there = Shop { address: beside.address.to_string(), ..Shop::open(&beside, "spare").await };
    let there =
        Shop { tenant: shop.tenant, widget: shop.widget.clone(), key: shop.key.clone(), ..there };
    there.answers(QUESTION, "fifty euros", "Harps").await;
    assert_eq!(there.rollback("harp", 1).await.0, 200);
    for _ in 0..300 {
        let (text, _) = shop.ask(QUESTION).await;
        if text.contains("forty") {
            beside.drain().await;
            app.drain().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the first house never noticed");
}
