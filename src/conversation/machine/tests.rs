//! The machine alone: no clock, no socket, no table.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one effect among all")]

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::clock::SystemClock;
use crate::conversation::frame::Author;
use crate::domain::age::AgeBracket;
use crate::domain::consent::{Decision, Decisions, Purpose, Purposes};
use crate::domain::turn::Receipt;
use crate::id::{Id, MessageId};
use crate::store::lane::Outcome;

const ME: ViewerId = ViewerId(1);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn consenting() -> Standing {
    let granted = Purposes::default().decided(Purpose::AiAnswer, Decision::Granted);
    Standing { policy_version: Some("1".into()), granted, epoch: 1 }
}

fn machine(standing: Standing, age: Option<AgeBracket>) -> Machine {
    let facts = Facts {
        tenant: TenantState::Active,
        policy_version: "1",
        standing,
        age,
        is_known: false,
        is_restricted: false,
        objected: Purposes::default(),
        language: Language::En,
        prompt_tokens: 1000,
        answering: Arc::default(),
        provider: "scripted",
        model: "m".into(),
    };
    let at = Standpoint {
        head_seq: 0,
        read_seq: 0,
        started_at: now(),
        anchor_at: now(),
        is_begun: false,
        is_closed: false,
    };
    Machine::new(Ids::new(Arc::new(SystemClock)), facts, at)
}

fn ready() -> Machine {
    machine(consenting(), Some(AgeBracket::Adult))
}

fn send(text: &str) -> ClientFrame {
    ClientFrame::Send { id: Uuid::from_u128(7), text: text.into() }
}

fn refused(effects: &[Effect]) -> Option<ErrorCode> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply(_, ServerFrame::Error { code, .. })
        | Effect::Broadcast(ServerFrame::Error { code, .. }) => Some(*code),
        _ => None,
    })
}

fn written(effects: &[Effect]) -> Option<Content> {
    effects.iter().find_map(|effect| match effect {
        Effect::Write(Entry::Content(content)) => Some(content.clone()),
        _ => None,
    })
}

fn stored(machine: &mut Machine, content: Content, outcome: Outcome) -> Vec<Effect> {
    let appended = Appended {
        outcome,
        seq: machine.log.head_seq + 1,
        tenant: TenantState::Active,
        standing: machine.facts.standing.clone(),
    };
    machine.step(Input::Written(Ok(Written::Entry(appended, Box::new(content), now()))), now())
}

/// Sends a question and carries it to the beginning of its answer.
fn answering() -> Machine {
    let mut machine = ready();
    let effects = machine.step(Input::Frame(ME, send("hello")), now());
    let question = written(&effects).expect("a question to write");
    let effects = stored(&mut machine, question, Outcome::Stored);
    assert!(matches!(effects[0], Effect::Reply(ME, ServerFrame::Ack { seq: 1, .. })));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Infer(..))));
    machine
}

#[test]
fn without_age_or_consent_nothing_is_written_and_nobody_is_asked() {
    for (standing, age, code) in [
        (consenting(), None, ErrorCode::AgeRequired),
        (Standing::default(), Some(AgeBracket::Adult), ErrorCode::ConsentRequired),
        (consenting(), Some(AgeBracket::Under16), ErrorCode::AgeRestricted),
    ] {
        let mut machine = machine(standing, age);
        let effects = machine.step(Input::Frame(ME, send("hello")), now());
        assert_eq!(refused(&effects), Some(code));
        assert_eq!(written(&effects), None);
    }
}

/// Policy §7: consent can be withdrawn at any time; here between two words of an answer.
#[test]
fn a_withdrawal_ends_the_call_before_its_record_is_even_written() {
    let mut machine = answering();
    machine.step(Input::Deltas(vec![Ok(Delta::Text("He".into()))]), now());
    let decisions = Decisions::from([(Purpose::AiAnswer, Decision::Denied)]);
    let frame =
        ClientFrame::Consent { id: Uuid::from_u128(8), policy_version: "1".into(), decisions };
    let effects = machine.step(Input::Frame(ME, frame), now());
    let cancelled = effects.iter().position(|effect| matches!(effect, Effect::CancelInference));
    let first_write = effects.iter().position(|effect| matches!(effect, Effect::Write(_)));
    assert!(cancelled.is_some() && cancelled < first_write, "{effects:?}");
    let answer = written(&effects).expect("the answer's end is recorded");
    assert!(
        matches!(answer, Content::Answer { text, stop_reason: StopReason::ConsentWithdrawn, .. } if text.is_empty())
    );
    let late = machine.step(Input::Deltas(vec![Ok(Delta::Text("llo".into()))]), now());
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn an_answer_is_given_once_more_only_if_it_is_the_newest_and_nothing_grows() {
    let mut machine = answering();
    let message_id = machine.answer.as_ref().expect("one grows").message_id;
    let again = || Input::Frame(ME, ClientFrame::Regenerate { message_id });
    assert_eq!(refused(&machine.step(again(), now())), Some(ErrorCode::Busy));
    machine.step(Input::Deltas(vec![Ok(Delta::Text("half".into()))]), now());
    let answer = written(&machine.step(Input::StreamEnded, now())).expect("an answer to write");
    stored(&mut machine, answer, Outcome::Stored);

    let stranger = ClientFrame::Regenerate { message_id: machine.ids.next() };
    assert!(machine.step(Input::Frame(ME, stranger), now()).is_empty());
    let effects = machine.step(again(), now());
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Infer(prompt, _) => Some(prompt.get().clone()),
        _ => None,
    });
    let asked = asked.expect("the model is asked again");
    assert_eq!(asked.lines.len(), 1, "the half answer is not shown to it");
    assert_eq!(asked.question(), "hello");
}

