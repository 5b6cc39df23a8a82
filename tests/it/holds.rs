//! Legal holds: what is held is not destroyed, by whatever path and however many are placed while the purge runs.
//! Policy §6.2; invariant I5; cases 38, 39 and 41.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;
use veetflow::domain::hold::{Coverage, HoldScope, Matter, Operator};
use veetflow::domain::tenant::Period;
use veetflow::id::{ConversationId, HoldId, Id, TenantId};
use veetflow::purge::{self, Pass, Step, Surroundings};
use veetflow::services::demo;
use veetflow::vault::Scope;

use crate::support::app::Plan;
use crate::support::visitor::uuid;
use crate::support::{TestApp, Visitor};

async fn placed(app: &TestApp, scope: HoldScope) -> (HoldId, Coverage) {
    let id: HoldId = app.services.ids.next();
    let (matter, first) = (Matter::parse("2026/17"), Operator::parse("first"));
    let (matter, first) = (matter.expect("a reference"), first.expect("a name"));
    let coverage =
        app.store().place_hold(demo::TENANT, id, scope, &matter, &first, app.now()).await;
    (id, coverage.expect("placed"))
}

/// A hold of the demo tenant, placed by `first`.
pub async fn place(app: &TestApp, scope: HoldScope) -> HoldId {
    placed(app, scope).await.0
}

#[actix_web::test]
async fn a_hold_binds_from_its_placing_lapses_without_a_second_person_and_is_on_record() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    drop(visitor);
    app.travel(29).await;
    let hold = place(&app, HoldScope::Tenant).await;
    let first = Operator::parse(" FIRST").expect("a name");
    let approved = app.store().approve_hold(demo::TENANT, hold, &first, app.now()).await;
    assert!(!approved.expect("asked"), "one person is not two");
    assert_eq!(app.travel(6).await, 0, "it binds before it is approved");
    assert_eq!(app.travel(2).await, 1, "and lapses when nobody approves it");
    let late = Operator::parse("second").expect("a name");
    let approved = app.store().approve_hold(demo::TENANT, hold, &late, app.now()).await;
    assert!(!approved.expect("asked"), "a lapsed hold cannot be approved");
    let released = app.store().release_hold(demo::TENANT, hold, &late, "lapsed", app.now()).await;
    assert!(released.expect("released"));
    let sql = "select string_agg(what || ' ' || who, ', ' order by what) from legal_hold_event";
    let history: String = app.operator().await.query_one(sql, &[]).await.expect("read").get(0);
    assert_eq!(history, "1 first, 3 second");
    app.drain().await;
}

/// Not only the end of a period: a child's erasure waits as well, and what waits is hidden.
#[actix_web::test]
async fn a_held_visitor_outlives_the_erasure_of_a_child_and_goes_after_the_release() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    let conversation = visitor.conversation.clone().expect("open").parse().expect("an identifier");
    let who = app.store().visitor_of(demo::TENANT, conversation).await.expect("read");
    let (hold, coverage) = placed(&app, HoldScope::Visitor(who.expect("there"))).await;
    assert_eq!(coverage, Coverage { saved: 1, beyond_saving: 0 });
    visitor.say(&json!({"type": "age", "id": uuid(), "bracket": "under_16"})).await;
    assert_eq!(visitor.closed().await, 4500);
    assert_eq!(app.purge().await.conversations(), 0);
    let hidden = "select hidden from conversation";
    assert!(app.operator().await.query_one(hidden, &[]).await.expect("there").get::<_, bool>(0));
    for table in ["turn", "consent_act", "visitor"] {
        assert!(app.count(table).await > 0, "{table} was not kept");
    }
    let second = Operator::parse("second").expect("a name");
    let released =
        app.store().release_hold(demo::TENANT, hold, &second, "settled", app.now()).await;
    assert!(released.expect("released"));
    assert_eq!(app.purge().await.conversations(), 1);
    for table in ["turn", "consent_act", "visitor"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    app.drain().await;
}

#[derive(Debug)]
struct Alone;

impl Surroundings for Alone {
    fn forget(&self, _: TenantId, _: ConversationId) {}

    fn may_go_on(&self, _: Step) -> bool {
        true
    }
}

/// Conversations whose time is over, straight into the table.
async fn seed(app: &TestApp, count: i32) -> Vec<ConversationId> {
    let rows = app
        .operator()
        .await
        .query(
            "insert into conversation (tenant_id, conversation_id, visitor_id, widget_id, node_id, epoch, started_at, \
             retention_class, anchor_at, anchor_day) \
             select $1, gen_random_uuid(), gen_random_uuid(), $2, $2, 1, at, 'conversation', at, at::date \
             from generate_series(1, $3), (select $4::timestamptz as at) as instant returning conversation_id",
            &[
                demo::TENANT.as_uuid(),
                demo::WIDGET.as_uuid(),
                &count,
                &(app.now() - SignedDuration::from_hours(24 * 60)),
            ],
        )
        .await
        .expect("seeded");
    rows.iter().map(|row| Id::from_uuid(row.get::<_, Uuid>(0))).collect()
}

/// Places a hold on every second conversation, newest first, while two workers erase what they can.
async fn storm(conversations: i32) {
    let settings = vec![("purge.batch", 5.into())];
    let app = TestApp::build(Plan { settings, ..Plan::default() }).await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let seeded = seed(&app, conversations).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let workers = [(); 2].map(|()| {
        let (services, is_over) = (app.services.clone(), is_over.clone());
        actix_web::rt::spawn(async move {
            let pass = Pass { surroundings: Arc::new(Alone), clock_is_vouched_for: false };
            while !is_over.load(Ordering::SeqCst) {
                purge::run(&services, &pass).await.expect("a pass ends");
            }
        })
    });
    let (mut saved, mut beyond) = (Vec::new(), 0);
    for conversation in seeded.iter().rev().step_by(2) {
        let (_, coverage) = placed(&app, HoldScope::Conversation(*conversation)).await;
        match coverage {
            Coverage { saved: 1, .. } => saved.push(*conversation),
            Coverage { .. } => beyond += 1,
        }
    }
    is_over.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.expect("no worker panicked");
    }
    app.purge().await;
    println!("{} saved, {beyond} came too late and were told so", saved.len());
    let left = app.operator().await;
    let left =
        left.query("select conversation_id, hidden from conversation", &[]).await.expect("read");
    let left: Vec<(ConversationId, bool)> =
        left.iter().map(|row| (Id::from_uuid(row.get::<_, Uuid>(0)), row.get(1))).collect();
    for conversation in &saved {
        assert!(left.contains(&(*conversation, false)), "a hold was lost");
        let scope = Scope { tenant: demo::TENANT, conversation: *conversation };
        assert!(app.services.vault.mint(scope).is_ok(), "the key of what is held was destroyed");
    }
    assert_eq!(left.len(), saved.len(), "what nobody holds is gone");
    assert!(!saved.is_empty(), "the purge was faster than every hold: nothing was tested");
    app.drain().await;
}

#[actix_web::test]
async fn no_hold_is_lost_while_two_workers_purge() {
    storm(300).await;
}

#[actix_web::test]
#[ignore = "takes minutes; `make test-long`"]
async fn no_hold_of_thousands_is_lost_while_two_workers_purge() {
    storm(20_000).await;
}
