//! The one place where AES-256-GCM is called and random bytes are drawn.
//!
//! It fixes what callers could get wrong: the nonce is 96 fresh bits from the operating system for every single
//! encryption (NIST SP 800-38D §8.2.2), never a counter and never taken from an identifier, because a restored
//! backup hands out the same identifiers again; and plaintext is encrypted where it lies, so none stays behind.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::VaultError;

/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 12;
/// Bytes of an authentication tag.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// Key material, wiped when it is dropped.
pub(super) type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// Random bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(VaultError::unavailable)?;
    Ok(bytes)
}

/// A new random key.
pub(super) fn fresh_key() -> Result<KeyBytes, VaultError> {
    let mut key = KeyBytes::default();
    getrandom::fill(key.as_mut_slice()).map_err(VaultError::unavailable)?;
    Ok(key)
}

/// A key derived from another for one purpose: HKDF-SHA-256 (RFC 5869) without salt.
pub(super) fn derive_key(from: &KeyBytes, purpose: &[u8]) -> Result<KeyBytes, VaultError> {
    let mut derived = KeyBytes::default();
    Hkdf::<Sha256>::new(None, from.as_slice())
        .expand(purpose, derived.as_mut_slice())
        .map_err(VaultError::unavailable)?;
    Ok(derived)
}

/// An AES-256-GCM key ready for use; its schedule is wiped when it is dropped.
pub(super) struct Cipher(Aes256Gcm);

impl Cipher {
    /// Prepares a key.
    pub(super) fn new(key: &KeyBytes) -> Self {
        let bytes: &[u8; KEY_BYTES] = key;
        Self(Aes256Gcm::new(bytes.into()))
    }

    /// Encrypts `text` where it lies under a fresh nonce; gives back nonce and tag.
    pub(super) fn encrypt(
        &self,
        bound: &[u8],
        text: &mut [u8],
    ) -> Result<([u8; NONCE_BYTES], [u8; TAG_BYTES]), VaultError> {
        let nonce = random::<NONCE_BYTES>()?;
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(nonce), bound, text.into())
            .map_err(|_| VaultError::TooLarge)?;
        Ok((nonce, tag.into()))
    }

    /// Decrypts `text` where it lies, or says [`VaultError::Tampered`] and leaves no plaintext in it.
    pub(super) fn decrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        bound: &[u8],
        text: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), VaultError> {
        self.0
            .decrypt_inout_detached(&Nonce::from(nonce), bound, text.into(), &tag.into())
            .map_err(|_| VaultError::Tampered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// NIST SP 800-38D test case 16 (the GCM specification, AES-256 with authenticated data).
    #[test]
    fn decrypts_the_published_vector() {
        let hex = |text: &str| -> Vec<u8> {
            let digits = text.as_bytes().chunks(2);
            digits
                .map(|pair| {
                    u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
                })
                .collect()
        };
        let half = hex("feffe9928665731c6d6a8f9467308308");
        let mut key = KeyBytes::default();
        key.copy_from_slice(&[half.clone(), half].concat());
        let mut text = hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e63\
             93ba7a0abcc9f662",
        );
        let nonce = hex("cafebabefacedbaddecaf888").try_into().expect("12 bytes");
        let tag = hex("76fc6ece0f4e1768cddf8853bb2d551b").try_into().expect("16 bytes");
        let bound = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        Cipher::new(&key).decrypt(nonce, &bound, &mut text, tag).expect("authentic");
        assert!(text.starts_with(&hex("d9313225f88406e5a55909c5aff5269a")));
    }

    #[test]
    fn ten_thousand_encryptions_share_no_nonce() {
        let cipher = Cipher::new(&fresh_key().expect("random"));
        let nonces: HashSet<_> =
            (0..10_000).map(|_| cipher.encrypt(b"", &mut [0; 4]).expect("encrypts").0).collect();
        assert_eq!(nonces.len(), 10_000);
    }
}
