//! Every way the vault refuses, kept apart by what the person in front of it must do next.
//!
//! Three failures that look alike are never merged: a key that was destroyed on purpose, a key that is lost or
//! wrong, and a ciphertext that somebody altered. The sentences of the start-up refusals speak to the operator.

use std::path::PathBuf;

use crate::code::{Coded, ErrorCode};

/// Why the vault did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key was ever made for this conversation.
    #[error("there is no key for this conversation")]
    Missing,
    /// The key was destroyed, for the conversation or for its whole tenant (policy §6.2).
    #[error("the key of this conversation was destroyed")]
    Revoked,
    /// The key at hand is not the one the data or the keyring was made with.
    #[error(
        "the key is not the one this was sealed with; if this happens at start, give back the master key that \
         was in use when the keyring was made"
    )]
    WrongKey,
    /// The bytes were altered, or moved here from another place.
    #[error("the sealed bytes were altered or moved from another place")]
    Tampered,
    /// The bytes are no envelope of a known version and algorithm.
    #[error("the stored bytes are not an envelope of a known version")]
    NotSealed,
    /// The value does not have the form expected: it cannot be written as JSON, or was authentic but not read.
    #[error("the value does not have the expected form")]
    WrongShape,
    /// More than 1 MiB of plaintext.
    #[error("the value is larger than one sealed field may be")]
    TooLarge,
    /// The key has sealed as often as it may (NIST SP 800-38D §8.3, with a wide margin), and so has its last version.
    #[error(
        "the key of this conversation has been used as often as is safe; start a new conversation"
    )]
    Exhausted,
    /// Keys depend on the master key that was to be destroyed.
    #[error(
        "{keys} keys are still under master key {generation}, so it must not be destroyed; run `veetflow keys rotate` \
         to the end first"
    )]
    MasterInUse {
        /// Which master.
        generation: u16,
        /// How many keys.
        keys: u64,
    },
    /// A rotation cannot begin before the last one is over.
    #[error(
        "the master key before this one has not been destroyed; see `veetflow keys status`, then `veetflow keys destroy`"
    )]
    MasterNotDestroyed,
    /// The keyring never had this master, or has forgotten it, or it is the one in force.
    #[error("there is no earlier master key {generation}; see `veetflow keys status`")]
    NoSuchMaster {
        /// Which master.
        generation: u16,
    },
    /// The file of the master key is gone.
    #[error(
        "the master key file {} is missing; put it back from the safe copy (without it no stored conversation \
         can be read, and no new key is made in its place)",
        .path.display()
    )]
    MasterMissing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The file of the master key is there and cannot serve.
    #[error("the master key file {} cannot be used: {reason}", .path.display())]
    MasterUnusable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The master key was given as a value, and the value cannot serve.
    #[error("the master key that was given cannot be used: {reason}")]
    GivenMasterUnusable {
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The keyring file is gone.
    #[error(
        "the keyring {} is missing; put it back from a copy made after the last erasure (without it no stored \
         conversation can be read, and no empty one is made in its place)",
        .path.display()
    )]
    KeyringMissing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The keyring file is there and cannot be trusted.
    #[error(
        "the keyring {} is damaged: {reason}; put it back from a copy made after the last erasure",
        .path.display()
    )]
    KeyringDamaged {
        /// Where it is.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The keyring is whole and belongs to another database.
    #[error(
        "this keyring belongs to another database; point the server at the keyring made together with this one"
    )]
    KeyringMismatch,
    /// Another process has the keyring open.
    #[error("another process is using the keyring in {}; stop it first", .path.display())]
    KeyringBusy {
        /// The folder or file in use.
        path: PathBuf,
    },
    /// The disk or the system's random source did not answer.
    #[error("the keyring cannot be used right now: {reason}")]
    Unavailable {
        /// What the system said.
        reason: String,
    },
}

impl VaultError {
    /// A refusal by the system underneath, in its own words.
    pub(super) fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self::Unavailable { reason: cause.to_string() }
    }
}

impl Coded for VaultError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Revoked => ErrorCode::Erased,
            Self::Missing
            | Self::WrongKey
            | Self::Tampered
            | Self::NotSealed
            | Self::WrongShape => ErrorCode::Unreadable,
            Self::TooLarge | Self::Exhausted | Self::Unavailable { .. } => ErrorCode::Unavailable,
            Self::MasterInUse { .. }
            | Self::MasterNotDestroyed
            | Self::NoSuchMaster { .. }
            | Self::MasterMissing { .. }
            | Self::MasterUnusable { .. }
            | Self::GivenMasterUnusable { .. }
            | Self::KeyringMissing { .. }
            | Self::KeyringDamaged { .. }
            | Self::KeyringMismatch
            | Self::KeyringBusy { .. } => ErrorCode::Internal,
        }
    }
}
