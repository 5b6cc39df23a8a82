//! Keeps what people wrote unreadable without a key, and makes destroying the key the way to erase it.
//!
//! The room decides three things and nothing else: how a value becomes ciphertext ([`Sealed`]), which key it
//! takes ([`Vault`]: master, tenant, conversation), and where wrapped keys live ([`Keyring`]). It stands apart
//! because the promise of policy §6.2, that a deleted conversation cannot be brought back from a backup, holds
//! only as long as no other room ever touches a key or stores a text that did not pass through here.
//!
//! Calls on [`Vault`] touch the disk and belong on a thread that may block.

mod cipher;
mod conversation_key;
mod envelope;
mod error;
mod hierarchy;
mod keyring;
mod live_keys;
mod master;
mod master_file;
mod memory_keyring;
mod opening;
mod place;
mod redb_file;
mod redb_keyring;
mod scrub;
mod signer;
mod wrapping;

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod erasure_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod test_disk;

pub use conversation_key::ConversationKey;
pub use envelope::Sealed;
pub use error::VaultError;
pub use hierarchy::Vault;
pub use keyring::{Extent, Identity, Keyring, Offer, Reservation, WrappedPair, Wrapper};
pub use master::{MasterKey, MasterSource};
pub use memory_keyring::MemoryKeyring;
pub use opening::Created;
pub use place::{Place, Scope, SealedColumn};
pub use redb_keyring::RedbKeyring;
pub use signer::Signer;
pub use wrapping::{KeyCheck, WrappedKey};
