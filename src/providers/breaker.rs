//! The breaker in front of one model: after failures in a row it is left alone for a while, then tried with one request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ProviderError;

/// Failures in a row that open it.
const MOST_FAILURES: u32 = 4;
/// How long it stays open where the provider does not say.
const REST: Duration = Duration::from_secs(20);
/// What a provider may ask for at most; a number without sense must not silence it for a day.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// The breaker. It is shared by all worker threads; the lock is held for a few instructions, twice a request.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    failures: u32,
    resting_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be made now. After a rest one is let through, and no other until its fate is known or as
    /// long a rest has passed again.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.resting_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.resting_until = Some(now + REST);
                true
            }
        }
    }

    /// Whether the model is neither at rest nor being tried after one.
    pub(super) fn is_closed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).resting_until.is_none()
    }

    /// A request was answered to its end.
    pub(super) fn succeed(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// A request failed. What the request itself was to blame for says nothing about the provider.
    pub(super) fn fail(&self, failure: &ProviderError, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = match failure {
            ProviderError::Rejected { .. } => return,
            ProviderError::RateLimited { retry_after } => *retry_after,
            ProviderError::Overloaded
            | ProviderError::Auth
            | ProviderError::Redirected
            | ProviderError::Malformed
            | ProviderError::Endless
            | ProviderError::Interrupted
            | ProviderError::Silent => None,
        };
        state.failures = state.failures.saturating_add(1);
        if let Some(rest) = asked {
            state.resting_until = Some(now + rest.min(LONGEST_REST));
        } else if state.failures >= MOST_FAILURES {
            state.resting_until = Some(now + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_request_try_again() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..MOST_FAILURES {
            breaker.fail(&ProviderError::Overloaded, start);
            assert!(breaker.admits(start));
        }
        breaker.fail(&ProviderError::Overloaded, start);
        assert!(!breaker.admits(start + REST / 2));
        assert!(breaker.admits(start + REST), "the probe");
        assert!(!breaker.admits(start + REST), "a second one beside it");
        assert!(!breaker.is_closed(), "it is only being tried");
        breaker.succeed();
        assert!(breaker.is_closed());
        assert!(breaker.admits(start + REST));
    }

    #[test]
    fn what_a_provider_asks_for_is_honoured_within_reason() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let limited = |seconds| ProviderError::RateLimited {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        breaker.fail(&limited(7), start);
        assert!(!breaker.admits(start + Duration::from_secs(6)));
        assert!(breaker.admits(start + Duration::from_secs(7)));
        breaker.fail(&limited(u64::MAX), start);
        assert!(breaker.admits(start + LONGEST_REST));
    }

    #[test]
    fn a_request_that_was_wrong_says_nothing_about_the_provider() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        (0..20).for_each(|_| breaker.fail(&ProviderError::Rejected { status: 400 }, start));
        assert!(breaker.admits(start));
    }
}
