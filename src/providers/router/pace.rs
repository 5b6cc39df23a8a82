//! How long a model usually takes to its first word, by what it did lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Answers that are looked back upon at most.
const MOST: usize = 100;
/// Answers below which nothing is said.
const FEWEST: usize = 20;
/// How far back an answer says something about now.
const WINDOW: Duration = Duration::from_mins(15);

/// The times to the first word of a model's latest answers.
#[derive(Debug, Default)]
pub(in crate::providers) struct Pace(Mutex<VecDeque<(Instant, Duration)>>);

impl Pace {
    /// Notes how long an answer took to begin, or for how long it was waited for in vain.
    pub(super) fn note(&self, took: Duration, now: Instant) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= MOST {
            latest.pop_front();
        }
        latest.push_back((now, took));
    }

    /// The time within which 95 of 100 answers begin (nearest rank); `None` where too few were seen lately to tell.
    pub(super) fn late(&self, now: Instant) -> Option<Duration> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while latest.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            latest.pop_front();
        }
        let mut times: Vec<Duration> = latest.iter().map(|(_, took)| *took).collect();
        drop(latest);
        if times.len() < FEWEST {
            return None;
        }
        let rank = (times.len() * 95).div_ceil(100).saturating_sub(1);
        let (_, late, _) = times.select_nth_unstable(rank);
        Some(*late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_twenty_is_late_and_of_fewer_nothing_is_said() {
        let (pace, now) = (Pace::default(), Instant::now());
        for millis in 1..FEWEST {
            pace.note(Duration::from_millis(millis as u64), now);
            assert_eq!(pace.late(now), None);
        }
        pace.note(Duration::from_secs(9), now);
        assert_eq!(pace.late(now), Some(Duration::from_millis(19)));
        pace.note(Duration::from_secs(9), now);
        pace.note(Duration::from_secs(9), now);
        assert_eq!(pace.late(now), Some(Duration::from_secs(9)));
    }

    #[test]
    fn what_was_long_ago_says_nothing_about_now_and_memory_is_bounded() {
        let (pace, start) = (Pace::default(), Instant::now());
        (0..5_000).for_each(|_| pace.note(Duration::from_secs(9), start));
        assert_eq!(pace.0.lock().expect("whole").len(), MOST);
        (0..MOST).for_each(|_| pace.note(Duration::from_millis(3), start));
        assert_eq!(pace.late(start + WINDOW), Some(Duration::from_millis(3)));
        assert_eq!(pace.late(start + WINDOW + Duration::from_secs(1)), None);
    }
}
