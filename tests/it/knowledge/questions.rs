//! The report of questions that got no answer: it holds no copy, so it forgets when the conversation does.

use veetflow::domain::tenant::Period;

use crate::support::Shop;
use crate::support::shop::{MARKDOWN, house};

#[actix_web::test]
async fn an_unanswered_question_is_reported_and_vanishes_with_its_conversation() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    app.store().set_retention(shop.tenant, Period::Days(30)).await.expect("set");
    app.refresh_tenants().await;
    shop.add("slug=harp", MARKDOWN, "# Harps\n\nA harp lesson costs forty euros.").await;
    shop.answers("How much does a harp lesson cost?", "forty", "Harps").await;
    shop.abstains("你们周日营业吗？").await;
    shop.abstains("Can dogs visit the workshop?").await;
    shop.abstains("can dogs visit  the workshop?").await;
    let (status, report) = shop.get("questions").await;
    assert_eq!(status, 200);
    let told: Vec<_> = report["questions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["text"].as_str().expect("text"), one["count"].as_i64().expect("a number")))
        .collect();
    assert_eq!(told, [("can dogs visit  the workshop?", 2), ("你们周日营业吗？", 1)]);
    for wrong in ["questions?days=0", "questions?days=x", "questions?days=9999"] {
        assert_eq!(shop.get(wrong).await.0, 400, "{wrong}");
    }
    // Stored once, in the turn, and nowhere in clear.
    let clear: i64 = app
        .operator()
        .await
        .query_one("select count(*) from turn where position('dogs'::bytea in content) > 0", &[])
        .await
        .expect("counted")
        .get(0);
    assert_eq!(clear, 0);

    // Past its time it is hidden before any purge ran, and gone after one.
    app.jump(jiff::SignedDuration::from_hours(24 * 31));
    let (_, report) = shop.get("questions?days=60").await;
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(0), "{report}");
    app.jump(-jiff::SignedDuration::from_hours(24 * 31));
    assert_eq!(app.travel(31).await, 4);
    assert_eq!(app.count("turn").await, 0);
    let (_, report) = shop.get("questions?days=2556").await;
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(0), "{report}");
    shop.answers("How much does a harp lesson cost?", "forty", "Harps").await;
    app.drain().await;
}

#[actix_web::test]
async fn where_the_documents_are_silent_the_tenants_own_contact_is_named() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    let (text, _) = shop.ask("Can dogs visit the workshop?").await;
    assert!(text.contains("contact details on this website"), "{text}");
    app.store().set_contact(shop.tenant, Some("help@shop.example")).await.expect("set");
    app.services.catch_up().await.expect("noticed");
    for question in ["Can dogs visit the workshop?", "你们周日营业吗？"] {
        let (text, done) = shop.ask(question).await;
        assert!(text.contains("help@shop.example") && !text.contains("veetflow"), "{text}");
        assert_eq!(done["stop_reason"], "abstained");
    }
    app.store().set_contact(shop.tenant, None).await.expect("set");
    app.services.catch_up().await.expect("noticed");
    let (text, _) = shop.ask("你们周日营业吗？").await;
    assert!(!text.contains('@'), "{text}");
    let demo = Shop { widget: crate::support::visitor::DEMO_WIDGET.to_owned(), ..shop };
    let (text, _) = demo.ask("Who won the World Cup in 2018?").await;
    assert!(text.contains("privacy@veetflow.com"), "{text}");
    app.drain().await;
}
