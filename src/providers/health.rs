//! What is known of the models' health. One account for the whole process: what one worker thread learned of a model, the
//! others need not learn again at a visitor's expense.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::breaker::Breaker;
use super::router::{Allowance, Pace};

/// Provider, model, and on whose account it is asked.
type Account = (&'static str, String, String);

/// The accounts of all models, by provider and model. Looked up when a worker sets up its providers, never for a request.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<Account, Arc<Vitals>>>);

/// The account of one model. Each part is held for a few instructions, once or twice a request and never for a delta.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    pub(super) breaker: Breaker,
    pub(super) pace: Pace,
    pub(super) allowance: Allowance,
}

impl Health {
    /// What is known of a model on one account there, the same for everybody who asks.
    pub(super) fn of(&self, provider: &'static str, model: &str, account: &str) -> Arc<Vitals> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((provider, model.to_owned(), account.to_owned())).or_default().clone()
    }
}
