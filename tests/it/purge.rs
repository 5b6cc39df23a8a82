//! The purge: nothing outlives its time, nothing goes before it, and a pass can be killed anywhere. Policy §6.

use std::process::Command;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use veetflow::domain::certificate::Certificate;
use veetflow::domain::hold::{HoldScope, Operator};
use veetflow::domain::tenant::Period;
use veetflow::id::{ConversationId, TenantId};
use veetflow::purge::clock_guard::Decline;
use veetflow::purge::{self, Pass, PurgeError, Step, Surroundings};
use veetflow::services::certificates::read;
use veetflow::services::demo;
use veetflow::services::note::Verifier;
use veetflow::vault::{Scope, VaultError};

use crate::support::{TestApp, Visitor};

/// A finished conversation: agreed, asked, answered, gone.
async fn talk(app: &TestApp) -> ConversationId {
    let mut visitor = Visitor::agreed(app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.conversation.expect("open").parse().expect("an identifier")
}

fn scope(conversation: ConversationId) -> Scope {
    Scope { tenant: demo::TENANT, conversation }
}

/// §6.1: by default a conversation is kept twelve calendar months after its last turn.
#[actix_web::test]
async fn a_conversation_is_there_until_its_last_day_and_gone_after_it() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    app.refresh_tenants().await;
    let conversation = talk(&app).await;
    assert_eq!(app.travel(29).await, 0);
    assert_eq!(app.count("turn").await, 3);
    assert!(app.services.vault.key(scope(conversation)).is_ok());
    assert_eq!(app.travel(2).await, 1);
    for table in ["turn", "conversation", "visitor"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert!(matches!(app.services.vault.key(scope(conversation)), Err(VaultError::Revoked)));
    assert!(
        matches!(app.services.vault.mint(scope(conversation)), Err(VaultError::Revoked)),
        "a late writer"
    );
    let run = app
        .operator()
        .await
        .query_one(
            "select conversations, turns, residue from purge_run where conversations > 0",
            &[],
        )
        .await;
    let run = run.expect("one recorded pass");
    assert_eq!((run.get::<_, i64>(0), run.get::<_, i64>(1), run.get::<_, i64>(2)), (1, 3, 0));
    assert!(app.count("consent_act").await > 0, "the act of consent is kept as evidence");
    app.drain().await;
}

/// §6.1, hide at the cutoff: past its time nobody sees it, whether the purge came by or not.
#[actix_web::test]
async fn past_its_time_a_conversation_is_hidden_before_any_purge_ran() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    app.refresh_tenants().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    let (conversation, identity) = (visitor.conversation.clone(), visitor.token.clone());
    drop(visitor);
    while !app.app().hub.is_empty() {
        app.app().hub.tell_all(veetflow::conversation::actor::Command::Drain);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    app.jump(SignedDuration::from_hours(24 * 30));
    // The token has expired with the week; the visitor is the one of the token all the same.
    let known = app.services.door.visitor(&identity, demo::WIDGET, app.now());
    assert_eq!(known, None);
    app.jump(-SignedDuration::from_hours(24 * 30));
    let mut again = Visitor::arrive(&app).await;
    again.token = identity;
    again.connect().await;
    app.jump(SignedDuration::from_hours(24 * 30));
    again
        .say(&serde_json::json!({"type": "open", "conversation_id": conversation, "last_seq": 0}))
        .await;
    assert_eq!(again.until("error").await["code"], "not_found");
    assert_eq!(app.count("turn").await, 3, "nothing was purged yet");
    app.drain().await;
}

#[actix_web::test]
async fn a_new_setting_acts_on_old_conversations_without_touching_them() {
    let app = TestApp::start().await;
    talk(&app).await;
    assert_eq!(app.travel(40).await, 0);
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    assert_eq!(app.purge().await.conversations(), 1);
    app.drain().await;
}

/// Invariant I8: a clock that jumps destroys nothing.
#[actix_web::test]
async fn a_clock_that_jumps_ten_years_ahead_destroys_nothing() {
    let app = TestApp::start().await;
    talk(&app).await;
    assert_eq!(app.purge().await.declined, None);
    app.jump(SignedDuration::from_hours(24 * 3653));
    let report = app.purge().await;
    assert_eq!((report.declined, report.conversations()), (Some(Decline::SteppedAhead), 0));
    assert_eq!(app.count("turn").await, 3);
    let vouched = app.purge_with(true).await.expect("the pass ends");
    assert_eq!(vouched.conversations(), 1);
    app.jump(-SignedDuration::from_hours(24 * 10));
    assert_eq!(app.purge().await.declined, Some(Decline::WentBack));
    app.drain().await;
}

#[actix_web::test]
async fn a_dry_run_says_what_would_go_and_changes_nothing() {
    let app = TestApp::start().await;
    talk(&app).await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    app.jump(SignedDuration::from_hours(24 * 31));
    let plan = purge::plan(&app.services).await.expect("planned");
    assert_eq!((plan.due(), plan.conversations()), (1, 0));
    assert_eq!(plan.tenants[0].due.turns, 3);
    assert_eq!(app.count("turn").await, 3);
    app.drain().await;
}

#[derive(Debug)]
struct StopsAt {
    step: Option<Step>,
    passed: Mutex<Vec<Step>>,
}

impl Surroundings for StopsAt {
    fn forget(&self, _: TenantId, _: ConversationId) {}

    fn may_go_on(&self, step: Step) -> bool {
        self.passed.lock().expect("not poisoned").push(step);
        self.step != Some(step)
    }
}

/// Invariant I11: stopped between any two steps, the next pass ends in the same place, once.
#[actix_web::test]
async fn a_pass_stopped_between_any_two_steps_is_finished_by_the_next() {
    for step in Step::ALL {
        let app = TestApp::start().await;
        app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
        let old = talk(&app).await;
        let report = app.purge().await;
        assert_eq!(report.declined, None);
        app.travel(20).await;
        let young = talk(&app).await;
        app.clock.travel(SignedDuration::from_hours(24 * 10));
        app.services.vault.record_clock_reading(app.now()).expect("vouched");
        let pass = |step| Pass {
            surroundings: Arc::new(StopsAt { step, passed: Mutex::default() }),
            clock_is_vouched_for: false,
        };
        let stopped = purge::run(&app.services, &pass(Some(step))).await;
        assert!(matches!(stopped, Err(PurgeError::Stopped(at)) if at == step), "{stopped:?}");
        // What a crash leaves: a claim that ends by itself.
        app.clock.travel(SignedDuration::from_secs(61));
        purge::run(&app.services, &pass(None)).await.expect("finished");
        assert_eq!(
            (app.count("turn").await, app.count("conversation").await),
            (3, 1),
            "after {step:?}"
        );
        assert!(
            matches!(app.services.vault.key(scope(old)), Err(VaultError::Revoked)),
            "after {step:?}"
        );
        assert!(app.services.vault.key(scope(young)).is_ok(), "after {step:?}");
        let certified = certificates(&app).await;
        let of_old = certified.iter().filter(|one| one.covers(old)).count();
        assert_eq!(of_old, 1, "one certificate, wherever it was stopped: {step:?}");
        assert!(!certified.iter().any(|one| one.covers(young)), "after {step:?}");
        let runs = certified.len();
        let recorded = app.count("purge_run").await;
        assert_eq!(recorded, i64::try_from(runs).expect("few"), "after {step:?}");
        let acts = "select count(*) from audit_entry where action = 'purge.ran'";
        let acts: i64 = app.operator().await.query_one(acts, &[]).await.expect("read").get(0);
        assert_eq!(acts, recorded, "after {step:?}");
        app.drain().await;
    }
}

/// Every certificate of the demo tenant, each verified.
async fn certificates(app: &TestApp) -> Vec<Certificate> {
    let list = app.services.certificates(demo::TENANT).await.expect("read");
    let verifier = Verifier::parse(&list.key).expect("a key");
    list.certificates.iter().map(|one| read(&verifier, &one.note).expect("true")).collect()
}

/// Rows that cannot be deleted: nothing is certified, nothing recorded, and the next pass tries again.
#[actix_web::test]
async fn a_purge_that_leaves_rows_behind_certifies_nothing_and_is_tried_again() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let conversation = talk(&app).await;
    let operator = app.operator().await;
    let sticky = "create function stays() returns trigger language plpgsql as 'begin return null; end'; \
        create trigger stays before delete on turn for each row execute function stays()";
    operator.batch_execute(sticky).await.expect("made");
    app.travel(31).await;
    assert!(certificates(&app).await.iter().all(|one| !one.covers(conversation)));
    assert_eq!(app.count("turn").await, 3);
    operator.batch_execute("drop trigger stays on turn").await.expect("dropped");
    app.clock.travel(SignedDuration::from_secs(61));
    app.purge().await;
    assert_eq!(app.count("turn").await, 0);
    let certified = certificates(&app).await;
    let of_it: Vec<_> = certified.iter().filter(|one| one.covers(conversation)).collect();
    assert_eq!(of_it.len(), 1);
    assert_eq!((of_it[0].erased.turns, of_it[0].left), (3, 0));
    app.drain().await;
}

