//! The audit log: every act has its line, nobody changes one unseen, and it forgets whom it may no longer name (policy
//! §5, §6.1; case 57 of the adversarial list).

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use tokio_postgres::Client;
use veetflow::domain::audit::Actor;
use veetflow::domain::tenant::{Period, TenantSlug, TenantState};
use veetflow::privacy::audit_log::{Chain, Entry, Tamper};
use veetflow::services::audit::{AuditError, verify};
use veetflow::services::checkpoint::{NoteError, Verifier};
use veetflow::store::audit::DropError;

use crate::support::shop::{MARKDOWN, house};
use crate::support::{Shop, TestApp};

async fn lines(app: &TestApp) -> Vec<Entry> {
    app.store().audit_page(0, 10_000).await.expect("read")
}

fn of<'log>(log: &'log [Entry], action: &str) -> Vec<&'log Entry> {
    log.iter().filter(|entry| entry.action == action).collect()
}

#[actix_web::test]
async fn every_act_has_its_line_under_a_pseudonym_and_reads_of_transcripts_are_among_them() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    let operator = app.store().by(Actor::Operator(4711));
    operator.set_retention(shop.tenant, Period::Days(30)).await.expect("set");
    operator.set_tenant_state(shop.tenant, TenantState::Active).await.expect("set");
    app.refresh_tenants().await;
    shop.add("slug=harp", MARKDOWN, "# Harps\n\nA harp lesson costs forty euros.").await;
    shop.add("slug=harp", MARKDOWN, "# Harps\n\nA harp lesson costs fifty euros.").await;
    let body = json!({"version": 1}).to_string();
    shop.call(Method::POST, "documents/harp/rollback", "application/json", body).await;
    shop.abstains("你们周日营业吗？").await;
    shop.abstains("Can dogs visit the workshop?").await;
    let before = lines(&app).await.len();
    assert_eq!(shop.get("questions").await.0, 200);
    assert_eq!(lines(&app).await.len(), before + 2, "a line for each conversation that was read");
    shop.call(Method::DELETE, "documents/harp", "text/plain", "").await;
    operator.revoke_api_key(shop.tenant, shop.key_id, app.now()).await.expect("revoked");
    assert_eq!(app.travel(31).await, 2);

    let log = lines(&app).await;
    let mine: Vec<&str> = log
        .iter()
        .filter(|entry| entry.tenant == shop.tenant.uuid())
        .map(|entry| entry.action.as_str())
        .collect();
    let expected = [
        "tenant.created",
        "widget.created",
        "api_key.made",
        "tenant.retention_changed",
        "tenant.state_changed",
        "document.added",
        "document.added",
        "document.version_chosen",
        "transcript.read",
        "transcript.read",
        "document.removed",
        "api_key.revoked",
        "purge.ran",
        "purge.ran",
    ];
    assert_eq!(mine, expected);
    let kinds = |action| of(&log, action).iter().map(|entry| entry.actor_kind).collect::<Vec<_>>();
    assert_eq!((kinds("tenant.retention_changed"), kinds("purge.ran")), (vec![1], vec![0, 0]));
    assert_eq!(of(&log, "purge.ran")[0].amount, 2);
    let read = of(&log, "transcript.read");
    let added = of(&log, "document.added");
    assert_eq!(read[0].actor, added[0].actor, "the same key is the same pseudonym");
    assert_ne!(read[0].actor, of(&log, "tenant.retention_changed")[0].actor);
    for entry in &read {
        assert_eq!((entry.actor_kind, entry.object.as_ref().map(Vec::len)), (2, Some(32)));
    }
    assert_ne!(read[0].object, read[1].object);
    let whole = verify(app.store(), &[], |_| {}).await.expect("whole");
    assert_eq!(whole.seq, i64::try_from(log.len()).expect("small"));

    // The purge took the salts of the conversations with it: their lines name nobody any more.
    let salts: i64 = app
        .operator()
        .await
        .query_one("select count(*) from audit_salt where tenant_id = $1", &[shop.tenant.as_uuid()])
        .await
        .expect("counted")
        .get(0);
    assert_eq!(salts, 3, "the system, the operator, the key");
    app.drain().await;
}

#[actix_web::test]
async fn an_act_and_its_line_happen_together_or_not_at_all() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    let before = lines(&app).await.len();
    let slug = TenantSlug::parse("shop").expect("a slug");
    let again = app.store().create_tenant(shop.tenant, &slug, "Again", Period::DEFAULT, app.now());
    assert!(!again.await.expect("answered"));
    assert_eq!(lines(&app).await.len(), before, "what did not happen has no line");

    let operator = app.operator().await;
    let append = "function audit_append(uuid, smallint, uuid, text, uuid[], boolean, bigint, timestamptz, bytea[])";
    operator
        .batch_execute(&format!("revoke execute on {append} from veetflow_app"))
        .await
        .expect("revoked");
    assert!(app.store().set_retention(shop.tenant, Period::Days(40)).await.is_err());
    let directory = app.store().tenant_directory().await.expect("read");
    let row = directory.iter().find(|row| row.id == shop.tenant).expect("there");
    assert_eq!(row.retention, Period::DEFAULT, "an act without a line was kept");
    operator
        .batch_execute(&format!("grant execute on {append} to veetflow_app"))
        .await
        .expect("granted");
    app.drain().await;
}