/// A withdrawal whose record failed, or which came with an old text, still stands against what the database tells.
#[test]
fn a_withdrawal_that_is_not_on_record_is_not_overruled_by_an_older_grant() {
    let mut machine = answering();
    let decisions = Decisions::from([(Purpose::AiAnswer, Decision::Denied)]);
    let frame =
        ClientFrame::Consent { id: Uuid::from_u128(8), policy_version: "old".into(), decisions };
    let effects = machine.step(Input::Frame(ME, frame), now());
    assert_eq!(refused(&effects), None, "taking back needs no newest text");
    let answer = written(&effects).expect("the answer's end");
    let appended = Appended {
        outcome: Outcome::Stored,
        seq: 2,
        tenant: TenantState::Active,
        standing: consenting(),
    };
    machine.step(Input::Written(Ok(Written::Entry(appended, Box::new(answer), now()))), now());
    machine.step(Input::Written(Err(ErrorCode::Unavailable)), now());
    assert_eq!(
        refused(&machine.step(Input::Frame(ME, send("again")), now())),
        Some(ErrorCode::ConsentRequired)
    );
}

/// A write that reached the database although it seemed to fail is found again when it is repeated.
#[test]
fn a_repeated_entry_that_is_newer_than_what_is_known_makes_the_log_be_read_again() {
    let mut machine = ready();
    let question = written(&machine.step(Input::Frame(ME, send("hello")), now())).expect("written");
    let effects = machine.step(Input::Written(Err(ErrorCode::Unavailable)), now());
    assert_eq!(refused(&effects), Some(ErrorCode::Unavailable));
    machine.step(Input::Frame(ME, send("hello")), now());
    let effects = stored(&mut machine, question.clone(), Outcome::Repeated);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Load)));
    let turn = Turn { seq: 1, at: now(), content: question };
    let effects = machine.step(Input::Loaded(vec![turn]), now());
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Infer(..))),
        "the question is answered"
    );
}

#[test]
fn a_question_asked_during_an_answer_is_recorded_at_once_and_answered_next() {
    let mut machine = answering();
    let effects = machine.step(Input::Frame(ME, send("and?")), now());
    let question = written(&effects).expect("written at once");
    let effects = stored(&mut machine, question, Outcome::Stored);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Infer(..))));
    let effects = machine.step(Input::StreamEnded, now());
    let answer = written(&effects).expect("the first answer");
    let effects = stored(&mut machine, answer, Outcome::Stored);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Infer(..))));
}

#[test]
fn a_stream_without_a_reason_to_stop_was_interrupted() {
    let mut machine = answering();
    machine.step(Input::Deltas(vec![Ok(Delta::Text("half".into()))]), now());
    let effects = machine.step(Input::StreamEnded, now());
    let answer = written(&effects);
    assert!(matches!(answer, Some(Content::Answer { stop_reason: StopReason::Interrupted, .. })));
}

#[test]
fn an_answer_that_could_not_be_written_is_kept_and_tried_again() {
    let mut machine = answering();
    machine.step(Input::Deltas(vec![Ok(Delta::Text("kept".into()))]), now());
    machine.step(Input::StreamEnded, now());
    let effects = machine.step(Input::Written(Err(ErrorCode::Unavailable)), now());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Pause)));
    let meanwhile = machine.step(Input::Frame(ME, send("hello?")), now());
    assert_eq!(refused(&meanwhile), Some(ErrorCode::Unavailable));
    let again = written(&machine.step(Input::Retry, now()));
    assert!(matches!(again, Some(Content::Answer { text, .. }) if text == "kept"));
}

#[test]
fn a_writer_that_was_fenced_off_ends_and_says_so() {
    let mut machine = ready();
    let effects = machine.step(Input::Frame(ME, send("hello")), now());
    let question = written(&effects).expect("written");
    let effects = stored(&mut machine, question, Outcome::Fenced);
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::End(Some(ErrorCode::Superseded))))
    );
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Infer(..))));
}

#[test]
fn silence_of_a_day_and_an_age_of_a_week_end_a_conversation() {
    for (since_last, since_start, is_over) in
        [(23, 100, false), (24, 100, true), (1, 168, true), (1, 167, false)]
    {
        let mut machine = ready();
        machine.at.is_begun = true;
        machine.at.anchor_at = now() - SignedDuration::from_hours(since_last);
        machine.at.started_at = now() - SignedDuration::from_hours(since_start);
        let effects = machine.step(Input::Frame(ME, send("hello")), now());
        let code = refused(&effects);
        assert_eq!(
            code == Some(ErrorCode::ConversationClosed),
            is_over,
            "{since_last} {since_start}"
        );
    }
}

