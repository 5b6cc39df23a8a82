//! Caps, windows, and what is written down, without a model.

use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::clock::MovableClock;
use crate::domain::budget::Cap;
use crate::id::Id;

fn tokens(tokens: u64) -> Spend {
    Spend { requests: 1, input_tokens: tokens, ..Spend::default() }
}

fn caps(day: u64, month: u64) -> Caps {
    let cap = |tokens| Cap { tokens: Some(tokens), ..Cap::default() };
    Caps { day: cap(day), month: cap(month), ..Caps::default() }
}

fn entry(day: Date) -> Entry {
    Entry { day, provider: "openai", model: "m".to_owned() }
}

fn house() -> (Arc<MovableClock>, Accounts, TenantId) {
    let clock = Arc::new(MovableClock::default());
    (clock.clone(), Accounts::new(clock), Id::from_uuid(Uuid::from_u128(7)))
}

#[test]
fn requests_side_by_side_cannot_pass_a_cap_together() {
    let (_, accounts, tenant) = house();
    let (account, today, caps) = (accounts.of(tenant), accounts.today(), caps(100, 1000));
    assert_eq!(account.reserve(today, tokens(60), caps), Ok(()));
    assert_eq!(account.reserve(today, tokens(60), caps), Err(Window::Day));
    // The first one took less than it could: there is room for the second.
    account.settle(entry(today), tokens(60), tokens(30));
    assert_eq!(account.reserve(today, tokens(60), caps), Ok(()));
    assert_eq!(accounts.standing(tenant).0.tokens(), 90);
}

#[test]
fn a_day_begins_anew_and_a_month_goes_on_until_it_ends() {
    let (clock, accounts, tenant) = house();
    let (account, caps) = (accounts.of(tenant), caps(100, 150));
    let spend = |amount| {
        let today = accounts.today();
        account.reserve(today, tokens(amount), caps)?;
        account.settle(entry(today), tokens(amount), tokens(amount));
        Ok(())
    };
    assert_eq!(spend(100), Ok(()));
    assert_eq!(spend(1), Err(Window::Day));
    let first = accounts.today();
    clock.travel(SignedDuration::from_hours(24));
    assert_eq!(accounts.today().month(), first.month(), "the clock of tests begins within a month");
    assert_eq!(spend(50), Ok(()));
    assert_eq!(spend(1), Err(Window::Month));
    clock.travel(SignedDuration::from_hours(24 * 31));
    assert_eq!(spend(100), Ok(()));
}

#[test]
fn what_cannot_be_written_is_given_back_and_told_once_more() {
    let (_, accounts, tenant) = house();
    let (account, today, caps) = (accounts.of(tenant), accounts.today(), caps(100, 1000));
    account.reserve(today, tokens(100), caps).expect("room");
    account.settle(entry(today), tokens(100), tokens(90));
    account.reserve(today, tokens(10), caps).expect("room");
    assert_eq!(account.reserve(today, tokens(11), caps), Err(Window::Day));
    assert_eq!(account.reserve(today, tokens(11), caps), Err(Window::Day));
    let (_, unwritten) = accounts.take_unwritten().pop().expect("something");
    assert_eq!(unwritten.spent, [(entry(today), tokens(90))]);
    assert_eq!(unwritten.open, Some((today, tokens(10))));
    assert_eq!(unwritten.reached, [Window::Day], "told once");
    assert!(accounts.take_unwritten().is_empty());
    let kept = Unwritten {
        spent: unwritten.spent.clone(),
        open: unwritten.open,
        reached: unwritten.reached.clone(),
    };
    accounts.give_back(tenant, unwritten);
    assert_eq!(accounts.take_unwritten(), [(tenant, kept)]);
}
