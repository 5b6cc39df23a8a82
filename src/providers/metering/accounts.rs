//! What tenants have spent and may yet: in memory, because every request to a model asks first, and written down once a
//! second (`services/spending.rs`).
//!
//! What is under way counts with the most that it can cost, so that requests side by side cannot pass a cap together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::SharedClock;
use crate::domain::budget::{Caps, Spend, Window};
use crate::id::TenantId;

/// The accounts of all tenants.
#[derive(Debug)]
pub struct Accounts {
    clock: SharedClock,
    known: Mutex<HashMap<TenantId, Arc<Account>>>,
}

/// What one line of the books is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The day (UTC).
    pub day: Date,
    /// Who was asked.
    pub provider: &'static str,
    /// Which model.
    pub model: String,
}

/// What has to be written down of one tenant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unwritten {
    /// What was spent since the last time.
    pub spent: Vec<(Entry, Spend)>,
    /// The most that what is under way now can cost, if it is another amount than the last time.
    pub open: Option<(Date, Spend)>,
    /// Caps of the tenant that were met for the first time.
    pub reached: Vec<Window>,
}

impl Unwritten {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.spent.is_empty() && self.open.is_none() && self.reached.is_empty()
    }
}

/// One tenant's account. Held for a few instructions, twice a request and never for a delta.
#[derive(Debug)]
pub(super) struct Account(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    today: Date,
    day: Spend,
    month: Spend,
    open: Spend,
    open_written: Spend,
    unwritten: BTreeMap<Entry, Spend>,
    /// Caps met in the current windows.
    met: BTreeSet<Window>,
    untold: Vec<Window>,
}

impl Accounts {
    /// Accounts in which nothing has been spent.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    /// The day that it is (UTC).
    pub fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// Takes over what the books say was spent today and this month.
    pub fn restore(&self, tenant: TenantId, day: Spend, month: Spend) {
        let today = self.today();
        let account = self.of(tenant);
        let mut books = account.lock(today);
        books.day = books.day.plus(day);
        books.month = books.month.plus(month);
    }

    /// What a tenant has spent today and this month, with what is under way.
    pub fn standing(&self, tenant: TenantId) -> (Spend, Spend) {
        let account = self.of(tenant);
        let books = account.lock(self.today());
        (books.day.plus(books.open), books.month.plus(books.open))
    }

    /// What has to be written down. Whoever takes it and cannot write it gives it [back](Self::give_back).
    pub fn take_unwritten(&self) -> Vec<(TenantId, Unwritten)> {
        let today = self.today();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = known.iter().map(|(tenant, account)| (*tenant, account.lock(today).take()));
        taken.filter(|(_, unwritten)| !unwritten.is_empty()).collect()
    }

    /// Takes back what could not be written.
    pub fn give_back(&self, tenant: TenantId, unwritten: Unwritten) {
        let account = self.of(tenant);
        let mut books = account.lock(self.today());
        for (entry, spend) in unwritten.spent {
            let line = books.unwritten.entry(entry).or_default();
            *line = line.plus(spend);
        }
        if let Some((_, open)) = unwritten.open {
            // Any other amount than the present one, so that the present one is written.
            books.open_written = open.plus(Spend { requests: 1, ..Spend::default() });
        }
        books.untold.extend(unwritten.reached);
    }

    pub(super) fn of(&self, tenant: TenantId) -> Arc<Account> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new =
            || Arc::new(Account(Mutex::new(Books { today: self.today(), ..Books::default() })));
        known.entry(tenant).or_insert_with(new).clone()
    }
}

impl Account {
    fn lock(&self, today: Date) -> std::sync::MutexGuard<'_, Books> {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        books.turn_to(today);
        books
    }

    /// Sets the most that a request can cost aside, or says which cap it would pass.
    pub(super) fn reserve(&self, today: Date, most: Spend, caps: Caps) -> Result<(), Window> {
        let mut books = self.lock(today);
        let open = books.open.plus(most);
        for (window, cap, spent) in
            [(Window::Day, caps.day, books.day), (Window::Month, caps.month, books.month)]
        {
            if !cap.admits(spent.plus(open)) {
                if books.met.insert(window) {
                    books.untold.push(window);
                }
                return Err(window);
            }
        }
        books.open = open;
        Ok(())
    }

    /// Puts what a request did cost in place of what was set aside.
    pub(super) fn settle(&self, entry: Entry, most: Spend, cost: Spend) {
        let mut books = self.lock(entry.day);
        books.open = books.open.minus(most);
        if cost.is_nothing() {
            return;
        }
        books.day = books.day.plus(cost);
        books.month = books.month.plus(cost);
        let line = books.unwritten.entry(entry).or_default();
        *line = line.plus(cost);
    }
}

impl Books {
    /// Begins new windows where the day or the month is another one. A clock that goes back changes nothing.
    fn turn_to(&mut self, today: Date) {
        if today <= self.today {
            return;
        }
        if (today.year(), today.month()) != (self.today.year(), self.today.month()) {
            self.month = Spend::default();
            self.met.remove(&Window::Month);
        }
        self.day = Spend::default();
        self.met.remove(&Window::Day);
        self.today = today;
    }

    fn take(&mut self) -> Unwritten {
        let open = (self.open != self.open_written).then_some((self.today, self.open));
        self.open_written = self.open;
        Unwritten {
            spent: std::mem::take(&mut self.unwritten).into_iter().collect(),
            open,
            reached: std::mem::take(&mut self.untold),
        }
    }
}

#[cfg(test)]
mod tests;
