//! One model of a chain, asked once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::super::health::{Health, Vitals};
use super::super::metering::Charge;
use super::super::{By, Delta, Deltas, Provider, ProviderError};
use super::Hedge;
use super::watched::Watched;
use crate::domain::prompt::Prompt;
use crate::privacy::disclosure::Disclosed;

/// A model, and what is known of its health.
#[derive(Debug)]
pub(in crate::providers) struct Candidate {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) vitals: Arc<Vitals>,
}

/// An answer whose first delta has come.
pub(super) struct Begun {
    candidate: Arc<Candidate>,
    first: Delta,
    rest: Deltas,
    charge: Charge,
}

impl Candidate {
    /// A model that is asked on one account there; the operator's has no name.
    pub(in crate::providers) fn new(
        provider: Arc<dyn Provider>,
        health: &Health,
        account: &str,
    ) -> Arc<Self> {
        let vitals = health.of(provider.name(), provider.model(), account);
        Arc::new(Self { provider, vitals })
    }

    pub(in crate::providers) fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }

    /// Whether it may be asked now; a rest that is over is ended by the one request that this admits.
    pub(super) fn admits(&self) -> bool {
        self.vitals.breaker.admits(Instant::now())
    }

    /// Whether it is in full health. A second request is no occasion to try a model that is recovering.
    pub(super) fn is_well(&self) -> bool {
        self.vitals.breaker.is_closed()
    }

    /// The time after which this model is later than it usually is. Each request that asks adds to the allowance.
    pub(super) fn late(&self, hedge: Hedge) -> Option<Duration> {
        self.vitals.allowance.earn(hedge.percent);
        self.vitals.pace.late(Instant::now())
    }

    /// Takes one second request from the allowance.
    pub(super) fn may_be_doubled(&self) -> bool {
        self.vitals.allowance.spend()
    }

    /// Notes that it was outrun after so long. Left out, only its quick answers would count, and ever more would seem late.
    pub(super) fn was_outrun(&self, after: Duration) {
        self.vitals.pace.note(after, Instant::now());
    }

    /// Asks, and waits for the first delta.
    pub(super) async fn ask(
        self: &Arc<Self>,
        prompt: Disclosed<Prompt>,
        charge: Charge,
    ) -> Result<Begun, ProviderError> {
        let asked = Instant::now();
        let mut rest = self.provider.stream(prompt);
        let failure = match rest.next().await {
            Some(Ok(first)) => {
                let now = Instant::now();
                self.vitals.pace.note(now.duration_since(asked), now);
                return Ok(Begun { candidate: self.clone(), first, rest, charge });
            }
            Some(Err(error)) => error,
            None => ProviderError::Interrupted,
        };
        charge.failed(&failure);
        self.vitals.breaker.fail(&failure, Instant::now());
        tracing::warn!(
            provider = self.provider.name(),
            error = %failure,
            "a provider did not answer"
        );
        Err(failure)
    }
}

impl Begun {
    /// The answer, with who gives it and how many requests it took.
    pub(super) fn told(self, attempts: u32) -> Deltas {
        let Self { candidate, first, rest, charge } = self;
        let by = By::new(candidate.provider.as_ref(), attempts);
        Watched::new(candidate, charge, rest, by, first).boxed_local()
    }
}
