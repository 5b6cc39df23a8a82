//! The erasure ledger: what was erased, in a file of its own that outlives every copy of the database and of the keyring.
//!
//! A backup brings back what was erased after it was made. The ledger is what tells: each erasure stands in it before it
//! is carried out, so that after a restore the same can be erased again, and nothing is served before that. It stands
//! apart from the database because it must be newer than any copy of it, and from the vault because it holds no key.
//!
//! - One line for each thing erased, with random identifiers and a number; nothing about a person, so that the ledger is
//!   no copy of what was erased and may be kept for good.
//! - Each line goes into a chain of hashes, and each act ends with a seal: the hash so far, signed (Ed25519) with a key
//!   of the vault. An act counts once its seal is on disk, and only then does the destruction begin.
//! - What a crash leaves behind the last seal was never confirmed to anybody and is cut off at the next start. A broken
//!   line with a seal behind it was altered, and is refused.
//! - Cutting the file off at an earlier seal is found by whoever opens it: the keyring knows how often keys were destroyed,
//!   and the database where the ledger stood ([`Head`]).

mod file;
mod line;
mod survey;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use file::Ledger;
pub use line::{Act, Entry, Position};
pub use survey::{Head, survey};

/// The purpose of the key that seals are made with.
pub const PURPOSE: &str = "erasure ledger";
/// The ledger's file inside the data folder.
pub const FILE: &str = "erasures.ledger";

/// Why a ledger is refused.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is none.
    #[error("the erasure ledger {} is missing; put back its newest copy", .path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// It was not made by this program.
    #[error("{} is no erasure ledger", .path.display())]
    NoLedger {
        /// Where it is.
        path: PathBuf,
    },
    /// It belongs to another keyring, or was sealed with another key.
    #[error("the erasure ledger {} belongs to another installation", .path.display())]
    Foreign {
        /// Where it is.
        path: PathBuf,
    },
    /// A line is not what was sealed.
    #[error(
        "line {line} of the erasure ledger {} was altered, moved or taken out; put back its newest copy",
        .path.display()
    )]
    Altered {
        /// Where it is.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
    },
    /// The disk did not answer, or an earlier failure left the file in doubt.
    #[error("the erasure ledger cannot be used right now")]
    Unavailable(#[source] std::io::Error),
}
