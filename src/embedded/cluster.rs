//! Decides what the rest of the program sees of the private database: an address, a password, and an end.
//!
//! Stands apart as the only public face; the work happens on the thread it owns.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::SUPERUSER;
use super::error::{EmbeddedError, io_error};
use super::orders::{Orders, USUAL_LIMIT};
use super::plan::Plan;
use super::secret::Password;
use super::server::Server;
use super::watch::{self, Status};

const USUAL_START_TIMEOUT: Duration = Duration::from_mins(1);

/// What the private database is to be.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Holds everything; made if missing.
    pub data_dir: PathBuf,
    /// The folder of `postgres` and `initdb`; searched for if not given.
    pub binaries: Option<PathBuf>,
    /// Postgres's own parameters, stronger than ours.
    pub parameters: Vec<(String, String)>,
    /// How long `postgres` may take to become ready, recovery included.
    pub start_timeout: Duration,
}

impl Settings {
    /// The usual settings for this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            binaries: None,
            parameters: Vec::new(),
            start_timeout: USUAL_START_TIMEOUT,
        }
    }
}

/// A private database that runs as long as this value lives.
#[derive(Debug)]
pub struct Cluster {
    access: Access,
    status: Arc<Status>,
    line: Sender<Duration>,
    supervisor: Option<JoinHandle<()>>,
}

/// How to reach the database; stays the same over restarts.
#[derive(Debug)]
struct Access {
    socket_dir: PathBuf,
    password: Password,
    major: u32,
}

impl Cluster {
    /// Starts the database, making it first if there is none, and returns when it accepts connections. Blocks.
    pub fn start(settings: Settings) -> Result<Self, EmbeddedError> {
        let (line, orders) = channel();
        let (announce, announced) = sync_channel(1);
        let status = Arc::new(Status::default());
        let shared = Arc::clone(&status);
        let supervisor = thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || supervise(settings, &Orders::new(orders), &shared, &announce))
            .map_err(io_error("start a thread for", Path::new("postgres")))?;
        let access = announced.recv().unwrap_or(Err(EmbeddedError::SupervisorGone))?;
        Ok(Self { access, status, line, supervisor: Some(supervisor) })
    }

    /// The folder of the socket: what goes where a host name would.
    pub fn socket_dir(&self) -> &Path {
        &self.access.socket_dir
    }

    /// The name to log in with, a superuser.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    /// The password to log in with.
    pub fn password(&self) -> &str {
        self.access.password.reveal()
    }

    /// The major version of Postgres.
    pub fn major(&self) -> u32 {
        self.access.major
    }

    /// The database's process, unless it is between two runs.
    pub fn pid(&self) -> Option<u32> {
        self.status.pid()
    }

    /// How often the database ended by itself and was started again.
    pub fn restarts(&self) -> u32 {
        self.status.restarts()
    }

    /// Stops the database in order, or after the limit at once, and returns when it is gone. Blocks.
    pub fn stop(mut self, limit: Duration) {
        self.end(limit);
    }

    fn end(&mut self, limit: Duration) {
        let Some(supervisor) = self.supervisor.take() else {
            return;
        };
        let already_ended = self.line.send(limit).is_err();
        let failed = supervisor.join().is_err();
        if already_ended || failed {
            tracing::error!("the database supervisor had ended before it was told to");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end(USUAL_LIMIT);
    }
}

/// The supervisor's thread, from the first start to the last stop.
fn supervise(
    settings: Settings,
    orders: &Orders,
    status: &Status,
    announce: &SyncSender<Result<Access, EmbeddedError>>,
) {
    match first_start(settings, orders) {
        Ok((plan, server, access)) => {
            status.runs(&server);
            tracing::info!(pid = server.pid(), major = access.major, "private postgres is ready");
            // A receiver that is gone has dropped the line as well, which is the order to stop.
            drop(announce.send(Ok(access)));
            watch::keep_running(&plan, server, orders, status);
        }
        Err(failure) => drop(announce.send(Err(failure))),
    }
}

fn first_start(
    settings: Settings,
    orders: &Orders,
) -> Result<(Plan, Server, Access), EmbeddedError> {
    let plan = Plan::prepare(settings, orders)?;
    let password = plan.password()?;
    let server = plan.launch(orders)?;
    let socket_dir = plan.layout.socket_dir.clone();
    let access = Access { socket_dir, password, major: plan.binaries.major };
    Ok((plan, server, access))
}
