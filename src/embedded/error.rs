//! What can go wrong with the private database, each with the way out.
//!
//! Stands apart because these sentences are read by an operator at the worst moment: keeping them on one page
//! keeps them in one voice. They name paths and accounts, never the password.

use std::io;
use std::path::{Path, PathBuf};

/// Why the private database could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable Postgres on this machine.
    #[error(
        "no PostgreSQL server found (looked in {}); run `make setup`, or apt-get install postgresql, \
         or set VEETFLOW__DATABASE__URL", listed(.looked_in)
    )]
    NoBinaries {
        /// Every folder that was tried.
        looked_in: Vec<PathBuf>,
    },
    /// The programs are there, but not of the version that wrote the data.
    #[error(
        "the data was made by PostgreSQL {data}, but only {found:?} was found; install postgresql-{data}, \
         or restore a backup into a new folder"
    )]
    OtherMajor {
        /// The major version in `PG_VERSION`.
        data: u32,
        /// The major versions on this machine, newest first.
        found: Vec<u32>,
    },
    /// Running as root without an account to drop to.
    #[error(
        "running as root, but neither account `postgres` nor `nobody` exists to run the database as; \
         start as a plain user, or set VEETFLOW__DATABASE__URL"
    )]
    NoAccount,
    /// The process's user is unknown to the system, and Postgres insists on a name.
    #[error(
        "this process runs under a user id without a passwd entry, which PostgreSQL refuses; \
         add one, or set VEETFLOW__DATABASE__URL"
    )]
    NoPasswdEntry,
    /// The unprivileged account cannot get into a folder.
    #[error(
        "account `{account}` cannot use {path}, because it or a folder above is closed to it; \
         choose another place, or open the folders above with chmod o+x"
    )]
    Unreachable {
        /// The account that runs the database.
        account: String,
        /// What it cannot use.
        path: PathBuf,
    },
    /// The lock on the data folder is held.
    #[error("another server uses {0}; stop it first, or choose another data folder")]
    InUse(PathBuf),
    /// A database process of an earlier run does not end.
    #[error(
        "PostgreSQL of an earlier run (pid {pid}) still uses {path}; end it with kill -INT {pid}"
    )]
    PredecessorRuns {
        /// The old postmaster.
        pid: i32,
        /// Its data folder.
        path: PathBuf,
    },
    /// Something that is no database stands where the database goes.
    #[error(
        "{0} holds files but no readable PG_VERSION; move it away, or restore it from a backup"
    )]
    NotACluster(PathBuf),
    /// The database is there, its password is not.
    #[error("{0} is missing or empty, so nobody can log in; restore it from a backup")]
    NoSecret(PathBuf),
    /// Somebody else made a folder that is to be private.
    #[error("{0} belongs to somebody else; remove it, or choose a data folder with a shorter path")]
    ForeignFolder(PathBuf),
    /// `initdb` said no.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// `postgres` ended before it was ready.
    #[error("postgres exited at start ({status}): {log}")]
    Exited {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// `postgres` took longer than allowed.
    #[error("postgres was not ready in time; give it a longer start timeout, or read its log: {0}")]
    NotReady(String),
    /// The supervisor's thread ended without an answer.
    #[error("the database supervisor ended unexpectedly; see the log above, then start again")]
    SupervisorGone,
    /// The operating system refused something.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Makes an [`EmbeddedError::Io`] that says what was tried on which path.
pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_path_buf();
    move |source| EmbeddedError::Io { action, path, source }
}

fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}
