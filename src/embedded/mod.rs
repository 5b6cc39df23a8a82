//! A private Postgres of our own, so that the program needs no configuration to keep its promises durably.
//!
//! Used only when no database address is configured. What it guarantees, and where:
//!
//! 1. **Programs.** Any `postgres` on the machine will do; existing data picks its own version (`binaries`).
//! 2. **Account.** A root process runs the database as `postgres` or `nobody`, a plain user as itself
//!    (`account`, `launcher`), and says so early if that account cannot reach the data.
//! 3. **One owner.** A file lock refuses a second server on the same folder (`layout`).
//! 4. **Whole or nothing.** A new database appears in one rename, with checksums, and with a random password even
//!    on its private socket (`initdb`, `secret`).
//! 5. **Private.** No TCP; the socket's folder is closed to other accounts; the server log cannot carry chat text;
//!    the child's environment is empty (`plan`, `launcher`).
//! 6. **Ready means ready.** The start returns once connections are accepted, after recovery and after a dying
//!    predecessor is gone (`server`, `postmaster_pid`).
//! 7. **Alive as long as we are, and no longer.** One thread starts every run, restarts it when it dies, and stops it
//!    in order; if we are killed, the kernel tells the database to stop (`watch`, `launcher`).
//!
//! Everything here blocks: call [`Cluster::start`] from a thread that may wait.

mod account;
mod binaries;
mod cluster;
mod error;
mod guest;
mod initdb;
mod launcher;
mod layout;
mod log;
mod orders;
mod plan;
mod postmaster_pid;
mod secret;
mod server;
mod watch;

#[cfg(test)]
mod tests;

pub use cluster::{Cluster, Settings};
pub use error::EmbeddedError;
pub use guest::Guest;

/// The name of the one role a new database has. A superuser: row-level security does not hold it, so the server
/// makes itself a lesser role.
const SUPERUSER: &str = "veetflow_admin";