/// Somebody outside, with the key and a few lines of Python, or with this program and no installation.
#[actix_web::test]
async fn a_certificate_is_verified_without_this_server_and_an_altered_one_is_not() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let conversation = talk(&app).await;
    app.travel(31).await;
    let list = app.services.certificates(demo::TENANT).await.expect("read");
    let verifier = Verifier::parse(&list.key).expect("a key");
    let covers = |note: &str| read(&verifier, note).expect("true").covers(conversation);
    let note = &list.certificates.iter().find(|one| covers(&one.note)).expect("certified").note;
    assert!(!note.contains(&conversation.to_string()), "it names a conversation");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("one.certificate");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify_certificate.py");
    let verify = |text: &str, key: &str, which: &str| {
        std::fs::write(&file, text).expect("written");
        let by_python = Command::new("python3")
            .arg(script)
            .arg(&file)
            .args([key, which])
            .output()
            .expect("python3");
        let by_us = Command::new(env!("CARGO_BIN_EXE_veetflow"))
            .env_clear()
            .current_dir(folder.path())
            .arg("verify-certificate")
            .arg(&file)
            .args(["--key", key, "--conversation", which])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&by_python.stderr).into_owned();
        assert_eq!(by_python.status.success(), by_us.status.success(), "{said}");
        by_us.status.success()
    };
    let (key, which) = (&list.key, conversation.to_string());
    assert!(verify(note, key, &which));
    assert!(!verify(&note.replacen("\"turns\":3", "\"turns\":4", 1), key, &which), "altered");
    assert!(!verify(note, key, "cnv_00000000000070008000000000000001"), "another conversation");
    let other = list.key.replacen("veetflow/purge/", "veetflow/audit/", 1);
    assert!(!verify(note, &other, &which), "another key");
    app.drain().await;
}

