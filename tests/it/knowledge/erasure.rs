//! A removed document leaves nothing: no key, no row, no word in memory or on disk, not even where a crash came between.

use rustix::process::Signal;
use veetflow::id::{DocumentId, Id};
use veetflow::vault::{Scope, VaultError};

use crate::canary::{files_below, holding};
use crate::support::Shop;
use crate::support::app::fresh_folder;
use crate::support::server::{ServerProcess, program};
use crate::support::shop::{MARKDOWN, house};

/// Stands in no source of the server and in no question.
const SECRET: &str = "bassoon-91c4e7";
const HARPS: &str = "# Harps\n\nA harp lesson costs forty euros.";
const QUESTION: &str = "How much does a harp lesson cost?";

async fn only_document(app: &crate::support::TestApp) -> DocumentId {
    let row = app.operator().await.query_one("select document_id from document", &[]).await;
    Id::from_uuid(row.expect("one document").get(0))
}

#[actix_web::test]
async fn a_removed_document_loses_its_key_its_rows_and_its_place_in_memory() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    shop.add("slug=harp", MARKDOWN, HARPS).await;
    shop.add("slug=harp", MARKDOWN, HARPS).await;
    let scope = Scope::of_document(shop.tenant, only_document(&app).await);
    shop.answers(QUESTION, "forty", "Harps").await;
    assert_eq!(shop.remove("harp").await, 204);
    assert_eq!(app.services.shelving.library.passages(shop.tenant), 0);
    shop.abstains(QUESTION).await;
    for table in ["document", "document_version", "document_chunk"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
    assert!(matches!(app.services.vault.key(scope), Err(VaultError::Revoked)));
    assert!(matches!(app.services.vault.mint(scope), Err(VaultError::Revoked)), "a late writer");
    assert_eq!(shop.remove("harp").await, 404);
    // The name is free again, for a document with a key of its own.
    shop.add("slug=harp", MARKDOWN, HARPS).await;
    assert_ne!(Scope::of_document(shop.tenant, only_document(&app).await), scope);
    shop.answers(QUESTION, "forty", "Harps").await;
    app.drain().await;
}

#[actix_web::test]
async fn a_removal_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let app = house().await;
    let shop = Shop::open(&app, "shop").await;
    shop.add("slug=harp", MARKDOWN, HARPS).await;
    let scope = Scope::of_document(shop.tenant, only_document(&app).await);
    app.services.vault.revoke(scope, app.now()).expect("revoked");
    let plan = app.crash().await;
    let plan = crate::support::app::Plan { has_model: false, ..plan };
    let again = crate::support::TestApp::build(plan).await;
    assert_eq!((again.count("document").await, again.count("document_chunk").await), (0, 0));
    let shop = Shop { address: again.address.to_string(), ..shop };
    shop.abstains(QUESTION).await;
    assert!(shop.slugs().await.is_empty());
    again.drain().await;
}

/// The command line beside a running server: everything goes through the server, and no byte of the document lies in the
/// clear at any time, in any file.
#[actix_web::test]
async fn documents_managed_beside_a_running_server_lie_nowhere_in_the_clear() {
    let folder = fresh_folder();
    let (data_dir, desk) = (folder.join("house"), fresh_folder());
    let mut server = ServerProcess::start(&data_dir, &[]).await;
    let run = |arguments: &[&str]| {
        let output = program()
            .args(arguments)
            .env("VEETFLOW__DATA_DIR", &data_dir)
            .current_dir(&desk)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said, errors)
    };
    let works = |arguments: &[&str]| {
        let (is_success, said, errors) = run(arguments);
        assert!(is_success, "{arguments:?}: {said} {errors}");
        said
    };
    works(&["tenant", "create", "shop", "--name", "My Shop"]);
    let words = format!("# Rent a {SECRET}\n\nA {SECRET} is rented for nine euros.\n");
    std::fs::write(desk.join("Rent.md"), &words).expect("written");
    std::fs::write(desk.join("营业时间.txt"), "周六营业到中午。").expect("written");
    std::fs::write(desk.join("empty.txt"), " ").expect("written");
    let said = works(&["knowledge", "add", "shop", "Rent.md", "营业时间.txt"]);
    assert!(said.contains("rent ") && said.contains("营业时间"), "{said}");
    let (is_success, said, _) = run(&["knowledge", "add", "shop", "empty.txt"]);
    assert!(!is_success && said.contains("no_text"), "{said}");
    works(&["knowledge", "add", "shop", "Rent.md", "--as", "rent", "--title", "New rent"]);
    assert!(works(&["knowledge", "list", "shop"]).contains("New rent"));
    works(&["knowledge", "rollback", "shop", "rent", "1"]);
    let versions = works(&["knowledge", "versions", "shop", "rent"]);
    assert!(versions.contains("* rent") && versions.contains("version 2"), "{versions}");
    works(&["knowledge", "contact", "shop", "help@shop.example"]);
    assert_eq!(works(&["knowledge", "questions", "shop"]), "");
    assert_eq!(works(&["tenant", "list-keys", "shop"]), "", "the key of an errand stays behind");

    let nothing_in_the_clear = || {
        let mut files = Vec::new();
        files_below(&folder, &mut files);
        for secret in [SECRET, "周六营业", "New rent"] {
            assert_eq!(holding(&files, secret.as_bytes()), Vec::<std::path::PathBuf>::new());
        }
        files
    };
    nothing_in_the_clear();
    works(&["knowledge", "remove", "shop", "rent"]);
    let left = works(&["knowledge", "list", "shop"]);
    assert!(!left.contains("rent") && left.contains("营业时间"), "{left}");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await, Some(0));
    assert!(nothing_in_the_clear().len() > 10);

    // Without a server, the command is one for as long as it takes.
    assert!(works(&["knowledge", "list", "shop"]).contains("营业时间"));
    works(&["knowledge", "remove", "shop", "营业时间"]);
    assert_eq!(works(&["knowledge", "list", "shop"]), "");
    nothing_in_the_clear();
}