#[actix_web::test]
async fn the_roles_of_the_program_cannot_write_change_or_remove_a_line() {
    use veetflow::store::Role;
    let app = TestApp::start().await;
    let child: String = app
        .operator()
        .await
        .query_one("select 'veetflow_audit.' || relname from pg_class where relnamespace = 'veetflow_audit'::regnamespace and relkind = 'r'", &[])
        .await
        .expect("a part")
        .get(0);
    for role in [Role::Application, Role::Purge] {
        let client = app.store().client(role).await.expect("a client");
        for table in ["audit_entry", &child] {
            for forbidden in [
                format!("delete from {table}"),
                format!("update {table} set amount = 0"),
                format!("insert into {table} select * from {table}"),
                format!("truncate {table}"),
                format!("drop table {table}"),
            ] {
                assert!(client.batch_execute(&forbidden).await.is_err(), "{forbidden} was allowed");
            }
        }
        for forbidden in [
            "update audit_head set seq = 0",
            "delete from audit_checkpoint",
            "update audit_epoch set last_seq = 0",
            "select * from audit_pseudonym(null, null, null)",
        ] {
            assert!(client.batch_execute(forbidden).await.is_err(), "{forbidden} was allowed");
        }
    }
    app.drain().await;
}

async fn tampered(app: &TestApp, signed: &[Chain]) -> Result<i64, Tamper> {
    match verify(app.store(), signed, |_| {}).await {
        Ok(end) => Ok(end.seq),
        Err(AuditError::Tampered(tamper)) => Err(tamper),
        Err(other) => panic!("{other}"),
    }
}

async fn put_back(operator: &Client) {
    operator
        .batch_execute(
            "delete from audit_entry; insert into audit_entry select * from kept_entry; \
             update audit_head set (seq, month, hash) = (select seq, month, hash from kept_head)",
        )
        .await
        .expect("put back");
}

/// Case 57, by whoever owns the database.
#[actix_web::test]
async fn edit_delete_truncate_reorder_and_rewrite_are_found_and_the_last_by_the_checkpoint() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    for days in 30..40 {
        app.store().set_retention(shop.tenant, Period::Days(days)).await.expect("set");
    }
    let note = app.services.checkpoint().await.expect("signed");
    let verifier = app.services.checkpoint_verifier().expect("a key");
    let verifier = Verifier::parse(&verifier.to_string()).expect("as it was written down");
    let signed = verifier.open(&note).expect("ours");
    app.store().set_retention(shop.tenant, Period::Days(50)).await.expect("set");
    let end = signed.seq + 1;
    assert_eq!(tampered(&app, &[signed]).await, Ok(end));
    let operator = app.operator().await;
    operator
        .batch_execute("create table kept_entry as select * from audit_entry; create table kept_head as select * from audit_head")
        .await
        .expect("kept");
    for (tampering, found) in [
        ("update audit_entry set amount = 31 where seq = 6", Tamper::Altered(6)),
        ("update audit_entry set at = at + interval '1 hour' where seq = 6", Tamper::Altered(6)),
        ("update audit_entry set actor_kind = 2 where seq = 6", Tamper::Altered(6)),
        ("delete from audit_entry where seq = 6", Tamper::Missing(6)),
        (
            "delete from audit_entry where seq = 6; update audit_entry set seq = -seq where seq > 6; \
             update audit_entry set seq = -seq - 1 where seq < 0",
            Tamper::Altered(6),
        ),
        (
            "update audit_entry set seq = -seq where seq in (6, 7); update audit_entry set seq = 13 + seq where seq < 0",
            Tamper::Altered(6),
        ),
        ("delete from audit_entry where seq > 9", Tamper::CutOff { found: 9, head: end }),
        ("update audit_head set seq = 9", Tamper::FalseEnd(end)),
        (
            "delete from audit_entry where seq > 9; \
             update audit_head set (seq, hash) = (select seq, hash from audit_entry where seq = 9)",
            Tamper::ShorterThanSigned { found: 9, signed: signed.seq },
        ),
    ] {
        operator
            .batch_execute(
                "alter table audit_entry drop constraint if exists audit_entry_seq_check",
            )
            .await
            .expect("as an owner may");
        operator.batch_execute(tampering).await.expect("as an owner may");
        assert_eq!(tampered(&app, &[signed]).await, Err(found), "{tampering}");
        put_back(&operator).await;
        assert_eq!(tampered(&app, &[signed]).await, Ok(end));
    }
    // All of it, anew, with every hash right.
    operator
        .batch_execute(
            "delete from audit_entry; \
             update audit_head set seq = 0, hash = sha256('veetflow audit log 1'::bytea); \
             do $$ declare line record; begin \
               for line in select * from kept_entry order by seq loop \
                 perform audit_append(line.tenant_id, 1::smallint, gen_random_uuid(), line.action, array[]::uuid[], false, \
                                      line.amount, line.at, array[line.hash]); \
               end loop; end $$",
        )
        .await
        .expect("as an owner may");
    assert_eq!(tampered(&app, &[]).await, Ok(end), "the chain alone cannot tell");
    assert_eq!(tampered(&app, &[signed]).await, Err(Tamper::Rewritten(signed.seq)));
    let refused = app.services.checkpoint().await.expect_err("a false log is not signed");
    assert!(matches!(refused, AuditError::Tampered(_)), "{refused}");
    app.drain().await;
}

