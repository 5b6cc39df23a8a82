//! Decides what happens when `postgres` ends without having been told to: it is started again, with growing pauses.
//!
//! Stands apart because it is the only endless part. It runs on one thread that starts every run itself, since the
//! kernel stops a run when the *thread* that started it ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::orders::{Orders, pauses};
use super::plan::Plan;
use super::server::Server;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A run this long counts as a success and makes the next pause short again.
const STABLE_AFTER: Duration = Duration::from_mins(1);

/// What other threads may know about the database process.
#[derive(Debug, Default)]
pub(super) struct Status {
    pid: AtomicU32,
    restarts: AtomicU32,
}

impl Status {
    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    pub(super) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::SeqCst)
    }

    pub(super) fn runs(&self, server: &Server) {
        self.pid.store(server.pid(), Ordering::SeqCst);
    }

    fn rests(&self) {
        self.pid.store(0, Ordering::SeqCst);
    }

    fn runs_again(&self, server: &Server) {
        self.restarts.fetch_add(1, Ordering::SeqCst);
        self.runs(server);
    }
}

/// Keeps the database running until the order to stop comes, then stops it.
pub(super) fn keep_running(plan: &Plan, first: Server, orders: &Orders, status: &Status) {
    let mut server = first;
    let mut pause = FIRST_PAUSE;
    while let Some(run) = watch_run(&mut server, orders) {
        status.rests();
        tracing::warn!(ended = run.ended, "postgres ended by itself, starting it again");
        if run.was_stable {
            pause = FIRST_PAUSE;
        }
        match start_again(plan, orders, &mut pause) {
            Some(next) => server = next,
            None => return,
        }
        status.runs_again(&server);
    }
    server.stop(orders.limit());
    status.rests();
}

struct Run {
    ended: String,
    was_stable: bool,
}

/// Waits until the run ends by itself; nothing if it was told to.
fn watch_run(server: &mut Server, orders: &Orders) -> Option<Run> {
    let mut looks = 0;
    while !orders.stop_came_within(LOOK_EVERY) {
        if let Some(ended) = server.exited() {
            let was_stable = looks >= pauses(STABLE_AFTER, LOOK_EVERY);
            return Some(Run { ended, was_stable });
        }
        looks += 1;
    }
    None
}

/// Tries until it succeeds; nothing if the order to stop came first.
fn start_again(plan: &Plan, orders: &Orders, pause: &mut Duration) -> Option<Server> {
    while !orders.stop_came_within(*pause) {
        *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        match plan.launch(orders) {
            Ok(server) => {
                tracing::info!(pid = server.pid(), "postgres runs again");
                return Some(server);
            }
            Err(failure) => tracing::error!(%failure, "postgres could not be started again"),
        }
    }
    None
}