#[test]
fn a_drain_lets_the_answer_finish_and_then_ends() {
    let mut machine = answering();
    let effects = machine.step(Input::Drain, now());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::End(_))));
    assert_eq!(
        refused(&machine.step(Input::Frame(ME, send("more")), now())),
        Some(ErrorCode::Draining)
    );
    let answer = written(&machine.step(Input::StreamEnded, now())).expect("recorded");
    let effects = stored(&mut machine, answer, Outcome::Stored);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::End(Some(ErrorCode::Draining)))));
}

#[test]
fn a_flood_of_withdrawals_is_honoured_at_once_and_waits_in_bounded_room() {
    let mut machine = ready();
    let mut last = Vec::new();
    for number in 0..100 {
        let frame = ClientFrame::Consent {
            id: Uuid::from_u128(number),
            policy_version: "1".into(),
            decisions: Decisions::from([(Purpose::AiAnswer, Decision::Denied)]),
        };
        last = machine.step(Input::Frame(ME, frame), now());
        assert!(!machine.facts.standing.allows(Purpose::AiAnswer, "1"));
    }
    assert_eq!(refused(&last), Some(ErrorCode::Busy));
    assert!(machine.waiting.len() <= MOST_WAITING);
}

fn any_input() -> impl Strategy<Value = u8> {
    0_u8..16
}

proptest! {
    /// Whatever happens in whatever order: no answer is asked for without consent, one write is under way at a time,
    /// and what waits is bounded.
    #[test]
    fn no_order_of_events_breaks_the_machine(kinds in proptest::collection::vec(any_input(), 0..80)) {
        let mut machine = machine(Standing::default(), None);
        let mut under_way: Option<Entry> = None;
        for kind in kinds {
            let decide = |decision| ClientFrame::Consent {
                id: Uuid::from_u128(9),
                policy_version: "1".into(),
                decisions: Decisions::from([(Purpose::AiAnswer, decision)]),
            };
            let input = match kind {
                0..=3 => Input::Frame(ME, send("hello")),
                4 => Input::Frame(ME, decide(Decision::Granted)),
                5 => Input::Frame(ME, decide(Decision::Denied)),
                6 => Input::Frame(ME, ClientFrame::Age { id: Uuid::from_u128(3), bracket: AgeBracket::Adult }),
                7 => Input::Deltas(vec![Ok(Delta::Text("word".into()))]),
                8 => Input::Deltas(vec![Err(ProviderError::Overloaded)]),
                9 => Input::StreamEnded,
                10 => Input::Retry,
                11 => Input::Frame(ME, ClientFrame::Stop { message_id: machine.answer.as_ref().map_or(
                    Id::from_uuid(Uuid::nil()), |answer: &Answer| -> MessageId { answer.message_id }) }),
                12 => Input::Written(Err(ErrorCode::Unavailable)),
                _ => match under_way.take() {
                    Some(Entry::Child) => Input::Written(Ok(Written::Child)),
                    Some(Entry::Age(bracket)) => Input::Written(Ok(Written::Age(bracket))),
                    Some(Entry::Content(content)) => Input::Written(Ok(Written::Entry(
                        Appended {
                            outcome: Outcome::Stored,
                            seq: machine.log.head_seq + 1,
                            tenant: TenantState::Active,
                            standing: machine.facts.standing.clone(),
                        },
                        Box::new(content),
                        now(),
                    ))),
                    Some(Entry::Consent { id, decisions }) => {
                        let mut standing = machine.facts.standing.clone();
                        standing.policy_version = Some("1".into());
                        for (purpose, decision) in &decisions {
                            standing.granted = standing.granted.decided(*purpose, *decision);
                        }
                        let receipt = Receipt { id: Id::from_uuid(Uuid::nil()), digest: String::new() };
                        let content = Content::ConsentChanged { id, policy_version: "1".into(), decisions, receipt };
                        let seq = machine.log.head_seq + 1;
                        let appended = Appended { outcome: Outcome::Stored, seq, tenant: TenantState::Active, standing };
                        Input::Written(Ok(Written::Entry(appended, Box::new(content), now())))
                    }
                    None => continue,
                },
            };
            if matches!(input, Input::Written(Err(_))) {
                under_way = None;
            }
            for effect in machine.step(input, now()) {
                match effect {
                    Effect::Write(entry) => {
                        prop_assert!(under_way.is_none(), "two writes at once");
                        under_way = Some(entry);
                    }
                    Effect::Infer(prompt, _) => {
                        prop_assert!(machine.facts.standing.allows(Purpose::AiAnswer, "1"));
                        prop_assert!(machine.facts.age.is_some());
                        prop_assert_eq!(prompt.purpose(), Purpose::AiAnswer);
                    }
                    Effect::Broadcast(ServerFrame::Typing { who, .. }) => prop_assert_eq!(who, Author::Assistant),
                    _ => {}
                }
            }
            prop_assert!(machine.waiting.len() <= MOST_WAITING + 2);
        }
    }
}

mod answering;
