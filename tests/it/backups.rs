//! Backups from the command line: made beside a running server, verified, restored, and of no use once their time is over
//! (privacy.md, section 8, cases 19, 25, 26). Policy §5, §6.2.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use veetflow::domain::tenant::Period;
use veetflow::services::backups::{BackupError, LIFE, Shelf};
use veetflow::services::demo;
use veetflow::vault::MasterSource;

use crate::keys::Desk;
use crate::support::app::{CANARY, fresh_folder};
use crate::support::{TestApp, Visitor, cluster};

fn shelf(desk: &Desk, folder: &Path) -> Shelf {
    Shelf::of(&desk.data_dir, Some(folder.to_owned()), MasterSource::File(desk.master()))
}

async fn rows(database: &str) -> i64 {
    let operator = cluster::operator(database).await;
    operator.query_one("select count(*) from veetflow.turn", &[]).await.expect("counted").get(0)
}

/// A house with one conversation that was backed up and then erased; the desk has its keys and its ledger.
async fn erased_since(folder: &Path) -> (Desk, String) {
    let app = TestApp::start().await;
    app.store().set_retention(demo::TENANT, Period::Days(30)).await.expect("set");
    app.refresh_tenants().await;
    let mut visitor = Visitor::agreed(&app).await;
    visitor.ask(CANARY).await;
    visitor.answer().await;
    let url = cluster::url(&app.database);
    let desk = |data_dir: PathBuf| Desk {
        url: url.clone(),
        database: app.database.clone(),
        data_dir,
        settings: Vec::new(),
    };
    let place = folder.display().to_string();
    let beside = desk(app.data_dir.clone());
    let made = beside.says(&["backup", "create", "--folder", &place]);
    let id = made.split_whitespace().next().expect("an identifier").to_owned();
    assert!(beside.says(&["backup", "list", "--folder", &place]).contains("can be opened"));
    assert_eq!(app.travel(31).await, 1);
    let alone = desk(app.beside().data_dir.expect("a folder"));
    let keys = alone.data_dir.join("backup-keys");
    std::fs::create_dir(&keys).expect("a folder");
    for entry in std::fs::read_dir(app.data_dir.join("backup-keys")).expect("keys").flatten() {
        std::fs::copy(entry.path(), keys.join(entry.file_name())).expect("copied");
    }
    app.drain().await;
    (alone, id)
}

#[actix_web::test]
async fn what_was_erased_since_a_backup_stays_erased_when_the_backup_is_restored() {
    let folder = fresh_folder();
    let place = folder.display().to_string();
    let (desk, id) = erased_since(&folder).await;
    assert_eq!(rows(&desk.database).await, 0);
    // Tried out first, on a database that is thrown away.
    let drilled = desk.says(&["backup", "drill", &id, "--folder", &place]);
    println!("{drilled}");
    assert!(drilled.contains("resurrected before: 4, after: 0"), "{drilled}");
    assert!(!desk.data_dir.join("drill").exists() && rows(&desk.database).await == 0);
    assert!(desk.says(&["audit", "list"]).contains("backup.drilled"));
    desk.says(&["backup", "restore", &id, "--folder", &place]);
    assert_eq!(rows(&desk.database).await, 3, "it had come back");
    let refused = desk.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("veetflow ledger replay"));
    assert!(desk.refuses(&["backup", "create", "--folder", &place]).contains("ledger replay"));
    let replayed = desk.says(&["ledger", "replay"]);
    assert!(replayed.contains("resurrected before: 4, after: 0"), "{replayed}");
    assert_eq!(rows(&desk.database).await, 0);
    let audit = desk.says(&["audit", "list"]);
    assert!(audit.contains("backup.restored") && audit.contains("ledger.replayed"), "{audit}");
    desk.says(&["audit", "verify"]);
    // A rotation of the master key takes the backups with it.
    desk.says(&["keys", "rotate"]);
    desk.says(&["keys", "destroy", "1"]);
    assert!(desk.says(&["backup", "verify", &id, "--folder", &place]).contains("is whole"));
}

#[actix_web::test]
async fn a_backup_says_nothing_and_an_altered_or_expired_one_restores_nothing() {
    let folder = fresh_folder();
    let place = folder.display().to_string();
    let (desk, id) = erased_since(&folder).await;
    let (shelf, backup) = (shelf(&desk, &folder), id.parse().expect("an identifier"));
    let path = shelf.path(backup);
    let whole = std::fs::read(&path).expect("read");
    for word in [CANARY.as_bytes(), b"veetflow", b"conversation_id"] {
        assert!(!whole.windows(word.len()).any(|window| window == word), "{word:?}");
    }
    let mut altered = whole.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    for (spoilt, word) in [(altered, "was altered"), (whole[..middle].to_vec(), "is cut off")] {
        std::fs::write(&path, spoilt).expect("written");
        assert!(desk.refuses(&["backup", "verify", &id, "--folder", &place]).contains(word));
        assert!(desk.refuses(&["backup", "restore", &id, "--folder", &place]).contains(word));
        assert_eq!(rows(&desk.database).await, 0, "half of it was restored");
        desk.says(&["keys", "status"]);
    }
    // Another installation has not its key.
    let other = Desk::new(&[]).await;
    other.says(&["keys", "status"]);
    let refused = other.refuses(&["backup", "verify", &id, "--folder", &place]);
    assert!(refused.contains("was destroyed or is not in this data folder"), "{refused}");
    std::fs::write(&path, &whole).expect("put back");
    shelf.verify(backup, |_| {}).expect("whole");
    // Case 26: a copy that was kept beyond its time.
    let made = veetflow::services::backups::made_at(backup).expect("an instant");
    assert_eq!(shelf.rotate(made + LIFE - SignedDuration::from_secs(1)).expect("kept"), 0);
    assert_eq!(shelf.rotate(made + LIFE).expect("rotated"), 1);
    assert!(!path.exists());
    std::fs::write(&path, &whole).expect("kept in secret");
    let refused = shelf.verify(backup, |_| {});
    assert!(matches!(refused, Err(BackupError::KeyDestroyed)), "{refused:?}");
}
