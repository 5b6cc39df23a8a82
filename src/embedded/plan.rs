//! Decides everything a run of `postgres` needs, once, so that every restart is the same as the first start.
//!
//! Stands apart from the single run (`server`) and from the repetition (`watch`): it is what both share.

use std::process::Command;
use std::time::Duration;

use super::binaries::{self, Binaries};
use super::error::EmbeddedError;
use super::launcher::Launcher;
use super::layout::Layout;
use super::orders::{Orders, pauses};
use super::postmaster_pid::{Bearer, PostmasterPid, ask_to_end};
use super::secret::Password;
use super::server::Server;
use super::{Settings, account, initdb};

const PAUSE: Duration = Duration::from_millis(20);

/// Only the private socket; small; and a log that cannot carry what customers wrote: neither statements nor their
/// parameters nor DETAIL lines (which quote rows) nor errors (which quote values, and reach the caller anyway).
const PARAMETERS: [(&str, &str); 14] = [
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("log_statement", "none"),
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
    ("log_checkpoints", "off"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    ("shared_buffers", "64MB"),
    ("max_connections", "60"),
    ("wal_compression", "on"),
];

/// What to run, on what, as whom.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) binaries: Binaries,
    launcher: Launcher,
    parameters: Vec<(String, String)>,
    start_timeout: Duration,
}

impl Plan {
    /// Finds the programs, locks the folder, and makes the database if there is none.
    pub(super) fn prepare(settings: Settings, orders: &Orders) -> Result<Self, EmbeddedError> {
        let launcher = Launcher::new(account::unprivileged()?);
        if !launcher.ties_lives() {
            tracing::info!(
                "no setpriv here: if this server is killed, its postgres lives until the next start"
            );
        }
        let found = binaries::find(settings.binaries.as_deref(), &launcher)?;
        let layout = Layout::open(&settings.data_dir, launcher.account())?;
        initdb::clear_unfinished(&layout.data_dir, orders)?;
        let data_major = layout.data_major()?;
        let binaries = binaries::choose(&found, data_major)?;
        if data_major.is_none() {
            initdb::create(&layout, &binaries, &launcher)?;
        }
        initdb::check_access(&layout.pgdata, &launcher)?;
        let Settings { parameters, start_timeout, .. } = settings;
        Ok(Self { layout, binaries, launcher, parameters, start_timeout })
    }

    /// The superuser's password.
    pub(super) fn password(&self) -> Result<Password, EmbeddedError> {
        Password::read(&self.layout.secret)
    }

    /// One run of `postgres`, ready for connections.
    pub(super) fn launch(&self, orders: &Orders) -> Result<Server, EmbeddedError> {
        self.outlive_predecessor(orders)?;
        Server::start(self.postgres(), &self.layout, self.start_timeout, orders)
    }

    /// We hold the lock, so a server still at work lost its owner: it is finished, or will be told to.
    fn outlive_predecessor(&self, orders: &Orders) -> Result<(), EmbeddedError> {
        let pid_file = PostmasterPid::of(&self.layout);
        if let Bearer::Postgres(pid) = pid_file.bearer() {
            tracing::info!(pid = pid.as_raw_pid(), "waiting for an earlier postgres to end");
            ask_to_end(pid);
        }
        let mut remaining = pauses(self.start_timeout, PAUSE);
        loop {
            match pid_file.bearer() {
                Bearer::Nobody => return Ok(()),
                Bearer::Stranger => return pid_file.remove(),
                Bearer::Postgres(pid) if remaining == 0 || orders.stop_came_within(PAUSE) => {
                    let path = self.layout.pgdata.clone();
                    return Err(EmbeddedError::PredecessorRuns { pid: pid.as_raw_pid(), path });
                }
                Bearer::Postgres(_) => remaining -= 1,
            }
        }
    }

    fn postgres(&self) -> Command {
        let mut postgres = self.launcher.command(&self.binaries.postgres());
        postgres.arg("-D").arg(&self.layout.pgdata).arg("-k").arg(&self.layout.socket_dir);
        for (name, value) in PARAMETERS {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        for (name, value) in &self.parameters {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        postgres
    }
}
