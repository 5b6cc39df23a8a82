//! What was erased stays erased, whatever copy is put back (privacy.md 3.6, section 8, cases 19 to 24). Policy §6.2.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use veetflow::app::{Foundation, Gate};
use veetflow::clock::MovableClock;
use veetflow::domain::tenant::Period;
use veetflow::id::ConversationId;
use veetflow::ledger::LedgerError;
use veetflow::services::demo;
use veetflow::services::restoring::{Quarantine, replay};
use veetflow::vault::{Scope, VaultError};

use crate::keys::Desk;
use crate::support::app::{configuration, fresh_folder};
use crate::support::{TestApp, Visitor, cluster};

const LEDGER: &str = "erasures.ledger";
const KEYRING: &str = "keyring.redb";

/// An installation, copies of its parts from before an erasure, and the conversation that was erased.
struct Past {
    clock: Arc<MovableClock>,
    erased: ConversationId,
    kept: ConversationId,
    /// The database and the folder as they are.
    url: String,
    now: PathBuf,
    /// The same from before.
    old_url: String,
    before: PathBuf,
}

fn copied(folder: &Path) -> PathBuf {
    let copy = fresh_folder();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
    }
    copy
}

async fn talk(app: &TestApp) -> ConversationId {
    let mut visitor = Visitor::agreed(app).await;
    visitor.ask("你好").await;
    visitor.answer().await;
    visitor.conversation.expect("open").parse().expect("an identifier")
}

impl Past {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
        app.refresh_tenants().await;
        let erased = talk(&app).await;
        app.travel(20).await;
        let kept = talk(&app).await;
        let plan = app.beside();
        let database = app.database.clone();
        app.drain().await;
        let before = copied(plan.data_dir.as_deref().expect("a folder"));
        let old = format!("{database}_old");
        let make = format!("create database {old} template {database}");
        let admin = cluster::operator("postgres").await;
        while admin.batch_execute(&make).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let clock = plan.clock.clone();
        let app = TestApp::build(plan).await;
        assert_eq!(app.travel(11).await, 1);
        // One more: a start does again by itself what the last line of the ledger says.
        let another = Scope { tenant: demo::TENANT, conversation: app.services.ids.next() };
        app.services.vault.revoke(another, app.now()).expect("destroyed");
        // A process holds the keyring it has opened, so that the next one gets a copy.
        let now = app.beside().data_dir.expect("a folder");
        app.drain().await;
        let url = cluster::url(&database);
        Self { clock, erased, kept, url, now, old_url: cluster::url(&old), before }
    }

    async fn lay(&self, url: &str, folder: &Path, gate: Gate) -> anyhow::Result<Foundation> {
        Foundation::lay_behind(configuration(url, folder, &[]), self.clock.clone(), gate).await
    }

    async fn refused(&self, url: &str, folder: &Path) -> Quarantine {
        let refused = self.lay(url, folder, Gate::Closed).await.expect_err("quarantined");
        let verdict = refused.downcast::<Quarantine>().expect("a verdict");
        println!("{verdict}");
        assert!(verdict.is_verdict());
        verdict
    }

    /// A folder of today with one file of before.
    fn with_old(&self, file: &str) -> PathBuf {
        let folder = copied(&self.now);
        std::fs::copy(self.before.join(file), folder.join(file)).expect("copied");
        folder
    }

    async fn replayed(&self, url: &str, folder: &Path) -> i64 {
        let foundation = self.lay(url, folder, Gate::Open).await.expect("laid");
        let done =
            replay(&foundation.services, &foundation.ledger, |_| {}).await.expect("replayed");
        foundation.close().await;
        assert_eq!(done.left, 0);
        done.resurrected
    }

    async fn all_is_well(&self, url: &str, folder: &Path) {
        let foundation = self.lay(url, folder, Gate::Closed).await.expect("served");
        let scope = |conversation| Scope { tenant: demo::TENANT, conversation };
        let services = &foundation.services;
        let erased = services.vault.key(scope(self.erased));
        assert!(matches!(erased, Err(VaultError::Revoked)), "{erased:?}");
        assert!(services.vault.key(scope(self.kept)).is_ok());
        let store = &services.store;
        assert_eq!(store.count_rows(demo::TENANT, &[self.erased]).await.expect("counted"), 0);
        assert!(store.count_rows(demo::TENANT, &[self.kept]).await.expect("counted") > 1);
        foundation.close().await;
    }
}

