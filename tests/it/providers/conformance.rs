//! What every adapter must do, whatever its protocol.

use std::time::Duration;

use futures_util::StreamExt;
use veetflow::domain::age::AgeBracket;
use veetflow::domain::turn::{StopReason, Usage};
use veetflow::providers::{Delta, ProviderError};

use super::vendor::{Step, Vendor, head, streaming, text};
use super::wire::{End, Kind};
use super::{adapter, disclosed, heard, providers, settings, words};

const SECONDS: u64 = 5;

async fn answered(kind: Kind, steps: Vec<Step>) -> Vec<Result<Delta, ProviderError>> {
    let vendor = Vendor::start(steps).await;
    heard(adapter(kind, &vendor.base_url, SECONDS).as_ref()).await
}

async fn streamed(kind: Kind, body: String) -> Vec<Result<Delta, ProviderError>> {
    answered(kind, vec![streaming(), text(body)]).await
}

fn last(deltas: &[Result<Delta, ProviderError>]) -> &Result<Delta, ProviderError> {
    deltas.last().expect("something was said")
}

fn usage(deltas: &[Result<Delta, ProviderError>]) -> Option<Usage> {
    deltas.iter().find_map(|delta| match delta {
        Ok(Delta::Usage(usage)) => Some(*usage),
        Ok(_) | Err(_) => None,
    })
}

#[actix_web::test]
async fn a_plain_answer_is_heard_whole_with_its_usage_and_reason() {
    let counted =
        Usage { input_tokens: 11, output_tokens: 7, cached_tokens: 3, reasoning_tokens: 0 };
    for kind in Kind::ALL {
        let deltas = streamed(kind, kind.answer(&["三个", "", "工作日", " \"now\"\n🙂"])).await;
        assert_eq!(words(&deltas), "三个工作日 \"now\"\n🙂", "{kind:?}");
        assert_eq!(usage(&deltas), Some(counted), "{kind:?}");
        assert_eq!(last(&deltas), &Ok(Delta::Stop(StopReason::Complete)), "{kind:?}");
        let empty = deltas.iter().filter(|delta| **delta == Ok(Delta::Text(String::new()))).count();
        assert!(kind == Kind::Responses || empty == 0, "{kind:?} gave empty deltas");
    }
}

#[actix_web::test]
async fn the_reason_for_the_end_is_kept() {
    for kind in Kind::ALL {
        for (end, reason) in
            [(End::Length, StopReason::Length), (End::Refused, StopReason::Refused)]
        {
            let body = kind.start() + &kind.words("a") + &kind.end(end);
            assert_eq!(last(&streamed(kind, body).await), &Ok(Delta::Stop(reason)), "{kind:?}");
        }
    }
}

#[actix_web::test]
async fn neither_cuts_nor_line_ends_matter() {
    for kind in Kind::ALL {
        let body = kind.answer(&["退", "款 ✓"]);
        for body in [body.replace("\r\n", "\n"), body.replace("\r\n", "\n").replace('\n', "\r\n")] {
            let mut steps = vec![streaming()];
            for piece in body.as_bytes().chunks(7) {
                steps.push(Step::Bytes(piece.to_vec()));
                steps.push(Step::Pause(Duration::from_micros(200)));
            }
            assert_eq!(words(&answered(kind, steps).await), "退款 ✓", "{kind:?}");
        }
    }
}

#[actix_web::test]
async fn what_is_not_known_yet_is_passed_over() {
    for kind in Kind::ALL {
        let body = kind.start()
            + &kind.unknown()
            + ": a comment\n\n"
            + &kind.words("a")
            + &kind.unknown()
            + &kind.end(End::Complete);
        let deltas = streamed(kind, body).await;
        assert_eq!(words(&deltas), "a", "{kind:?}");
        assert!(deltas.iter().all(Result::is_ok), "{kind:?}: {deltas:?}");
    }
}

