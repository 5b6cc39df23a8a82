//! What a model may ask for, over every protocol: looking something up, and a person.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use veetflow::config::Layers;
use veetflow::domain::age::AgeBracket;
use veetflow::domain::answering::Answering;
use veetflow::domain::budget::Spend;
use veetflow::domain::language::Language;
use veetflow::domain::turn::{StopReason, Usage};
use veetflow::id::{Id, TenantId};
use veetflow::providers::knowledge::Library;
use veetflow::providers::knowledge::index::Document;
use veetflow::providers::{Delta, ProviderError};

use super::vendor::{Step, Vendor, streaming, text};
use super::wire::Kind;
use super::{disclosed, settings, shared, words};

fn tenant(number: u128) -> TenantId {
    Id::from_uuid(uuid::Uuid::from_u128(number))
}

/// Two tenants' shelves, each with one page about the same thing.
fn library() -> Arc<Library> {
    let library = Library::new();
    for (number, hours) in [(1, "nine to five"), (2, "only at midnight")] {
        let document = Document {
            slug: "warehouse".into(),
            title: "Warehouse".into(),
            url: format!("/warehouse/{number}"),
            language: Language::En,
            markdown: format!("## Opening hours\n\nThe warehouse in Ulm is open {hours}."),
        };
        let leaves = library.read(&document);
        library.shelve(tenant(number), Id::from_uuid(uuid::Uuid::from_u128(7)), 1, leaves);
    }
    Arc::new(library)
}

fn script(body: String) -> Vec<Step> {
    vec![streaming(), text(body)]
}

async fn said(
    kind: Kind,
    bodies: Vec<String>,
) -> (Vec<Result<Delta, ProviderError>>, Vec<(String, bool)>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let vendor = Vendor::in_turn(bodies.into_iter().map(script).collect()).await;
    let config = Layers::with(settings(kind, &vendor.base_url, 5)).read().expect("settings");
    let providers = shared(&config.providers, library()).expect("providers");
    let answering = providers.for_tenant(tenant(1), &Answering::granted(), Spend::default());
    let deltas = answering.stream(disclosed(AgeBracket::Adult)).collect().await;
    let asked = vendor.asked().into_iter().map(|asked| {
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        (asked.body, body.get("tools").is_some())
    });
    (deltas, asked.collect())
}

fn told<T>(deltas: &[Result<Delta, ProviderError>], of: impl Fn(&Delta) -> Option<T>) -> Option<T> {
    deltas.iter().filter_map(|delta| of(delta.as_ref().ok()?)).next_back()
}

fn stop(deltas: &[Result<Delta, ProviderError>]) -> Option<StopReason> {
    told(deltas, |delta| if let Delta::Stop(reason) = delta { Some(*reason) } else { None })
}

fn by(deltas: &[Result<Delta, ProviderError>]) -> Option<(&'static str, u32)> {
    let by = |by: &veetflow::providers::By| (by.provider, by.attempts);
    told(deltas, |delta| if let Delta::By(it) = delta { Some(by(it)) } else { None })
}

const SEARCH: &str = r#"{"query":"warehouse Ulm opening hours"}"#;

#[actix_web::test]
async fn what_a_model_looks_up_is_found_on_its_tenants_own_shelf_and_cited() {
    for kind in Kind::ALL {
        let bodies = vec![kind.asking("search_knowledge", SEARCH), kind.answer(&["nine to five"])];
        let (deltas, asked) = said(kind, bodies).await;
        assert_eq!(asked.len(), 2, "{kind:?}");
        assert!(asked[0].1, "{kind:?} was offered nothing");
        assert!(!asked[0].0.contains("nine to five"), "{kind:?} knew it before");
        assert!(asked[1].0.contains("nine to five"), "{kind:?} was not told");
        assert!(!asked[1].0.contains("midnight"), "{kind:?} saw another tenant's page");
        assert_eq!(words(&deltas), "nine to five", "{kind:?}");
        assert_eq!(stop(&deltas), Some(StopReason::Complete), "{kind:?}");
        assert_eq!(by(&deltas).map(|by| by.1), Some(2), "{kind:?}");
        let usage = told(&deltas, |delta| match delta {
            Delta::Usage(usage) => Some(*usage),
            Delta::By(_)
            | Delta::Text(_)
            | Delta::Citations(_)
            | Delta::Tool(_)
            | Delta::Spent(_)
            | Delta::Notice(_)
            | Delta::Stop(_) => None,
        });
        let both =
            Usage { input_tokens: 22, output_tokens: 14, cached_tokens: 6, reasoning_tokens: 0 };
        assert_eq!(usage, Some(both), "{kind:?}");
        let cited = deltas.iter().any(|delta| {
            matches!(delta, Ok(Delta::Citations(all)) if all.iter().any(|one| one.url.starts_with("/warehouse/1")))
        });
        assert!(cited, "{kind:?}: {deltas:?}");
        assert!(!deltas.iter().any(|delta| matches!(delta, Ok(Delta::Tool(_)))), "{kind:?}");
    }
}

#[actix_web::test]
async fn a_model_that_needs_a_person_ends_its_answer_with_the_way_to_one() {
    for kind in Kind::ALL {
        let bodies = vec![kind.asking("handoff_to_person", r#"{"reason":"asked_for"}"#)];
        let (deltas, asked) = said(kind, bodies).await;
        assert_eq!(stop(&deltas), Some(StopReason::HandoffRequested), "{kind:?}");
        assert!(words(&deltas).contains("工作人员"), "{kind:?}: {}", words(&deltas));
        assert_eq!(asked.len(), 1, "{kind:?}");
    }
}

#[actix_web::test]
async fn what_a_model_may_not_ask_for_is_not_done_and_the_answer_goes_on() {
    let long = format!(r#"{{"query":"{}"}}"#, "warehouse ".repeat(60));
    let enormous = format!(r#"{{"query":"{}"}}"#, "x".repeat(200_000));
    let nested = format!(r#"{{"query":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    for kind in Kind::ALL {
        for (name, arguments) in [
            ("delete_everything", "{}"),
            ("search_knowledge", r#"{"query":"warehouse","tenant":"2"}"#),
            ("search_knowledge", "{\"query\":"),
            ("search_knowledge", long.as_str()),
            ("search_knowledge", enormous.as_str()),
            ("search_knowledge", nested.as_str()),
            ("handoff_to_person", r#"{"reason":"boredom"}"#),
        ] {
            let bodies = vec![kind.asking(name, arguments), kind.answer(&["without"])];
            let (deltas, asked) = said(kind, bodies).await;
            assert_eq!(words(&deltas), "without", "{kind:?} {name}");
            assert_eq!(stop(&deltas), Some(StopReason::Complete), "{kind:?} {name}");
            assert_eq!(asked.len(), 2, "{kind:?} {name}");
            assert!(!asked[1].1 && !asked[1].0.contains("nine to five"), "{kind:?} {name}");
        }
    }
}

#[actix_web::test]
async fn a_model_that_only_ever_asks_is_asked_three_times_and_the_documents_answer() {
    for kind in Kind::ALL {
        let (deltas, asked) = said(kind, vec![kind.asking("search_knowledge", SEARCH)]).await;
        assert!((2..=3).contains(&asked.len()), "{kind:?}: {}", asked.len());
        assert_eq!(asked.last().map(|asked| asked.1), Some(false), "{kind:?}");
        assert_eq!(by(&deltas).map(|by| by.0), Some("knowledge"), "{kind:?}");
        assert!(!words(&deltas).is_empty(), "{kind:?}");
    }
}
