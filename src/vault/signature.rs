//! Signatures that anybody can verify who holds the public key: checkpoints of the audit log, certificates of a purge.
//!
//! One purpose, one key pair (Ed25519, RFC 8032), so that a signature made for one use means nothing in another. The
//! seed is expanded from the signing root like the key of a [`Signer`], and stays the same over
//! restarts and over a rotation of the master key: what was signed once must be verifiable for years.

use std::fmt;
use std::sync::Arc;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::vault::cipher::KeyBytes;
use crate::vault::{Signer, VaultError};

/// The private half of one purpose.
#[derive(Clone)]
pub struct SigningKey {
    purpose: &'static str,
    pair: Arc<Ed25519KeyPair>,
}

/// The public half: 32 bytes that may be given to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl SigningKey {
    /// The key pair of a purpose, below the signing root.
    pub(super) fn new(root: &KeyBytes, purpose: &'static str) -> Result<Self, VaultError> {
        let seed = zeroize::Zeroizing::new(Signer::new(root, "ed25519").sign(purpose.as_bytes()));
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map_err(VaultError::unavailable)?;
        Ok(Self { purpose, pair: Arc::new(pair) })
    }

    /// The 64-byte signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (slot, byte) in bytes.iter_mut().zip(self.pair.sign(message).as_ref()) {
            *slot = *byte;
        }
        bytes
    }

    /// What others verify with.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (slot, byte) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *slot = *byte;
        }
        PublicKey(bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.purpose)
    }
}

impl PublicKey {
    /// A public key that was written down.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to write down.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is that of `message` under this key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::cipher::fresh_key;

    #[test]
    fn a_signature_holds_for_its_message_its_purpose_and_nothing_else() {
        let root = fresh_key().expect("random");
        let key = SigningKey::new(&root, "audit checkpoint").expect("made");
        let signature = key.sign(b"12 entries");
        let public = PublicKey::from_bytes(*key.public_key().as_bytes());
        assert!(public.verify(b"12 entries", &signature));
        assert!(!public.verify(b"13 entries", &signature) && !public.verify(b"12 entries", &[]));
        let again = SigningKey::new(&root, "audit checkpoint").expect("made");
        assert_eq!((again.public_key(), again.sign(b"12 entries")), (public, signature));
        let other = SigningKey::new(&root, "purge certificate").expect("made").public_key();
        assert!(other != public && !other.verify(b"12 entries", &signature));
        assert_eq!(format!("{key:?}"), "SigningKey(audit checkpoint)");
    }

    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn the_published_vector_holds() {
        let hex = |text: &str| -> Vec<u8> {
            let digits =
                text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ascii"));
            digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
        };
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = hex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        );
        assert!(
            PublicKey::from_bytes(public.try_into().expect("32 bytes")).verify(b"", &signature)
        );
    }
}