#[actix_web::test]
async fn a_refused_request_has_a_name() {
    let cases = [
        ("401 Unauthorized", "", ProviderError::Auth),
        ("403 Forbidden", "", ProviderError::Auth),
        (
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            ProviderError::RateLimited { retry_after: Some(Duration::from_secs(7)) },
        ),
        (
            "429 Too Many Requests",
            "retry-after-ms: 250\r\nretry-after: 1\r\n",
            ProviderError::RateLimited { retry_after: Some(Duration::from_millis(250)) },
        ),
        (
            "429 Too Many Requests",
            "retry-after: soon\r\n",
            ProviderError::RateLimited { retry_after: None },
        ),
        ("500 Internal Server Error", "", ProviderError::Overloaded),
        ("529 Overloaded", "", ProviderError::Overloaded),
        ("400 Bad Request", "", ProviderError::Rejected { status: 400 }),
        ("404 Not Found", "", ProviderError::Rejected { status: 404 }),
        // To a private address: whoever follows it hands over key and conversation.
        ("307 Temporary Redirect", "location: http://10.0.0.1/\r\n", ProviderError::Redirected),
        ("200 OK", "content-type: text/html\r\n", ProviderError::Malformed),
        ("200 OK", "", ProviderError::Malformed),
    ];
    for kind in Kind::ALL {
        for (status, headers, error) in &cases {
            let vendor =
                Vendor::start(vec![head(status, headers), text("<html>sorry</html>")]).await;
            let deltas = heard(adapter(kind, &vendor.base_url, SECONDS).as_ref()).await;
            assert_eq!(deltas, [Err(error.clone())], "{kind:?} {status}");
            assert_eq!(vendor.asked().len(), 1, "{kind:?} {status} was asked again");
        }
    }
}

#[actix_web::test]
async fn a_failure_in_the_middle_ends_the_answer_with_its_words_kept() {
    for kind in Kind::ALL {
        let told = streamed(kind, kind.start() + &kind.words("half") + &kind.failure()).await;
        assert_eq!(words(&told), "half", "{kind:?}");
        assert_eq!(last(&told), &Err(ProviderError::Overloaded), "{kind:?}");

        let cut = streamed(kind, kind.start() + &kind.words("half")).await;
        assert_eq!(words(&cut), "half", "{kind:?}");
        let has_end = cut.iter().any(|delta| matches!(delta, Ok(Delta::Stop(_))));
        assert!(!has_end, "{kind:?} took a cut for an end");

        let broken = streamed(kind, kind.start() + &kind.words("half") + "data: {\"cho\n\n").await;
        assert_eq!(last(&broken), &Err(ProviderError::Malformed), "{kind:?}");

        let chunked = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
        let garbled = vec![head("200 OK", chunked), text("5\r\nda")];
        assert_eq!(answered(kind, garbled).await, [Err(ProviderError::Interrupted)], "{kind:?}");
    }
}

#[actix_web::test]
async fn silence_is_waited_out_only_so_long_and_the_connection_closed() {
    for kind in Kind::ALL {
        for steps in [
            vec![Step::Hold],
            vec![streaming(), Step::Hold],
            // Signs of life are not an answer.
            vec![
                streaming(),
                Step::Forever(b": still here\n\n".to_vec(), Duration::from_millis(50)),
            ],
        ] {
            let vendor = Vendor::start(steps).await;
            let deltas = heard(adapter(kind, &vendor.base_url, 1).as_ref()).await;
            assert_eq!(deltas, [Err(ProviderError::Silent)], "{kind:?}");
            assert!(vendor.is_left_alone().await, "{kind:?} kept the connection");
        }
    }
}

#[actix_web::test]
async fn an_answer_that_is_dropped_closes_the_connection() {
    for kind in Kind::ALL {
        let words = kind.words("on and on ").into_bytes();
        let drip = Step::Forever(words, Duration::from_millis(5));
        let vendor = Vendor::start(vec![streaming(), text(kind.start()), drip]).await;
        let mut deltas =
            adapter(kind, &vendor.base_url, SECONDS).stream(disclosed(AgeBracket::Adult));
        for _ in 0..3 {
            assert!(matches!(deltas.next().await, Some(Ok(Delta::Text(_)))), "{kind:?}");
        }
        drop(deltas);
        assert!(vendor.is_left_alone().await, "{kind:?} kept the connection");
    }
}

