//! The master key kept by a service that somebody else wrote: OpenBao, in a process of its own (privacy.md, section 8, cases
//! 9 and 10).

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use veetflow::config::Layers;
use veetflow::kms::Transit;
use veetflow::vault::{Destruction, KeyProvider, MasterKey, MasterSource, Scope, Vault};

use crate::keys::{Desk, all_open, furnish};
use crate::support::app::fresh_folder;
use crate::support::cluster;
use crate::support::server::free_port;

struct Bao {
    process: Child,
    address: String,
}

impl Bao {
    async fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/openbao/bao");
        assert!(program.is_file(), "OpenBao is missing: run .setup/openbao (`make test` does)");
        let place = format!("127.0.0.1:{}", free_port());
        let process = Command::new(program)
            .args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"])
            .arg(format!("-dev-listen-address={place}"))
            .env("HOME", fresh_folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("OpenBao runs");
        let bao = Self { process, address: format!("http://{place}") };
        for _ in 0..300 {
            let mounted =
                bao.post("sys/mounts/transit", serde_json::json!({"type": "transit"})).await;
            if mounted.is_some_and(|status| status.is_success()) {
                return bao;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("OpenBao did not start");
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> Option<reqwest::StatusCode> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let request = reqwest::Client::new().post(format!("{}/v1/{path}", self.address));
        let sent = request.header("X-Vault-Token", "root").json(&body).send().await;
        sent.ok().map(|response| response.status())
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("VEETFLOW__VAULT__TRANSIT__ADDRESS", self.address.clone()),
            ("VEETFLOW__VAULT__TRANSIT__TOKEN", "root".to_owned()),
        ]
    }

    fn provider(&self, token: &str) -> Transit {
        let settings = Layers::with([
            ("vault.transit.address", figment::value::Value::from(self.address.as_str())),
            ("vault.transit.token", token.into()),
        ]);
        Transit::new(&settings.read().expect("settings").vault.transit).expect("a provider")
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[actix_web::test]
async fn a_master_key_kept_by_openbao_is_made_rotated_and_destroyed_there() {
    let mut bao = Bao::start().await;
    let desk = Desk::new(&bao.settings()).await;
    desk.says(&["doctor"]);
    let first = std::fs::read_to_string(desk.master()).expect("read");
    assert!(first.starts_with("veetflow-transit-1 veetflow-master-"), "{first}");
    assert!(first.contains(" vault:v1:"), "{first}");
    assert!(desk.says(&["check-config"]).contains("vault.transit.token"), "named");
    assert!(!desk.says(&["check-config"]).contains("  root  "), "shown");

    assert!(desk.says(&["keys", "rotate"]).contains("master key 2 is in force"));
    let previous = desk.data_dir.join("master.key.previous");
    assert_eq!(std::fs::read_to_string(&previous).expect("kept"), first);
    let provider = bao.provider("root");
    assert!(provider.unwrap(&first).is_ok(), "the copy opens until it is destroyed");
    let told = desk.says(&["keys", "destroy", "1"]);
    assert!(told.contains("destroyed at the key service, which refuses to open it"), "{told}");
    assert!(!previous.exists());
    let refused = provider.unwrap(&first).map(drop).expect_err("every copy is dead");
    assert!(refused.to_string().contains("has the key been deleted there"), "{refused}");
    assert_eq!(provider.destroy(&first), Ok(Destruction::Refused), "and again");
    desk.says(&["doctor"]);

    let mut wrong = Desk::new(&bao.settings()).await;
    wrong.data_dir.clone_from(&desk.data_dir);
    wrong.url.clone_from(&desk.url);
    wrong.settings[1].1 = "s.not-the-token".to_owned();
    let output = wrong.run(&["doctor"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && told.contains("refuses the token"), "{told}");
    assert!(!told.contains("s.not-the-token"), "{told}");
    bao.process.kill().expect("killed");
    bao.process.wait().expect("reaped");
    let output = desk.run(&["doctor"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && told.contains("the key service"), "{told}");
    assert!(desk.master().exists(), "nothing was made or taken away");
}

#[actix_web::test]
async fn an_installation_with_a_key_in_clear_moves_to_the_service_by_a_rotation() {
    let mut desk = Desk::new(&[]).await;
    desk.says(&["doctor"]);
    let texts = furnish(&desk.vault().await, 5);
    let bao = Bao::start().await;
    let settings = bao.settings().into_iter();
    desk.settings = settings.map(|(name, value)| (name.to_owned(), value)).collect();
    desk.says(&["doctor"]);
    assert!(desk.says(&["keys", "rotate"]).contains("master key 2 is in force"));
    let wrapped = std::fs::read_to_string(desk.master()).expect("read");
    assert!(wrapped.starts_with("veetflow-transit-1 "), "{wrapped}");
    assert!(desk.says(&["keys", "destroy", "1"]).contains("overwritten and removed"));
    assert!(!desk.data_dir.join("master.key.previous").exists());
    desk.says(&["doctor"]);
    let operator = cluster::operator(&desk.database).await;
    let id = operator.query_one("select keyring_id from veetflow.installation", &[]).await;
    let source = MasterSource::Wrapped(desk.master(), Arc::new(bao.provider("root")));
    let vault = Vault::open(&desk.data_dir, &source, id.expect("remembered").get(0));
    all_open(&vault.expect("opens"), &texts);
}

#[actix_web::test]
async fn what_a_key_service_must_not_be_told_or_believed() {
    let bao = Bao::start().await;
    let provider = bao.provider("root");
    let master = MasterKey::generate().expect("random");
    let text = provider.wrap(&master).expect("wrapped");
    assert_eq!(provider.unwrap(&text).expect("unwrapped").to_text(), master.to_text());
    assert_ne!(provider.wrap(&master).expect("wrapped"), text, "a key of its own each time");
    for altered in [
        text.replace("vault:v1:", "vault:v1:A"),
        text.replace("veetflow-transit-1", "x"),
        "0".repeat(64),
    ] {
        assert!(provider.unwrap(&altered).is_err(), "{altered}");
    }
    // Without the permission nothing is destroyed, and nothing is said to be.
    let nobody = bao.provider("nobody");
    assert!(nobody.unwrap(&text).is_err() && nobody.destroy(&text).is_err());
    assert!(provider.unwrap(&text).is_ok());
    for (address, said) in [("http://10.0.0.5:8200", "https://"), ("nonsense", "no address")] {
        let settings = Layers::with([
            ("vault.transit.address", figment::value::Value::from(address)),
            ("vault.transit.token", "root".into()),
        ]);
        let refused = Transit::new(&settings.read().expect("settings").vault.transit);
        let refused = refused.map(drop).expect_err("refused").to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let folder = fresh_folder();
    let source = MasterSource::Wrapped(folder.join("master.key"), Arc::new(bao.provider("root")));
    let (vault, created) = Vault::create(&folder, &source).expect("created");
    assert!(created.master_is_new);
    let texts = furnish(&vault, 3);
    let id = vault.keyring_id();
    drop(vault);
    all_open(&Vault::open(&folder, &source, id).expect("opens"), &texts);
    let scope: Scope = texts[0].0.scope();
    assert!(Vault::open(&folder, &source, id).expect("opens").mint(scope).is_ok());
}
