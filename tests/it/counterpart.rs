//! A provider's protocol as somebody else implements it: aimock, in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::fresh_folder;
use crate::support::server::{ServerProcess, free_port};
use crate::support::visitor::Visitor;

const PROGRAM: &str = ".tools/aimock/node_modules/@copilotkit/aimock/dist/cli.js";

struct Aimock {
    process: Child,
    address: String,
}

impl Aimock {
    async fn start(fixtures: &Value) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAM);
        assert!(program.is_file(), "aimock is missing: run .setup/aimock (`make test` does)");
        let fixture = fresh_folder().join("fixtures.json");
        std::fs::write(&fixture, fixtures.to_string()).expect("written");
        let port = free_port().to_string();
        let process = Command::new("node")
            .arg(program)
            .args(["-h", "127.0.0.1", "-p", &port, "-l", "5", "-c", "4", "--strict"])
            .arg("-f")
            .arg(fixture)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("node runs; if it is missing: .setup/aimock");
        let aimock = Self { process, address: format!("127.0.0.1:{port}") };
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(&aimock.address).await.is_ok() {
                return aimock;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("aimock did not start");
    }

    /// All requests it was sent.
    async fn journal(&self) -> Vec<Value> {
        let url = format!("http://{}/__aimock/journal", self.address);
        let response = reqwest::get(url).await.expect("an answer");
        let journal: Value = response.json().await.expect("JSON");
        println!("{journal}");
        let entries = journal.as_array().or_else(|| journal["entries"].as_array());
        entries.expect("a list of requests").clone()
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A house that asks this aimock, and a visitor in it.
async fn house(fixtures: &Value) -> (Aimock, ServerProcess, Visitor) {
    let aimock = Aimock::start(fixtures).await;
    let base_url = format!("http://{}/v1", aimock.address);
    let settings = [
        ("VEETFLOW__PROVIDERS__OPENAI__BASE_URL", base_url.as_str()),
        ("VEETFLOW__PROVIDERS__OPENAI__API_KEY", "sk-of-the-test"),
    ];
    let server = ServerProcess::start(&fresh_folder().join("house"), &settings).await;
    let visitor = server.visitor().await;
    (aimock, server, visitor)
}

fn fixtures(response: &Value, more: &Value) -> Value {
    let mut fixture = json!({"match": {"userMessage": "退款"}, "response": response});
    let fixture_fields = fixture.as_object_mut().expect("an object");
    fixture_fields.extend(more.as_object().expect("an object").clone());
    json!({"fixtures": [fixture]})
}

#[actix_web::test]
async fn the_streamed_answer_of_a_model_reaches_the_visitor_word_for_word() {
    let text = "退款会在三个工作日内到账。Refunds take three working days. 👩‍💻";
    let (aimock, server, mut visitor) =
        house(&fixtures(&json!({"content": text}), &json!({}))).await;
    visitor.ask("退款要多久？").await;
    let (answer, done) = visitor.answer().await;
    assert_eq!(answer, text);
    assert_eq!(done["stop_reason"], "complete");
    assert_eq!(done["provider"], "openai");

    let journal = aimock.journal().await;
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0]["body"]["stream"], true);
    let told = journal[0].to_string();
    let conversation = visitor.conversation.clone().expect("a conversation");
    let digits = conversation.trim_start_matches("cnv_");
    let dashed = uuid::Uuid::parse_str(digits).expect("an identifier").to_string();
    let origin = server.address.clone();
    for private in [visitor.token.as_str(), digits, &dashed, &origin, "wgt_", "x-veetflow"] {
        assert!(!told.contains(private), "{private} was told to the provider: {told}");
    }
    let fields: Vec<_> = journal[0]["body"].as_object().expect("a body").keys().cloned().collect();
    // The last one is aimock's own remark.
    let known = ["max_tokens", "messages", "model", "stream", "stream_options", "_endpointType"];
    assert!(fields.iter().all(|field| known.contains(&field.as_str())), "{fields:?}");
}

#[actix_web::test]
async fn a_provider_that_limits_our_rate_is_asked_once_and_the_visitor_served_from_the_documents() {
    let refusal = json!({
        "error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 1,
    });
    let (aimock, _server, mut visitor) = house(&fixtures(&refusal, &json!({}))).await;
    visitor.ask("退款要多久？").await;
    let (answer, done) = visitor.answer().await;
    assert_eq!(done["provider"], "knowledge");
    assert!(!answer.is_empty());
    // Longer than the second after which the provider invites another attempt.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(aimock.journal().await.len(), 1, "a hidden retry");
}

#[actix_web::test]
async fn each_vendors_own_protocol_is_spoken_and_one_that_dies_is_replaced() {
    let says = |name: &str| {
        fixtures(&json!({"content": format!("来自 {name}：三个工作日。")}), &json!({}))
    };
    let (anthropic, google, openai) = (
        Aimock::start(&says("Claude")).await,
        Aimock::start(&says("Gemini")).await,
        Aimock::start(&says("GPT")).await,
    );
    let at = |aimock: &Aimock, version: &str| format!("http://{}/{version}", aimock.address);
    let (first, second, third) = (at(&anthropic, "v1"), at(&google, "v1beta"), at(&openai, "v1"));
    let settings = [
        ("VEETFLOW__PROVIDERS__CHAIN", r#"["anthropic","google","openai"]"#),
        ("VEETFLOW__PROVIDERS__ANTHROPIC__BASE_URL", first.as_str()),
        ("VEETFLOW__PROVIDERS__ANTHROPIC__API_KEY", "key-of-the-test"),
        ("VEETFLOW__PROVIDERS__GOOGLE__BASE_URL", second.as_str()),
        ("VEETFLOW__PROVIDERS__GOOGLE__API_KEY", "key-of-the-test"),
        ("VEETFLOW__PROVIDERS__GOOGLE__TRAINS_ON_INPUTS", "false"),
        ("VEETFLOW__PROVIDERS__OPENAI__BASE_URL", third.as_str()),
        ("VEETFLOW__PROVIDERS__OPENAI__API", "responses"),
    ];
    let server = ServerProcess::start(&fresh_folder().join("house"), &settings).await;
    let mut visitor = server.visitor().await;
    let mut ask = async |expected: &str, name: &str| {
        visitor.ask("退款要多久？").await;
        let (answer, done) = visitor.answer().await;
        assert_eq!(answer, format!("来自 {name}：三个工作日。"));
        assert_eq!(done["provider"], expected);
    };
    ask("anthropic", "Claude").await;
    drop(anthropic);
    ask("google", "Gemini").await;
    drop(google);
    ask("openai", "GPT").await;
    assert_eq!(openai.journal().await[0]["path"], "/v1/responses");
}

#[actix_web::test]
async fn an_answer_that_is_cut_off_ends_as_interrupted_and_keeps_what_was_shown() {
    let text = "退款会在三个工作日内到账，请耐心等待。";
    let cut = fixtures(&json!({"content": text}), &json!({"truncateAfterChunks": 3}));
    let (aimock, _server, mut visitor) = house(&cut).await;
    visitor.ask("退款要多久？").await;
    let (answer, done) = visitor.answer().await;
    assert_eq!(done["stop_reason"], "interrupted");
    assert!(text.starts_with(&answer) && !answer.is_empty() && answer != text, "{answer}");
    assert_eq!(aimock.journal().await.len(), 1, "a hidden retry");
}