#[actix_web::test]
async fn a_part_is_dropped_only_when_old_whole_and_under_a_checkpoint_from_outside() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    let first = app.now();
    let through = first.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    app.jump(SignedDuration::from_hours(24 * 40));
    app.store().set_retention(shop.tenant, Period::Days(60)).await.expect("set");
    let covering = app.services.checkpoint().await.expect("signed");
    let old = lines(&app).await.iter().filter(|entry| entry.at < first).count();
    assert!(old >= 5);
    app.jump(SignedDuration::from_hours(24 * 365 * 3));
    app.store().set_retention(shop.tenant, Period::Days(70)).await.expect("set");
    let uncovered = app.store().drop_audit_parts(through).await;
    assert!(matches!(uncovered, Err(DropError::NotCovered)), "{uncovered:?}");
    let size = covering.lines().nth(1).expect("a size").to_owned();
    let forged = covering.replacen(&format!("\n{size}\n"), &format!("\n{size}0\n"), 1);
    let refused = app.services.drop_audit(through, &forged).await.expect_err("forged");
    assert!(matches!(refused, AuditError::Note(NoteError::Forged)), "{refused}");
    let today = app.now().to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let young = app.services.drop_audit(today, &covering).await.expect_err("too young");
    assert!(matches!(young, AuditError::Drop(DropError::TooYoung)), "{young}");
    let before = lines(&app).await.len();
    let gone = app.services.drop_audit(through, &covering).await.expect("dropped");
    assert_eq!(usize::try_from(gone).expect("positive"), old);
    let left = lines(&app).await;
    assert_eq!(left.len(), before - old + 1, "and a line says that they were dropped");
    assert_eq!(left.last().map(|entry| entry.action.as_str()), Some("audit.dropped"));
    let signed = app.services.checkpoint_verifier().expect("a key").open(&covering).expect("ours");
    assert_eq!(tampered(&app, &[signed]).await, Ok(left.last().expect("one").seq));
    app.drain().await;
}

#[actix_web::test]
async fn a_forgotten_actor_stands_under_another_pseudonym_from_then_on() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    let operator = app.store().by(Actor::Operator(4711));
    for days in [40, 41] {
        operator.set_retention(shop.tenant, Period::Days(days)).await.expect("set");
    }
    assert!(app.store().forget_actor(shop.tenant, Actor::Operator(4711)).await.expect("done"));
    assert!(!app.store().forget_actor(shop.tenant, Actor::Operator(4711)).await.expect("done"));
    operator.set_retention(shop.tenant, Period::Days(42)).await.expect("set");
    let log = lines(&app).await;
    let actors: Vec<&[u8]> =
        of(&log, "tenant.retention_changed").iter().map(|entry| &entry.actor[..]).collect();
    assert_eq!(actors[0], actors[1]);
    assert_ne!(actors[1], actors[2]);
    assert!(verify(app.store(), &[], |_| {}).await.is_ok(), "the chain does not need the salt");
    app.drain().await;
}

#[actix_web::test]
async fn acts_at_the_same_time_stand_one_after_another() {
    let app = TestApp::start().await;
    let shop = Shop::open(&app, "shop").await;
    let before = lines(&app).await.len();
    let acts = (0..24).map(|day| {
        let store = app.store().clone();
        async move { store.set_retention(shop.tenant, Period::Days(30 + day)).await }
    });
    for outcome in futures_util::future::join_all(acts).await {
        assert!(outcome.expect("done"));
    }
    assert_eq!(lines(&app).await.len(), before + 24);
    assert!(verify(app.store(), &[], |_| {}).await.is_ok());
    app.drain().await;
}