/// Invariant I5: what is held is not destroyed, not even when the hold came after the claim.
#[actix_web::test]
async fn a_held_conversation_outlives_its_time() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let conversation = talk(&app).await;
    let hold = crate::holds::place(&app, HoldScope::Conversation(conversation)).await;
    let second = Operator::parse("second").expect("a name");
    assert!(
        app.store().approve_hold(demo::TENANT, hold, &second, app.now()).await.expect("approved")
    );
    assert_eq!(app.travel(35).await, 0);
    assert!(app.services.vault.key(scope(conversation)).is_ok());
    let released =
        app.store().release_hold(demo::TENANT, hold, &second, "settled", app.now()).await;
    assert!(released.expect("released"));
    assert_eq!(app.purge().await.conversations(), 1);
    app.drain().await;
}

#[actix_web::test]
async fn a_purge_closes_the_conversation_of_whoever_still_watches_it() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    assert_eq!(app.travel(31).await, 1);
    assert_eq!(visitor.until("purge").await["all"], true);
    assert_eq!(visitor.closed().await, 4511);
    app.drain().await;
}

#[actix_web::test]
async fn two_passes_at_once_share_the_work_and_count_it_once() {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    for _ in 0..6 {
        talk(&app).await;
    }
    app.travel(30).await;
    app.clock.travel(SignedDuration::from_hours(1));
    let (first, second) = futures_util::join!(app.purge(), app.purge());
    assert!(first.conversations() + second.conversations() <= 6);
    assert_eq!(app.count("conversation").await, 0);
    app.drain().await;
}
