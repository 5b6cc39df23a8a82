//! What time it is, as an argument.
//!
//! Nothing else in the program reads a clock: retention, leases and consent are decided on the instant a
//! caller hands in, so that a test can live through ninety-one days in a millisecond.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Instants are UTC.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// A clock shared by everything that needs one.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own wall clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The machine's clock plus an offset that can be moved, for tests and rehearsals.
#[derive(Debug, Default)]
pub struct MovableClock {
    offset_seconds: AtomicI64,
}

impl MovableClock {
    /// Moves the clock by `distance`, which may be negative.
    pub fn travel(&self, distance: SignedDuration) {
        self.offset_seconds.fetch_add(distance.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.offset_seconds.load(Ordering::SeqCst));
        let present = SystemClock.now();
        present.checked_add(offset).unwrap_or(present)
    }
}
