//! The bytes of a sealed value: `0x01 | alg 1 | reserved 0 0 | key version | nonce[12] | ciphertext | tag[16]`.
//!
//! It decides what counts as an envelope at all. Anything else, plaintext above all, is refused before a key is
//! touched. The tenant is left out on purpose: whoever opens must know from the session where the value belongs.

use std::fmt;
use std::marker::PhantomData;

use crate::vault::VaultError;
use crate::vault::cipher::{NONCE_BYTES, TAG_BYTES};

/// The most plaintext one envelope holds: 1 MiB.
pub(super) const MAX_PLAINTEXT_BYTES: usize = 1 << 20;
/// Format 1, AES-256-GCM, two reserved bytes.
const PREAMBLE: [u8; 4] = [1, 1, 0, 0];
/// Bytes before the ciphertext.
pub(super) const HEADER_BYTES: usize = PREAMBLE.len() + 2 + NONCE_BYTES;

/// A value of type `T` that only the key of its conversation makes readable. The only form in which personal data
/// is stored (policy §5). Made from a value by [`ConversationKey::seal`](crate::vault::ConversationKey::seal) alone.
pub struct Sealed<T> {
    bytes: Vec<u8>,
    value: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// The envelope of a row that was read back. Nothing is checked until it is opened.
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self { bytes, value: PhantomData }
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes to store, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self::from_stored(self.bytes.clone())
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sealed({} bytes)", self.bytes.len())
    }
}

/// The bytes in front of the ciphertext.
pub(super) fn header(key_version: u16, nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
    [PREAMBLE.as_slice(), &key_version.to_be_bytes(), &nonce].concat()
}

/// An envelope taken apart.
#[derive(Debug)]
pub(super) struct Parts<'envelope> {
    /// The version of the key that sealed it.
    pub(super) key_version: u16,
    /// Its nonce.
    pub(super) nonce: [u8; NONCE_BYTES],
    /// The ciphertext.
    pub(super) text: &'envelope [u8],
    /// Its tag.
    pub(super) tag: [u8; TAG_BYTES],
}

/// Takes an envelope apart: [`VaultError::NotSealed`] for anything else, `TooLarge` beyond what is ever sealed.
pub(super) fn parse(bytes: &[u8]) -> Result<Parts<'_>, VaultError> {
    let not_sealed = VaultError::NotSealed;
    let rest = bytes.strip_prefix(PREAMBLE.as_slice()).ok_or(not_sealed.clone())?;
    let (version, rest) = rest.split_first_chunk().ok_or(not_sealed.clone())?;
    let (nonce, rest) = rest.split_first_chunk().ok_or(not_sealed.clone())?;
    let (text, tag) = rest.split_last_chunk().ok_or(not_sealed)?;
    if text.len() > MAX_PLAINTEXT_BYTES {
        return Err(VaultError::TooLarge);
    }
    Ok(Parts { key_version: u16::from_be_bytes(*version), nonce: *nonce, text, tag: *tag })
}
