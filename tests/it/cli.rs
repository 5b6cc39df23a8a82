//! The command line, run as a program.

use std::process::Output;

use crate::support::app::fresh_folder;
use crate::support::cluster;
use crate::support::server::{ServerProcess, program};
use crate::support::visitor::session;

struct Shell {
    url: String,
    data_dir: std::path::PathBuf,
}

impl Shell {
    async fn new() -> Self {
        Self { url: cluster::database().await.0, data_dir: fresh_folder() }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        program()
            .args(arguments)
            .env("VEETFLOW__DATABASE__URL", &self.url)
            .env("VEETFLOW__DATA_DIR", &self.data_dir)
            .output()
            .expect("the program runs")
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} was accepted");
        String::from_utf8(output.stderr).expect("text")
    }
}

#[actix_web::test]
async fn a_tenant_and_its_widget_are_made_listed_and_changed() {
    let shell = Shell::new().await;
    assert!(shell.says(&["migrate"]).contains("up to date"));
    assert!(shell.says(&["tenant", "create", "shop", "--name", "My Shop"]).contains("12 months"));
    let snippet = shell.says(&["widget", "create", "shop", "--origin", "https://shop.example"]);
    assert!(snippet.contains("data-widget=\"wgt_"), "{snippet}");
    shell.says(&["tenant", "set-retention", "shop", "90d"]);
    let list = shell.says(&["tenant", "list"]);
    assert!(
        list.contains("shop") && list.contains("90 days") && list.contains("https://shop.example"),
        "{list}"
    );
    assert!(shell.says(&["purge", "--dry-run"]).contains("0 of 0 conversations"));
    shell.says(&["purge"]);
    assert!(shell.says(&["doctor"]).contains("✓ clock"));
}

#[actix_web::test]
async fn an_api_key_is_shown_once_listed_without_its_secret_and_revoked() {
    let shell = Shell::new().await;
    shell.says(&["tenant", "create", "shop", "--name", "My Shop"]);
    let made = shell.says(&["tenant", "create-key", "shop", "--label", "官网 sync"]);
    let (secret, rest) = made.split_once('\n').expect("a line");
    let key = rest.split(':').next().expect("an identifier");
    assert!(secret.starts_with("vfk_") && secret.len() == 68 && key.starts_with("key_"), "{made}");
    let list = shell.says(&["tenant", "list-keys", "shop"]);
    assert!(list.contains(key) && list.contains("valid") && list.contains("官网 sync"), "{list}");
    assert!(!list.contains("vfk_"), "{list}");
    shell.says(&["tenant", "revoke-key", "shop", key]);
    assert!(shell.says(&["tenant", "list-keys", "shop"]).contains("revoked"));
    assert!(shell.refuses(&["tenant", "revoke-key", "shop", key]).contains("list-keys"));
    assert!(shell.refuses(&["tenant", "create-key", "shop", "--label", " "]).contains("label"));
    let wrong = shell.refuses(&["knowledge", "add", "shop", "virus.exe"]);
    assert!(wrong.contains(".docx"), "{wrong}");
    let help = shell.says(&["knowledge", "add", "--help"]);
    assert!(help.contains("Examples:") && help.contains("--as"), "{help}");
}

