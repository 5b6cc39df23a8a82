//! The chain: who is asked when somebody does not answer, and who is not.

use veetflow::domain::age::AgeBracket;
use veetflow::domain::language::Language;
use veetflow::domain::turn::StopReason;
use veetflow::providers::{Delta, Provider, ProviderError};

use futures_util::StreamExt;
use std::sync::Arc;

use super::vendor::{Step, Vendor, head, streaming, text};
use super::wire::Kind;
use super::{disclosed, providers, settings, unrestricted, words};

async fn chain(first: Vec<Step>, second: Vec<Step>) -> (Vendor, Vendor, Arc<dyn Provider>) {
    let (first, second) = (Vendor::start(first).await, Vendor::start(second).await);
    let mut all = settings(Kind::Chat, &first.base_url, 1);
    all.extend(settings(Kind::Anthropic, &second.base_url, 1));
    let router = unrestricted(&providers(all));
    (first, second, router)
}

async fn said(router: &dyn Provider, age: AgeBracket) -> Vec<Result<Delta, ProviderError>> {
    router.stream(disclosed(age)).collect().await
}

fn answered_by(deltas: &[Result<Delta, ProviderError>]) -> (&'static str, u32) {
    let by = deltas.iter().find_map(|delta| match delta {
        Ok(Delta::By(by)) => Some((by.provider, by.attempts)),
        Ok(_) | Err(_) => None,
    });
    by.expect("somebody answered")
}

fn good(kind: Kind) -> Vec<Step> {
    vec![streaming(), text(kind.answer(&["from ", kind.settings()]))]
}

#[actix_web::test]
async fn the_next_one_answers_when_the_first_cannot() {
    for failing in [
        vec![head("503 Service Unavailable", "")],
        vec![head("429 Too Many Requests", "retry-after: 30\r\n")],
        vec![streaming(), text(Kind::Chat.failure())],
        vec![streaming()],
        vec![Step::Hold],
        vec![head("200 OK", "content-type: text/html\r\n")],
    ] {
        let (first, second, router) = chain(failing.clone(), good(Kind::Anthropic)).await;
        let deltas = said(router.as_ref(), AgeBracket::Adult).await;
        assert_eq!(words(&deltas), "from providers.anthropic", "{failing:?}");
        assert_eq!(answered_by(&deltas), ("anthropic", 2));
        assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
    }
}

#[actix_web::test]
async fn nobody_else_is_asked_once_the_visitor_has_seen_a_word() {
    let cut = vec![streaming(), text(Kind::Chat.words("half"))];
    let (_, second, router) = chain(cut, good(Kind::Anthropic)).await;
    let deltas = said(router.as_ref(), AgeBracket::Adult).await;
    assert_eq!(words(&deltas), "half");
    assert!(!deltas.iter().any(|delta| matches!(delta, Ok(Delta::Stop(_)))));
    assert_eq!(second.asked().len(), 0);
}

#[actix_web::test]
async fn a_wrong_key_or_request_is_not_carried_on_to_the_next_one() {
    for failing in ["401 Unauthorized", "400 Bad Request", "307 Temporary Redirect"] {
        let (first, second, router) =
            chain(vec![head(failing, "location: http://10.0.0.1/\r\n")], good(Kind::Anthropic))
                .await;
        let deltas = said(router.as_ref(), AgeBracket::Adult).await;
        assert_eq!(answered_by(&deltas).0, "knowledge", "{failing}");
        assert_eq!((first.asked().len(), second.asked().len()), (1, 0), "{failing}");
    }
}

#[actix_web::test]
async fn a_visitor_is_served_when_every_model_fails() {
    let down = || vec![head("503 Service Unavailable", "")];
    let (first, second, router) = chain(down(), down()).await;
    let deltas = said(router.as_ref(), AgeBracket::Adult).await;
    assert_eq!(answered_by(&deltas), ("knowledge", 5));
    assert_eq!(deltas.last(), Some(&Ok(Delta::Stop(StopReason::Abstained))));
    assert_eq!((first.asked().len(), second.asked().len()), (2, 2));
    for _ in 0..4 {
        said(router.as_ref(), AgeBracket::Adult).await;
    }
    assert!(first.asked().len() <= 5, "the breaker stayed closed: {}", first.asked().len());
}

/// Policy §11: words do not go abroad without a safeguard that the law of their origin knows.
#[actix_web::test]
async fn a_provider_abroad_without_a_safeguard_is_shown_nothing() {
    for (transfer, asked) in [("", 0), ("none-needed", 0), ("scc", 1)] {
        let abroad = Vendor::start(good(Kind::Anthropic)).await;
        let mut all = settings(Kind::Anthropic, &abroad.base_url, 1);
        all.push(("providers.anthropic.region", "us".into()));
        all.push(("providers.anthropic.transfer", transfer.into()));
        let router = unrestricted(&providers(all));
        let by = answered_by(&said(router.as_ref(), AgeBracket::Adult).await).0;
        assert_eq!(abroad.asked().len(), asked, "{transfer:?}");
        assert_eq!(by == "anthropic", asked == 1, "{transfer:?}");
        assert!(router.processor(Language::En).contains("United States"));
    }
}

/// The vendor's terms demand adults (policy §10): a younger visitor's words do not reach it.
#[actix_web::test]
async fn a_provider_for_adults_is_not_shown_the_words_of_the_young() {
    let (google, other) =
        (Vendor::start(good(Kind::Google)).await, Vendor::start(good(Kind::Anthropic)).await);
    let mut all = settings(Kind::Google, &google.base_url, 1);
    all.extend(settings(Kind::Anthropic, &other.base_url, 1));
    all.push(("providers.google.minimum_age", 18.into()));
    all.push(("providers.chain", vec!["google", "anthropic"].into()));
    let router = unrestricted(&providers(all));
    let young = said(router.as_ref(), AgeBracket::From16To17).await;
    assert_eq!(answered_by(&young), ("anthropic", 1));
    assert_eq!(google.asked().len(), 0);
    let adult = said(router.as_ref(), AgeBracket::Adult).await;
    assert_eq!(answered_by(&adult), ("google", 1));
}
