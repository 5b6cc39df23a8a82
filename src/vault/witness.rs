//! Who must know of a destruction before it happens.
//!
//! A key that was destroyed comes back with an old copy of the keyring, and so do the rows of its conversation with an
//! old copy of the database. What was destroyed must therefore be on record elsewhere, first. The vault asks for that at
//! the one place through which every destruction goes, so that no caller can forget it.

use std::fmt;

use jiff::Timestamp;

use crate::vault::{Extent, VaultError};

/// Keeps a record of destructions. Calls may block; what was said is on disk when they return.
pub trait Witness: Send + Sync + fmt::Debug {
    /// Takes down what is about to be destroyed, while keys were destroyed `epoch` times before. An error keeps the keys.
    fn about_to_destroy(
        &self,
        extents: &[Extent],
        epoch: u64,
        at: Timestamp,
    ) -> Result<(), VaultError>;
}
