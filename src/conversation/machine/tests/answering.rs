//! What a tenant's rules and budget mean for one conversation.

use super::*;
use crate::domain::answering::{AnswerSettings, Instruction};

fn spend(tokens: u64) -> Spend {
    Spend { requests: 1, input_tokens: tokens, ..Spend::default() }
}

fn restarting() -> Arc<Answering> {
    let settings = AnswerSettings { restart: true, ..AnswerSettings::default() };
    let instruction = Arc::new(Instruction { version: 7, ..Instruction::default() });
    Arc::new(Answering { settings, instruction, ..Answering::default() })
}

/// Lets the answer in progress break off after a word, and records it.
fn break_off(machine: &mut Machine) -> (Content, Vec<Effect>) {
    machine.step(Input::Deltas(vec![Ok(Delta::Text("half".into()))]), now());
    let effects = machine.step(Input::StreamEnded, now());
    let answer = written(&effects).expect("an answer to write");
    let effects = stored(machine, answer.clone(), Outcome::Stored);
    (answer, effects)
}

fn asks(effects: &[Effect]) -> Option<Spend> {
    effects.iter().find_map(|effect| match effect {
        Effect::Infer(_, spent) => Some(*spent),
        _ => None,
    })
}

#[test]
fn an_answer_that_broke_off_is_begun_anew_by_itself_once_where_the_tenant_wants_it() {
    let mut machine = answering();
    let (_, effects) = break_off(&mut machine);
    assert_eq!(asks(&effects), None, "nobody asked for it");
    let mut machine = answering();
    machine.step(Input::Tenant(TenantState::Active, restarting()), now());
    let (_, effects) = break_off(&mut machine);
    assert!(asks(&effects).is_some(), "begun anew");
    let (again, effects) = break_off(&mut machine);
    assert!(matches!(again, Content::Answer { instruction: 7, .. }), "{again:?}");
    assert_eq!(asks(&effects), None, "and not without end");
}

#[test]
fn an_answer_records_what_it_cost_and_the_conversation_goes_on_from_there() {
    let mut machine = answering();
    machine.step(Input::Deltas(vec![Ok(Delta::Spent(spend(900)))]), now());
    machine.step(Input::Deltas(vec![Ok(Delta::Spent(spend(30)))]), now());
    let (answer, _) = break_off(&mut machine);
    let Content::Answer { cost, spent, .. } = &answer else { panic!("{answer:?}") };
    assert_eq!((*cost, *spent), (spend(30), spend(30)));
    let effects = machine.step(Input::Frame(ME, send("and then?")), now());
    let question = written(&effects).expect("a question to write");
    let effects = stored(&mut machine, question, Outcome::Stored);
    assert_eq!(asks(&effects), Some(spend(30)));
    // What another node or a restart knows of it is what the newest answer says.
    let at = Standpoint { head_seq: 2, is_begun: true, ..machine.at };
    let mut resumed = Machine::new(Ids::new(Arc::new(SystemClock)), machine.facts.clone(), at);
    let turns = vec![Turn { seq: 2, at: now(), content: answer }];
    resumed.step(Input::Loaded(turns), now());
    let effects = resumed.step(Input::Frame(ME, send("more")), now());
    let question = written(&effects).expect("a question to write");
    assert_eq!(asks(&stored(&mut resumed, question, Outcome::Stored)), Some(spend(30)));
}

#[test]
fn a_visitor_is_told_beside_the_answer_that_the_budget_is_used_up() {
    let mut machine = answering();
    let notice = Delta::Notice(ErrorCode::BudgetReached);
    let effects = machine.step(Input::Deltas(vec![Ok(notice)]), now());
    assert_eq!(refused(&effects), Some(ErrorCode::BudgetReached));
    assert!(machine.answer.is_some(), "the documents go on to answer");
}
