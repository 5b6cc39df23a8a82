//! The adapters as their vendors would see them: one suite of behaviours over every protocol, over real sockets.

mod budget;
mod conformance;
mod connections;
mod failover;
mod hedging;
mod instructions;
mod own_keys;
mod pseudonyms;
mod recorded;
mod requests;
mod tools;
mod vendor;
mod wire;

use std::sync::Arc;

use figment::value::{Dict, Value};
use futures_util::StreamExt;
use veetflow::clock::SystemClock;
use veetflow::config::Layers;
use veetflow::domain::age::AgeBracket;
use veetflow::domain::answering::Answering;
use veetflow::domain::budget::Spend;
use veetflow::domain::consent::{Decision, Purpose, Purposes, Standing};
use veetflow::domain::language::Language;
use veetflow::domain::prompt::{Line, Passage, Prompt, Role};
use veetflow::domain::tenant::TenantState;
use veetflow::id::Id;
use veetflow::privacy::disclosure::{Circumstances, Disclosed, disclose};
use veetflow::providers::knowledge::Library;
use veetflow::providers::{Accounts, Delta, Provider, ProviderError, Providers};

use wire::Kind;

/// Settings that lead to one server, under the name and protocol of one kind.
fn settings(kind: Kind, base_url: &str, seconds: u64) -> Vec<(&'static str, Value)> {
    let root = kind.settings();
    let mut model = Dict::new();
    model.insert("api_key".into(), "key-of-the-test".into());
    model.insert("base_url".into(), base_url.into());
    model.insert("model".into(), "m-1".into());
    model.insert("first_token_seconds".into(), seconds.into());
    model.insert("trains_on_inputs".into(), false.into());
    model.insert("tools".into(), true.into());
    if kind == Kind::Responses {
        model.insert("api".into(), "responses".into());
    }
    vec![(root, Value::from(model))]
}

fn providers(settings: Vec<(&'static str, Value)>) -> Providers {
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = Layers::with(settings).read().expect("settings");
    shared(&config.providers, Arc::new(Library::new())).expect("providers")
}

/// As one worker has them, with accounts of its own.
fn shared(
    settings: &veetflow::config::Providers,
    library: Arc<Library>,
) -> Result<Providers, impl std::fmt::Debug> {
    let accounts = Arc::new(Accounts::new(Arc::new(SystemClock)));
    Providers::sharing(settings, library, Arc::default(), accounts)
}

/// Who answers for a tenant that may use everything and chose nothing.
fn unrestricted(providers: &Providers) -> Arc<dyn Provider> {
    let tenant = Id::from_uuid(uuid::Uuid::from_u128(1));
    providers.for_tenant(tenant, &Answering::granted(), Spend::default())
}

/// The adapter of one kind, that asks this server and waits so many seconds for the first delta.
fn adapter(kind: Kind, base_url: &str, seconds: u64) -> Arc<dyn Provider> {
    let models = providers(settings(kind, base_url, seconds)).models();
    models.first().expect("one model").clone()
}

fn prompt() -> Prompt {
    let line = |role, text: &str| Line { role, text: text.to_owned() };
    Prompt {
        instruction: std::sync::Arc::default(),
        lines: vec![
            line(Role::Assistant, "an answer whose question was trimmed away"),
            line(Role::Visitor, "你好"),
            line(Role::Assistant, "您好！"),
            line(Role::Visitor, "退款要多久？"),
        ],
        language: Language::Zh,
        passages: vec![Passage {
            title: "退款".into(),
            url: "/refunds".into(),
            text: "三个工作日。".into(),
        }],
        has_placeholders: false,
        tools: true,
    }
}

fn disclosed(age: AgeBracket) -> Disclosed<Prompt> {
    disclosing(prompt(), age)
}

fn disclosing(prompt: Prompt, age: AgeBracket) -> Disclosed<Prompt> {
    let standing = Standing {
        policy_version: Some("1".into()),
        granted: Purposes::default().decided(Purpose::AiAnswer, Decision::Granted),
        epoch: 1,
    };
    let circumstances = Circumstances {
        tenant: TenantState::Active,
        age: Some(age),
        standing: &standing,
        policy_version: "1",
        is_restricted: false,
        objected: Purposes::default(),
    };
    disclose(prompt, Purpose::AiAnswer, circumstances).expect("may be disclosed")
}

/// Everything an adapter gives.
async fn heard(provider: &dyn Provider) -> Vec<Result<Delta, ProviderError>> {
    provider.stream(disclosed(AgeBracket::Adult)).collect().await
}

/// The words among it.
fn words(deltas: &[Result<Delta, ProviderError>]) -> String {
    let text = |delta: &Result<Delta, ProviderError>| match delta {
        Ok(Delta::Text(text)) => Some(text.clone()),
        Ok(_) | Err(_) => None,
    };
    deltas.iter().filter_map(text).collect()
}