/// The embedded database belongs to the running server; an operator's command reaches it all the same.
#[actix_web::test]
async fn a_widget_added_beside_a_running_server_can_be_used_without_a_restart() {
    let data_dir = fresh_folder();
    let server = ServerProcess::start(&data_dir, &[]).await;
    let run = |arguments: &[&str]| {
        let output =
            program().args(arguments).env("VEETFLOW__DATA_DIR", &data_dir).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    run(&["tenant", "create", "shop", "--name", "My Shop"]);
    let snippet = run(&["widget", "create", "shop", "--origin", "https://shop.example"]);
    let widget =
        snippet.split('"').find(|part| part.starts_with("wgt_")).expect("an identifier").to_owned();
    assert!(run(&["purge", "--dry-run"]).contains("shop"));
    for _ in 0..300 {
        let (status, body) = session(&server.address, &widget, None, "https://shop.example").await;
        if status == 200 {
            assert_eq!(body["widget"]["name"], "My Shop");
            let (foreign, _) =
                session(&server.address, &widget, None, "https://evil.example").await;
            assert_eq!(foreign, 403);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the server never learned of the widget");
}

#[actix_web::test]
async fn a_wrong_argument_is_refused_with_what_to_write_instead() {
    let shell = Shell::new().await;
    shell.says(&["tenant", "create", "shop", "--name", "My Shop"]);
    for (arguments, hint) in [
        (&["tenant", "create", "shop", "--name", "Again"][..], "already"),
        (&["tenant", "create", "Not A Slug", "--name", "X"], "lower-case"),
        (&["tenant", "set-retention", "shop", "29d"], "30 days"),
        (&["tenant", "set-retention", "shop", "8y"], "7 years"),
        (&["tenant", "set-retention", "nobody", "90d"], "tenant list"),
        (&["widget", "create", "shop", "--origin", "shop.example"], "https://"),
    ] {
        let told = shell.refuses(arguments);
        assert!(told.contains(hint), "{arguments:?}: {told}");
    }
}

#[test]
fn check_config_says_where_each_value_came_from_and_hides_secrets() {
    let output = program()
        .arg("check-config")
        .env("VEETFLOW__HTTP__LISTEN", "127.0.0.1:9999")
        .env("OPENAI_API_KEY", "sk-very-secret")
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("127.0.0.1:9999  ← VEETFLOW__HTTP__LISTEN"), "{text}");
    assert!(
        text.contains("compiled in") && text.contains("(set, hidden)") && !text.contains("sk-very"),
        "{text}"
    );
}

/// Policy §11: an operator learns of a model to which nothing makes the transfer lawful before a visitor does.
#[test]
fn a_model_abroad_without_a_safeguard_is_named_before_anyone_asks() {
    let told = |transfer: &str| {
        let output = program()
            .arg("check-config")
            .env("VEETFLOW__PROVIDERS__OPENAI__BASE_URL", "https://models.example/v1")
            .env("VEETFLOW__PROVIDERS__OPENAI__REGION", "sg")
            .env("VEETFLOW__PROVIDERS__OPENAI__TRANSFER", transfer)
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let text = told("");
    assert!(text.contains("openai is never asked: words would go from eu to sg"), "{text}");
    assert!(!told("scc").contains("never asked"));
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    let output = program()
        .arg("check-config")
        .env("VEETFLOW__HTTP__LISTEN", "nonsense")
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(told.contains("http.listen"), "{told}");
    let output =
        program().arg("check-config").env("VEETFLOW__HTTP__LISTN", "x").output().expect("runs");
    assert!(!output.status.success());
}

#[test]
fn help_teaches_with_examples_and_the_interface_can_be_printed() {
    let help = program().arg("--help").output().expect("runs");
    let text = String::from_utf8(help.stdout).expect("text");
    for word in ["serve", "purge", "doctor", "Examples:", "set-retention shop 90d"] {
        assert!(text.contains(word), "{word} is not in the help");
    }
    let printed = program().arg("print-openapi").output().expect("runs");
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(document["info"]["title"], "VeetFlow");
}

#[test]
fn a_database_on_another_machine_without_tls_is_refused() {
    let output = program()
        .arg("migrate")
        .env("VEETFLOW__DATABASE__URL", "postgres://u@db.example/veetflow")
        .env("VEETFLOW__DATA_DIR", fresh_folder())
        .output()
        .expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("sslmode=require"));
}

/// Policy §6.2; dual control: who places a hold does not approve it, under whatever spelling.
#[actix_web::test]
async fn two_people_place_and_approve_a_hold_on_the_command_line() {
    let shell = Shell::new().await;
    shell.says(&["tenant", "create", "shop", "--name", "My Shop"]);
    let place = ["hold", "place", "shop", "--matter", "2026/17", "--by", "Ann"];
    shell.refuses(&place);
    let said = shell.says(&[&place[..], &["--all"]].concat());
    let hold = said.split_whitespace().next().expect("an identifier").to_owned();
    assert!(hold.starts_with("hld_"), "{said}");
    assert!(shell.says(&["hold", "list", "shop"]).contains("waits for approval"));
    let refusal = shell.refuses(&["hold", "approve", "shop", &hold, "--by", " ann"]);
    assert!(refusal.contains("somebody other"), "{refusal}");
    shell.says(&["hold", "approve", "shop", &hold, "--by", "Bob"]);
    shell.says(&["hold", "release", "shop", &hold, "--by", "Ann", "--reason", "settled"]);
    shell.refuses(&["hold", "release", "shop", &hold, "--by", "Ann", "--reason", "settled"]);
    assert!(shell.says(&["hold", "list", "shop"]).contains("released by ann"));
}
