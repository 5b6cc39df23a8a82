//! A model that is later than it usually is: the next one is asked beside it, within bounds.

use std::sync::Arc;
use std::time::Duration;

use figment::value::Value;
use futures_util::StreamExt;
use veetflow::clock::SystemClock;
use veetflow::config::Layers;
use veetflow::domain::age::AgeBracket;
use veetflow::providers::knowledge::Library;
use veetflow::providers::{Accounts, Delta, Health, Provider, ProviderError, Providers};

use super::vendor::{Step, Vendor, head, streaming, text};
use super::wire::Kind;
use super::{disclosed, disclosing, prompt, providers, settings, unrestricted, words};

/// Answers after which a model's pace is known.
const KNOWN: usize = 20;
/// How long the first model usually takes.
const USUAL: Duration = Duration::from_millis(150);
/// Far later than that.
const LATE: Duration = Duration::from_millis(1_500);

fn after(pause: Duration, kind: Kind) -> Vec<Step> {
    let words = text(kind.answer(&["from ", kind.settings()]));
    vec![streaming(), Step::Pause(pause), words]
}

fn quick(kind: Kind) -> (Kind, Vec<Step>) {
    (kind, after(Duration::ZERO, kind))
}

/// Two models, of which the first begins as usual so often that its pace is known, and then does as told.
async fn known(
    then: Vec<Vec<Step>>,
    (second, script): (Kind, Vec<Step>),
    more: Vec<(&'static str, Value)>,
) -> (Vendor, Vendor, Arc<dyn Provider>) {
    let mut scripts = vec![after(USUAL, Kind::Chat); KNOWN];
    scripts.extend(then);
    let first = Vendor::in_turn(scripts).await;
    let other = Vendor::start(script).await;
    let mut all = settings(Kind::Chat, &first.base_url, 5);
    all.extend(settings(second, &other.base_url, 5));
    all.extend(more);
    let router = unrestricted(&providers(all));
    let asked = (0..KNOWN).map(|_| said(router.as_ref()));
    for deltas in futures_util::future::join_all(asked).await {
        assert_eq!(answered_by(&deltas), ("openai", 1), "its pace was not known yet");
    }
    (first, other, router)
}

async fn said(router: &dyn Provider) -> Vec<Result<Delta, ProviderError>> {
    router.stream(disclosed(AgeBracket::Adult)).collect().await
}

fn answered_by(deltas: &[Result<Delta, ProviderError>]) -> (&'static str, u32) {
    let by = deltas.iter().find_map(|delta| match delta {
        Ok(Delta::By(by)) => Some((by.provider, by.attempts)),
        Ok(_) | Err(_) => None,
    });
    by.expect("somebody answered")
}

fn hedging() -> Vec<(&'static str, Value)> {
    vec![("providers.hedge", true.into())]
}

#[actix_web::test]
async fn a_late_model_is_outrun_by_the_next_and_its_connection_closed() {
    for silent in [vec![Step::Hold], vec![streaming(), Step::Hold]] {
        let (first, second, router) = known(vec![silent], quick(Kind::Anthropic), hedging()).await;
        let deltas = said(router.as_ref()).await;
        assert_eq!(words(&deltas), "from providers.anthropic");
        assert_eq!(answered_by(&deltas), ("anthropic", 2), "both requests count");
        assert_eq!((first.asked().len(), second.asked().len()), (KNOWN + 1, 1));
        assert!(first.is_left_alone().await, "the loser's connection stayed open");
    }
}

#[actix_web::test]
async fn a_late_model_that_speaks_first_after_all_answers_and_the_other_is_dropped() {
    let slow = vec![after(USUAL * 5, Kind::Chat)];
    let silent = (Kind::Anthropic, vec![Step::Hold]);
    let (_, silent, router) = known(slow, silent, hedging()).await;
    let deltas = said(router.as_ref()).await;
    assert_eq!(answered_by(&deltas), ("openai", 2));
    assert_eq!(silent.asked().len(), 1);
    assert!(silent.is_left_alone().await, "the loser's connection stayed open");
}

#[actix_web::test]
async fn what_fails_beside_a_late_model_is_not_the_end_of_either() {
    let slow = vec![after(USUAL * 5, Kind::Chat)];
    let down = (Kind::Anthropic, vec![head("503 Service Unavailable", "")]);
    let (_, second, router) = known(slow, down, hedging()).await;
    let deltas = said(router.as_ref()).await;
    assert_eq!((answered_by(&deltas), second.asked().len()), (("openai", 2), 1));
}

#[actix_web::test]
async fn only_a_share_of_the_requests_is_asked_twice() {
    for (percent, doubled) in [(5_u8, 1), (100, 2)] {
        let late = vec![after(LATE, Kind::Chat); 2];
        let mut more = hedging();
        more.push(("providers.hedge_percent", percent.into()));
        let (first, second, router) = known(late, quick(Kind::Anthropic), more).await;
        for _ in 0..2 {
            said(router.as_ref()).await;
        }
        assert_eq!(first.asked().len(), KNOWN + 2);
        assert_eq!(second.asked().len(), doubled, "{percent} %");
    }
}

#[actix_web::test]
async fn nobody_is_asked_beside_a_model_that_has_begun_to_speak() {
    let begun = vec![
        streaming(),
        text(Kind::Chat.words("once ")),
        Step::Pause(USUAL * 5),
        text(Kind::Chat.answer(&["begun"])),
    ];
    let (_, second, router) = known(vec![begun], quick(Kind::Anthropic), hedging()).await;
    let deltas = said(router.as_ref()).await;
    assert_eq!((words(&deltas).as_str(), answered_by(&deltas)), ("once begun", ("openai", 1)));
    assert_eq!(second.asked().len(), 0);
}

#[actix_web::test]
async fn without_the_setting_a_late_model_is_waited_for() {
    let late = vec![after(LATE, Kind::Chat)];
    let (_, second, router) = known(late, quick(Kind::Anthropic), vec![]).await;
    assert_eq!(answered_by(&said(router.as_ref()).await), ("openai", 1));
    assert_eq!(second.asked().len(), 0);
}

/// Policy §4, §10: the second provider has terms of its own, and sees no more of a visitor than the first.
#[actix_web::test]
async fn the_second_provider_is_bound_by_the_same_rules() {
    let mut more = hedging();
    more.push(("providers.google.minimum_age", 18.into()));
    let late = vec![after(LATE, Kind::Chat), vec![Step::Hold]];
    let (_, second, router) = known(late, quick(Kind::Google), more).await;
    let young: Vec<_> = router.stream(disclosed(AgeBracket::From16To17)).collect().await;
    assert_eq!(answered_by(&young), ("openai", 1));
    assert_eq!(second.asked().len(), 0, "it is for adults");

    let mut telling = prompt();
    telling.lines.last_mut().expect("a question").text = "我的邮箱是 li@example.com".into();
    let adult: Vec<_> = router.stream(disclosing(telling, AgeBracket::Adult)).collect().await;
    assert_eq!(answered_by(&adult), ("google", 2));
    let shown = second.asked().first().cloned().expect("asked").body;
    assert!(shown.contains("[EMAIL_1]") && !shown.contains("li@example.com"), "{shown}");
}

#[actix_web::test]
async fn what_one_worker_learned_of_a_model_the_others_know() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let limited = vec![head("429 Too Many Requests", "retry-after: 30\r\n")];
    let first = Vendor::start(limited).await;
    let config = Layers::with(settings(Kind::Chat, &first.base_url, 1)).read().expect("settings");
    let health = Arc::new(Health::default());
    let accounts = Arc::new(Accounts::new(Arc::new(SystemClock)));
    for _ in 0..3 {
        let library = Arc::new(Library::new());
        let worker =
            Providers::sharing(&config.providers, library, health.clone(), accounts.clone())
                .expect("providers");
        let router = unrestricted(&worker);
        assert_eq!(answered_by(&said(router.as_ref()).await).0, "knowledge");
    }
    assert_eq!(first.asked().len(), 1);
}