/// Case 19 and 24: also where nobody said that it was restored.
#[actix_web::test]
async fn a_database_from_before_an_erasure_is_not_served_until_the_ledger_was_replayed() {
    let past = Box::pin(Past::new()).await;
    past.all_is_well(&past.url, &past.now).await;
    let verdict = past.refused(&past.old_url, &past.now).await;
    assert!(matches!(verdict, Quarantine::Resurrected(1)));
    assert!(past.replayed(&past.old_url, &past.now).await > 1, "it had come back");
    // What was cut short, or done already, is done again and finds nothing.
    assert_eq!(past.replayed(&past.old_url, &past.now).await, 0);
    past.all_is_well(&past.old_url, &past.now).await;
}

/// Case 21: the keys are destroyed again before the first of them is used.
#[actix_web::test]
async fn a_keyring_from_before_an_erasure_loses_its_keys_again_before_anything_is_served() {
    let past = Box::pin(Past::new()).await;
    let folder = past.with_old(KEYRING);
    for url in [&past.url, &past.old_url] {
        let verdict = past.refused(url, &folder).await;
        assert!(matches!(verdict, Quarantine::KeyringIsOlder), "{verdict}");
    }
    past.replayed(&past.old_url, &folder).await;
    past.all_is_well(&past.old_url, &folder).await;
}

/// Case 20: missing, empty, older, another installation's. A replay of such a ledger is refused, too.
#[actix_web::test]
async fn a_ledger_that_is_missing_empty_older_or_foreign_satisfies_nobody() {
    let past = Box::pin(Past::new()).await;
    let older = past.with_old(LEDGER);
    let verdict = past.refused(&past.old_url, &older).await;
    assert!(matches!(verdict, Quarantine::LedgerIsOlder("keyring")), "{verdict}");
    let foundation = past.lay(&past.old_url, &older, Gate::Open).await.expect("laid");
    let refused = replay(&foundation.services, &foundation.ledger, |_| {}).await;
    assert!(matches!(refused, Err(Quarantine::LedgerIsOlder("keyring"))), "{refused:?}");
    foundation.close().await;

    let folder = copied(&past.now);
    let path = folder.join(LEDGER);
    let whole = std::fs::read(&path).expect("read");
    std::fs::write(&path, "").expect("written");
    let verdict = past.refused(&past.url, &folder).await;
    assert!(matches!(verdict, Quarantine::Ledger(LedgerError::NoLedger { .. })), "{verdict}");
    let other = TestApp::start().await;
    let foreign = other.data_dir.join(LEDGER);
    other.drain().await;
    std::fs::copy(foreign, &path).expect("copied");
    let verdict = past.refused(&past.url, &folder).await;
    assert!(matches!(verdict, Quarantine::Ledger(LedgerError::Foreign { .. })), "{verdict}");
    std::fs::remove_file(&path).expect("removed");
    let verdict = past.refused(&past.url, &folder).await;
    assert!(matches!(verdict, Quarantine::Ledger(LedgerError::Missing { .. })), "{verdict}");
    assert!(!path.exists(), "an empty one was made in its place");
    std::fs::write(&path, whole).expect("put back");
    past.all_is_well(&past.url, &folder).await;
    // Whoever says that every copy is lost goes on with a new one.
    std::fs::remove_file(&path).expect("removed");
    past.lay(&past.url, &folder, Gate::Anew).await.expect("begun").close().await;
    past.all_is_well(&past.url, &folder).await;
}

#[actix_web::test]
async fn no_key_is_destroyed_that_is_not_in_the_ledger_first() {
    let app = TestApp::start().await;
    let conversation = talk(&app).await;
    let ledger = app.app().foundation.ledger.clone();
    let scope = Scope { tenant: demo::TENANT, conversation };
    app.services.vault.revoke(scope, app.now()).expect("destroyed");
    let text = std::fs::read_to_string(ledger.path()).expect("text");
    assert!(text.contains(&conversation.uuid().simple().to_string()), "{text}");
    assert_eq!(ledger.head().position.seq, 2);
    app.drain().await;
}

#[actix_web::test]
async fn a_server_on_a_restored_database_ends_with_78_and_says_what_to_do() {
    let desk = Desk::new(&[]).await;
    desk.says(&["doctor"]);
    let operator = cluster::operator(&desk.database).await;
    operator.batch_execute("update veetflow.ledger_mark set restored = true").await.expect("set");
    for command in [&["serve"][..], &["purge"], &["keys", "status"]] {
        let output = desk.run(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{command:?}: {said}");
        assert!(said.contains("run `veetflow ledger replay`, then start again"), "{said}");
    }
    assert!(desk.says(&["ledger", "replay"]).contains("resurrected before: 0, after: 0"));
    assert!(desk.says(&["ledger", "verify"]).contains("every line and seal verified"));
    desk.says(&["keys", "status"]);
    assert!(desk.says(&["audit", "list"]).contains("ledger.replayed"));
}
