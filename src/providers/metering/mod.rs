//! What a request may cost and what it did: nothing is asked of a model that a budget has no room for.

mod accounts;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;

use super::{Provider, ProviderError};
use crate::domain::budget::{Caps, Spend, Tariff, Window};
use crate::domain::prompt::{Prompt, estimated_tokens};
use crate::domain::turn::Usage;

pub use accounts::{Accounts, Entry, Unwritten};

use accounts::Account;

/// Bytes that are taken for a token where a provider does not count. Errs on the high side.
const BYTES_A_TOKEN: usize = 3;

/// Counts what one answer costs, over all requests that it takes.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    account: Arc<Account>,
    tally: Arc<Tally>,
    caps: Caps,
    today: Date,
}

/// What one conversation has spent, with what its answer in progress has set aside.
#[derive(Debug)]
struct Tally(Mutex<Counted>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    spent: Spend,
    open: Spend,
}

/// Why a model is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The budget has no room.
    Reached(Window),
    /// There is a budget of money, and nobody said what the model costs.
    Unpriced,
}

impl Meter {
    /// A meter for one answer of a conversation that has spent so much before.
    pub(super) fn new(
        accounts: &Accounts,
        tenant: crate::id::TenantId,
        caps: Caps,
        spent: Spend,
    ) -> Self {
        let tally = Tally(Mutex::new(Counted { spent, open: Spend::default() }));
        Self { account: accounts.of(tenant), tally: Arc::new(tally), caps, today: accounts.today() }
    }

    /// Sets aside the most that asking a model can cost.
    pub(super) fn reserve(
        &self,
        provider: &dyn Provider,
        prompt: &Prompt,
    ) -> Result<Charge, Refusal> {
        let Some(tariff) = provider.tariff() else { return Ok(Charge::free(self.clone())) };
        if tariff.price.is_none() && self.caps.count_money() {
            return Err(Refusal::Unpriced);
        }
        let input_tokens = estimated_input(prompt);
        let most = Usage { input_tokens, output_tokens: tariff.longest_answer, ..Usage::default() };
        let most = Spend::of(most, tariff.price);
        let mut tally = self.tally.lock();
        if !self.caps.conversation.admits(tally.spent.plus(tally.open).plus(most)) {
            return Err(Refusal::Reached(Window::Conversation));
        }
        self.account.reserve(self.today, most, self.caps).map_err(Refusal::Reached)?;
        tally.open = tally.open.plus(most);
        drop(tally);
        let entry = Entry {
            day: self.today,
            provider: provider.name(),
            model: provider.model().to_owned(),
        };
        let bill = Bill { entry, tariff, most, input_tokens, heard: 0, counted: None };
        Ok(Charge { meter: self.clone(), bill: Some(bill) })
    }
}

impl Tally {
    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn total(&self) -> Spend {
        let counted = *self.lock();
        counted.spent.plus(counted.open)
    }
}

/// What a prompt will be counted as, erring on the high side.
fn estimated_input(prompt: &Prompt) -> u32 {
    let lines: usize = prompt.lines.iter().map(|line| estimated_tokens(&line.text)).sum();
    let all = lines + estimated_tokens(&prompt.instruction());
    u32::try_from(all).unwrap_or(u32::MAX)
}

/// One request that is under way. However it ends, a dropped one included, it is settled.
#[derive(Debug)]
pub(super) struct Charge {
    meter: Meter,
    bill: Option<Bill>,
}

#[derive(Debug)]
struct Bill {
    entry: Entry,
    tariff: Tariff,
    most: Spend,
    input_tokens: u32,
    /// Bytes of words that have come.
    heard: usize,
    counted: Option<Usage>,
}

impl Charge {
    const fn free(meter: Meter) -> Self {
        Self { meter, bill: None }
    }

    /// Words have come.
    pub(super) fn heard(&mut self, bytes: usize) {
        if let Some(bill) = &mut self.bill {
            bill.heard += bytes;
        }
    }

    /// The provider has counted.
    pub(super) fn counted(&mut self, usage: Usage) {
        if let Some(bill) = &mut self.bill {
            bill.counted = Some(bill.counted.unwrap_or_default().plus(usage));
        }
    }

    /// What the conversation has spent, with the most that is under way.
    pub(super) fn total(&self) -> Spend {
        self.meter.tally.total()
    }

    /// The request is over.
    pub(super) fn close(mut self) -> Spend {
        self.settle();
        self.total()
    }

    /// The request was refused before it was answered; most refusals cost nothing.
    pub(super) fn failed(mut self, failure: &ProviderError) {
        if !failure.may_cost()
            && let Some(bill) = self.bill.take()
        {
            self.meter.settle(bill.entry, bill.most, Spend::default());
        }
    }

    /// The request was not made after all.
    pub(super) fn spare(mut self) {
        if let Some(bill) = self.bill.take() {
            self.meter.settle(bill.entry, bill.most, Spend::default());
        }
    }

    fn settle(&mut self) {
        if let Some(bill) = self.bill.take() {
            let cost = bill.cost();
            self.meter.settle(bill.entry, bill.most, cost);
        }
    }
}

impl Bill {
    /// As the provider counted; as it seems from here, where it did not.
    fn cost(&self) -> Spend {
        let heard = u32::try_from(self.heard.div_ceil(BYTES_A_TOKEN)).unwrap_or(u32::MAX);
        let seen =
            Usage { input_tokens: self.input_tokens, output_tokens: heard, ..Usage::default() };
        Spend::of(self.counted.unwrap_or(seen), self.tariff.price)
    }
}

impl Meter {
    fn settle(&self, entry: Entry, most: Spend, cost: Spend) {
        self.account.settle(entry, most, cost);
        let mut tally = self.tally.lock();
        tally.open = tally.open.minus(most);
        tally.spent = tally.spent.plus(cost);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.settle();
    }
}
