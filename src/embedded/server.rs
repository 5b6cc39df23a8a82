//! Decides when one run of `postgres` counts as begun, as ended, and how it is brought to an end.
//!
//! Stands apart from the watcher, which decides whether there is a next run.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::error::{EmbeddedError, io_error};
use super::layout::Layout;
use super::log;
use super::orders::{Orders, pauses};
use super::postmaster_pid::PostmasterPid;

const PAUSE: Duration = Duration::from_millis(10);

/// Postgres itself kills what is left five seconds after SIGQUIT.
const ABORT_LIMIT: Duration = Duration::from_secs(7);

/// A running `postgres`.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts `postgres` and waits until it accepts connections, crash recovery included.
    pub(super) fn start(
        mut postgres: Command,
        layout: &Layout,
        timeout: Duration,
        orders: &Orders,
    ) -> Result<Self, EmbeddedError> {
        let output = log::open(&layout.log)?;
        let errors = output.try_clone().map_err(io_error("open", &layout.log))?;
        postgres.stdout(output).stderr(errors);
        let child = postgres.spawn().map_err(io_error("start postgres in", &layout.pgdata))?;
        let server = Self { child };
        server.ready(layout, timeout, orders)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn exited(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(described)
    }

    /// Ends it: open transactions are rolled back, the data is written; after the limit, at once.
    pub(super) fn stop(mut self, limit: Duration) {
        self.signal(Signal::INT);
        if self.exits_within(limit) {
            return;
        }
        tracing::warn!("postgres did not stop in time, ending it at once; the next start recovers");
        self.signal(Signal::QUIT);
        if self.exits_within(ABORT_LIMIT) {
            return;
        }
        if let Err(failure) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::error!(%failure, "could not end postgres");
        }
    }

    fn ready(
        mut self,
        layout: &Layout,
        timeout: Duration,
        orders: &Orders,
    ) -> Result<Self, EmbeddedError> {
        let pid_file = PostmasterPid::of(layout);
        for _ in 0..pauses(timeout, PAUSE) {
            if let Some(status) = self.exited() {
                return Err(EmbeddedError::Exited { status, log: log::tail(&layout.log) });
            }
            if pid_file.says_ready(self.pid()) {
                return Ok(self);
            }
            if orders.stop_came_within(PAUSE) {
                break;
            }
        }
        self.stop(orders.limit());
        Err(EmbeddedError::NotReady(log::tail(&layout.log)))
    }

    fn signal(&self, signal: Signal) {
        if let Err(failure) = kill_process(Pid::from_child(&self.child), signal) {
            tracing::warn!(%failure, "could not signal postgres");
        }
    }

    fn exits_within(&mut self, limit: Duration) -> bool {
        for _ in 0..pauses(limit, PAUSE) {
            if self.exited().is_some() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        self.exited().is_some()
    }
}

fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}
