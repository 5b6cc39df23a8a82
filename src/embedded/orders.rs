//! Decides how the supervisor's thread waits: it always listens for the order to stop.
//!
//! Stands apart so that no wait in this module can delay the end of the program, and none reads a clock: waits are
//! counted pauses.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long an orderly stop may take when nobody says.
pub(super) const USUAL_LIMIT: Duration = Duration::from_secs(5);

/// The supervisor's end of the line.
#[derive(Debug)]
pub(super) struct Orders {
    line: Receiver<Duration>,
    limit: Cell<Option<Duration>>,
}

impl Orders {
    pub(super) fn new(line: Receiver<Duration>) -> Self {
        Self { line, limit: Cell::new(None) }
    }

    /// Waits, and says whether the order to stop has come.
    pub(super) fn stop_came_within(&self, pause: Duration) -> bool {
        if self.limit.get().is_none() {
            self.limit.set(self.listen(pause));
        }
        self.limit.get().is_some()
    }

    /// How long stopping may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit.get().unwrap_or(USUAL_LIMIT)
    }

    fn listen(&self, pause: Duration) -> Option<Duration> {
        match self.line.recv_timeout(pause) {
            Ok(limit) => Some(limit),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(USUAL_LIMIT),
        }
    }
}

/// How many pauses fill a time, at least one.
pub(super) fn pauses(time: Duration, pause: Duration) -> u128 {
    (time.as_millis() / pause.as_millis().max(1)).max(1)
}