#[actix_web::test]
async fn what_is_enormous_is_cut_off() {
    let line = Step::Forever(vec![b'x'; 256 * 1024], Duration::ZERO);
    for kind in Kind::ALL {
        let vendor = Vendor::start(vec![streaming(), text("data: "), line.clone()]).await;
        let deltas = heard(adapter(kind, &vendor.base_url, SECONDS).as_ref()).await;
        assert_eq!(deltas, [Err(ProviderError::Malformed)], "{kind:?}");
        assert!(vendor.is_left_alone().await, "{kind:?} kept the connection");

        // 64 MiB of events that are all in order.
        let event = kind.words(&"x".repeat(64 * 1024)).into_bytes();
        let flood = Step::Forever(event, Duration::ZERO);
        let vendor = Vendor::start(vec![streaming(), flood]).await;
        let mut deltas =
            adapter(kind, &vendor.base_url, SECONDS).stream(disclosed(AgeBracket::Adult));
        let mut end = None;
        while let Some(delta) = deltas.next().await {
            end = delta.err();
        }
        assert_eq!(end, Some(ProviderError::Endless), "{kind:?}");
    }
}

#[actix_web::test]
async fn an_answer_that_drips_byte_by_byte_and_says_nothing_is_not_waited_for() {
    let drip = Step::Forever(b"d".to_vec(), Duration::from_millis(100));
    for kind in Kind::ALL {
        let vendor = Vendor::start(vec![streaming(), drip.clone()]).await;
        let deltas = heard(adapter(kind, &vendor.base_url, 1).as_ref()).await;
        assert_eq!(deltas, [Err(ProviderError::Silent)], "{kind:?}");
        assert!(vendor.is_left_alone().await, "{kind:?} kept the connection");
    }
}

/// Deltas in order, one after the other, for ever: no silence, no size that is too great, and no end.
#[actix_web::test]
async fn an_answer_that_drips_on_and_on_ends_with_its_time() {
    for kind in Kind::ALL {
        let drip = Step::Forever(kind.words("a ").into_bytes(), Duration::from_millis(50));
        let vendor = Vendor::start(vec![streaming(), text(kind.start()), drip]).await;
        let mut all = settings(kind, &vendor.base_url, SECONDS);
        let limit: &'static str = format!("{}.answer_seconds", kind.settings()).leak();
        all.push((limit, 1.into()));
        let models = providers(all).models();
        let deltas = heard(models.first().expect("one model").as_ref()).await;
        assert_eq!(last(&deltas), &Err(ProviderError::Endless), "{kind:?}");
        assert!(words(&deltas).starts_with("a a "), "{kind:?}");
        assert!(vendor.is_left_alone().await, "{kind:?} kept the connection");
    }
}

#[actix_web::test]
async fn hostile_nesting_is_an_answer_that_cannot_be_read() {
    let deep = "[".repeat(300_000);
    let closed = format!("{deep}{}", "]".repeat(300_000));
    for kind in Kind::ALL {
        let field = match kind {
            Kind::Chat | Kind::Compatible => "\"choices\"",
            Kind::Responses => "\"type\":\"response.output_text.delta\",\"delta\"",
            Kind::Anthropic => "\"type\":\"content_block_delta\",\"delta\"",
            Kind::Google => "\"candidates\"",
        };
        for nested in [&deep, &closed] {
            let told = streamed(kind, format!("data: {{{field}:{nested}}}\n\n")).await;
            assert_eq!(told, [Err(ProviderError::Malformed)], "{kind:?}");
        }
        // In a field that nobody reads, it is passed over or refused; either way the reader lives.
        let unread = format!("data: {{\"type\":\"novelty\",\"unread\":{closed}}}\n\n");
        let told = streamed(kind, unread + &kind.answer(&["a"])).await;
        let is_read = words(&told) == "a" && last(&told) == &Ok(Delta::Stop(StopReason::Complete));
        assert!(is_read || told == [Err(ProviderError::Malformed)], "{kind:?}: {told:?}");
    }
}
