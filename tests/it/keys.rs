//! The master key from the command line: rotated, killed in the middle, counted, destroyed (privacy.md, section 8, cases 12
//! and 13).

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use uuid::Uuid;
use veetflow::id::Id;
use veetflow::vault::{MasterSource, Place, Sealed, SealedColumn, Vault};

use crate::support::app::fresh_folder;
use crate::support::cluster;
use crate::support::server::{ServerProcess, program};

/// A folder with a keyring, and the database that remembers it.
pub struct Desk {
    pub url: String,
    pub database: String,
    pub data_dir: PathBuf,
    pub settings: Vec<(String, String)>,
}

impl Desk {
    pub async fn new(settings: &[(&str, String)]) -> Self {
        let (url, database) = cluster::database().await;
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { url, database, data_dir: fresh_folder().join("house"), settings }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .env("VEETFLOW__DATABASE__URL", &self.url)
            .env("VEETFLOW__DATA_DIR", &self.data_dir)
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} was accepted");
        String::from_utf8(output.stderr).expect("text")
    }

    pub fn master(&self) -> PathBuf {
        self.data_dir.join("master.key")
    }

    pub async fn vault(&self) -> Vault {
        let operator = cluster::operator(&self.database).await;
        let id: Uuid = operator
            .query_one("select keyring_id from veetflow.installation", &[])
            .await
            .expect("remembered")
            .get(0);
        Vault::open(&self.data_dir, &MasterSource::File(self.master()), id).expect("opens")
    }
}

fn place(conversation: u128) -> Place {
    Place {
        column: SealedColumn::TurnContent,
        tenant: Id::from_uuid(Uuid::from_u128(1 + conversation % 3)),
        conversation: Id::from_uuid(Uuid::from_u128(conversation)),
        record: Uuid::nil(),
        kind: 1,
    }
}

/// So many conversations, each with a sealed text.
pub fn furnish(vault: &Vault, conversations: u128) -> Vec<(Place, Vec<u8>)> {
    let seal = |conversation| {
        let place = place(conversation);
        let key = vault.mint(place.scope()).expect("minted");
        (place, key.seal(place, &conversation.to_string()).expect("sealed").into_bytes())
    };
    (0..conversations).map(seal).collect()
}

pub fn all_open(vault: &Vault, texts: &[(Place, Vec<u8>)]) {
    for (place, bytes) in texts {
        let key = vault.key(place.scope()).expect("kept");
        let opened = key.open(*place, &Sealed::<String>::from_stored(bytes.clone()));
        assert_eq!(opened.expect("opens"), place.conversation.uuid().as_u128().to_string());
    }
}

/// Lines of the audit log: one more says that a rotation is about to begin.
async fn audited(operator: &tokio_postgres::Client) -> i64 {
    let row = operator.query_one("select seq from veetflow.audit_head", &[]).await;
    row.expect("read").get(0)
}

