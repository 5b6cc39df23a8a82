//! Keeps what people wrote unreadable without a key, and makes destroying the key the way to erase it.
//!
//! The room decides three things and nothing else: how a value becomes ciphertext ([`Sealed`]), which key it
//! takes ([`Vault`]: master, tenant, conversation), how the master is succeeded ([`Rotation`]), and where wrapped keys
//! live ([`Keyring`]). It stands apart because the promise of policy §6.2, that a deleted conversation cannot be brought
//! back from a backup, holds only as long as no other room ever touches a key or stores a text that did not pass through
//! here.
//!
//! Calls on [`Vault`] touch the disk and belong on a thread that may block.

mod archive;
mod cipher;
mod conversation_key;
mod custody;
mod envelope;
mod error;
mod hierarchy;
mod keyring;
mod live_keys;
mod master;
mod master_files;
mod master_source;
mod memory_keyring;
mod opening;
mod place;
mod redb_erasure;
mod redb_file;
mod redb_keyring;
mod redb_rotation;
mod rotation;
mod scrub;
mod signature;
mod signer;
mod witness;
mod wrapping;

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod erasure_tests;
#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod test_disk;

pub use archive::{ArchiveError, ArchiveKey, ArchiveReader, ArchiveWriter};
pub use conversation_key::ConversationKey;
pub use envelope::Sealed;
pub use error::VaultError;
pub use hierarchy::Vault;
pub use keyring::{
    CensusLine, Cursor, Extent, Generation, Identity, Keyring, Offer, Renewer, Reservation,
    Rewrapper, Rewrapping, WrappedPair, Wrapper,
};
pub use master::MasterKey;
pub use master_source::{Destruction, KeyProvider, MasterSource};
pub use memory_keyring::MemoryKeyring;
pub use opening::Created;
pub use place::{Place, Scope, SealedColumn};
pub use redb_keyring::RedbKeyring;
pub use rotation::Rotation;
pub use signature::{PublicKey, SigningKey};
pub use signer::Signer;
pub use witness::Witness;
pub use wrapping::{KeyCheck, WrappedKey};
