//! How many requests may be asked twice: each request adds its share, each second request takes a whole one.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one second request costs, in hundredths.
const WHOLE: u32 = 100;
/// What may be saved up: after a quiet night, a slow morning is met with so many second requests and no more.
const MOST: u32 = 4 * WHOLE;

/// What is left to spend, in hundredths of a request.
#[derive(Debug, Default)]
pub(in crate::providers) struct Allowance(AtomicU32);

impl Allowance {
    /// A request was made, of which so many per cent may be repeated elsewhere.
    pub(super) fn earn(&self, percent: u8) {
        let share = u32::from(percent.min(100));
        self.change(|left| Some(left.saturating_add(share).min(MOST)));
    }

    /// Takes one second request, if there is one to take.
    pub(super) fn spend(&self) -> bool {
        self.change(|left| left.checked_sub(WHOLE))
    }

    fn change(&self, how: impl FnMut(u32) -> Option<u32>) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, how).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_thousand_requests_fifty_may_be_repeated_and_nothing_is_hoarded() {
        let allowance = Allowance::default();
        assert!(!allowance.spend(), "before anything was earned");
        let repeated = (0..1_000).filter(|_| {
            allowance.earn(5);
            allowance.spend()
        });
        assert_eq!(repeated.count(), 50);
        (0..1_000).for_each(|_| allowance.earn(5));
        assert_eq!((0..1_000).filter(|_| allowance.spend()).count(), 4);
    }
}