/// Starts a rotation, lets it run so long from its line in the audit log on, and kills it.
async fn killed_in_the_middle(desk: &Desk, milliseconds: u64) {
    let operator = cluster::operator(&desk.database).await;
    let before = audited(&operator).await;
    let mut child = desk
        .command(&["keys", "rotate"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    while audited(&operator).await == before && child.try_wait().expect("ours").is_none() {}
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    drop(child.kill());
    child.wait().expect("reaped");
}

/// Case 12: the process is killed at different points, again and again. How long it is let run is sought until it is met
/// among the conversations' keys three times.
#[actix_web::test]
async fn a_rotation_killed_again_and_again_loses_no_key_and_comes_to_its_end() {
    let desk = Desk::new(&[]).await;
    desk.says(&["doctor"]);
    let texts = furnish(&desk.vault().await, 2_500);
    let (mut milliseconds, mut met_in_the_middle) = (0, 0);
    for _ in 0..60 {
        killed_in_the_middle(&desk, milliseconds).await;
        let vault = desk.vault().await;
        all_open(&vault, &texts);
        let census = vault.census().expect("counted");
        println!("killed after {milliseconds} ms: {census:?}");
        drop(vault);
        let of = |line: usize| census.get(line).map_or(0, |line| line.conversations);
        assert_eq!(of(0) + of(1), 2_500, "a key was lost or doubled");
        if of(0) == 0 {
            // It had come to its end, or to the last of it: another one, and not so long.
            if census[0].keys() > 0 {
                desk.says(&["keys", "rotate"]);
            }
            let old = census[0].generation.to_string();
            assert!(desk.says(&["keys", "destroy", &old]).contains("overwritten and removed"));
            milliseconds /= 2;
            continue;
        }
        milliseconds += 9;
        if of(1) > 0 {
            met_in_the_middle += 1;
            let (old, newest) = (census[0].generation, census[1].generation);
            let told = desk.refuses(&["keys", "destroy", &old.to_string()]);
            assert!(told.contains(&format!("keys are still under master key {old}")), "{told}");
            let told = desk.refuses(&["keys", "destroy", &newest.to_string()]);
            assert!(told.contains("no earlier master key"), "{told}");
            assert!(desk.says(&["keys", "status"]).contains("was cut short"));
        }
        if met_in_the_middle == 3 {
            break;
        }
    }
    assert!(met_in_the_middle > 0, "no rotation was ever met in the middle");
    assert!(desk.says(&["keys", "rotate"]).contains("keys were wrapped anew"));
    let vault = desk.vault().await;
    all_open(&vault, &texts);
    let census = vault.census().expect("counted");
    drop(vault);
    assert_eq!((census[0].keys(), census[1].conversations), (0, 2_500));
    let told = desk.refuses(&["keys", "rotate"]);
    assert!(told.contains("veetflow keys destroy"), "{told}");
    let old = census[0].generation.to_string();
    assert!(desk.says(&["keys", "destroy", &old]).contains("overwritten and removed"));
    assert!(!desk.data_dir.join("master.key.previous").exists());
    all_open(&desk.vault().await, &texts);
    let shown = desk.says(&["keys", "census"]);
    assert!(shown.contains("3 keys of tenants, 2500 of conversations"), "{shown}");
    let list = desk.says(&["audit", "list"]);
    assert!(list.contains("keys.rotate") && list.contains("keys.destroy_master"), "{list}");
}

#[actix_web::test]
async fn keys_beside_a_running_server_are_refused_and_the_audit_log_is_read_and_verified() {
    let data_dir = fresh_folder().join("house");
    let mut server = ServerProcess::start(&data_dir, &[]).await;
    let mut visitor = server.visitor().await;
    visitor.ask("Is this kept?").await;
    visitor.answer().await;
    let run = |arguments: &[&str]| {
        let output =
            program().args(arguments).env("VEETFLOW__DATA_DIR", &data_dir).output().expect("runs");
        let is_done = output.status.success();
        let told = if is_done { output.stdout } else { output.stderr };
        (is_done, String::from_utf8(told).expect("text"))
    };
    let (done, told) = run(&["keys", "rotate"]);
    assert!(!done && told.contains("stop it, run this, start it again"), "{told}");
    run(&["tenant", "create", "shop", "--name", "My Shop"]);
    let (done, list) = run(&["audit", "list", "--tenant", "shop"]);
    assert!(done && list.contains("operator") && list.contains("tenant.created"), "{list}");
    let (done, told) = run(&["audit", "verify"]);
    assert!(done && told.contains("lines are whole"), "{told}");
    // The running server signs soon after its start, and what it signed is had without its keyring.
    let mut note = String::new();
    for _ in 0..300 {
        let (done, told) = run(&["audit", "checkpoint"]);
        if done {
            note = told;
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        note.starts_with("veetflow/audit/") && note.contains("\n\n\u{2014} veetflow/audit/"),
        "{note}"
    );

    server.signal(Signal::TERM);
    assert_eq!(server.ended().await, Some(0));
    let (done, key) = run(&["audit", "key"]);
    assert!(done, "{key}");
    let (done, told) = run(&["keys", "rotate"]);
    assert!(done && told.contains("master key 2 is in force"), "{told}");
    let (_, same) = run(&["audit", "key"]);
    assert_eq!(same, key, "the key of checkpoints outlives a rotation");
    let file = data_dir.with_extension("checkpoint");
    std::fs::write(&file, &note).expect("written");
    let file = file.display().to_string();
    let (done, told) = run(&["audit", "verify", "--key", key.trim(), "--checkpoint", &file]);
    assert!(done && told.contains("of 1 checkpoints from outside"), "{told}");
    // The visitor's token and words outlive the rotation, too.
    let server = ServerProcess::start(&data_dir, &[]).await;
    visitor.address.clone_from(&server.address);
    let found = crate::crash::messages_after_reload(&mut visitor).await;
    assert_eq!(found.len(), 1, "{found:?}");
}

#[actix_web::test]
async fn help_on_keys_and_the_audit_log_teaches_the_order_of_things() {
    let desk = Desk::new(&[]).await;
    let help = desk.says(&["keys", "rotate", "--help"]);
    for word in ["Stop the server first", "openssl rand -hex 32", "veetflow keys destroy 1"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(
        desk.says(&["keys", "destroy", "--help"]).contains("the environment: nothing is destroyed")
    );
    assert!(desk.says(&["audit", "verify", "--help"]).contains("--checkpoint /mnt/safe"));
}
