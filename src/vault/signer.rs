//! Tags that prove this server wrote something: tickets, cursors, receipts.
//!
//! One label, one key: a tag made for one use means nothing in another. The key is HKDF-Expand (RFC 5869) of the
//! label, so it stays the same over restarts as long as the master key does.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::vault::cipher::KeyBytes;

/// Bytes of one SHA-256 block, the width HMAC pads its key to.
const BLOCK_BYTES: usize = 64;

/// Signs and verifies with HMAC-SHA-256 under the key of one label.
#[derive(Clone)]
pub struct Signer {
    label: &'static str,
    padded_key: Arc<Zeroizing<[u8; BLOCK_BYTES]>>,
}

impl Signer {
    /// The signer of a label, below a root derived from the master key.
    pub(super) fn new(root: &KeyBytes, label: &'static str) -> Self {
        let expanded = mac(&padded(root), &[label.as_bytes(), &[1]]);
        Self { label, padded_key: Arc::new(padded(&Zeroizing::new(expanded))) }
    }

    /// The 32-byte tag of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        mac(&self.padded_key, &[message])
    }

    /// Whether `tag` is the tag of `message`, in constant time.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.sign(message).as_slice().ct_eq(tag).into()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.label)
    }
}

/// A key padded with zeros to one block, as HMAC itself would.
fn padded(key: &KeyBytes) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([0_u8; BLOCK_BYTES]);
    for (slot, byte) in block.iter_mut().zip(key.iter()) {
        *slot = *byte;
    }
    block
}

fn mac(padded_key: &[u8; BLOCK_BYTES], pieces: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(padded_key.into());
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::cipher::fresh_key;

    #[test]
    fn an_altered_message_a_short_tag_and_another_label_are_refused() {
        let root = fresh_key().expect("random");
        let signer = Signer::new(&root, "ticket");
        let tag = signer.sign(b"visitor 7");
        assert!(signer.verify(b"visitor 7", &tag));
        assert!(signer.clone().verify(b"visitor 7", &tag));
        assert!(!signer.verify(b"visitor 8", &tag));
        assert!(!signer.verify(b"visitor 7", &tag[..31]));
        assert!(!signer.verify(b"visitor 7", &[]));
        assert!(!Signer::new(&root, "cursor").verify(b"visitor 7", &tag));
        assert_eq!(format!("{signer:?}"), "Signer(ticket)");
        for at in 0..tag.len() {
            let mut altered = tag;
            altered[at] ^= 0x80;
            assert!(!signer.verify(b"visitor 7", &altered));
        }
    }

    #[test]
    fn the_key_is_what_hkdf_expands_from_the_label() {
        let root = fresh_key().expect("random");
        let mut expanded = [0_u8; 32];
        let hkdf = hkdf::Hkdf::<Sha256>::from_prk(root.as_slice()).expect("32 bytes");
        hkdf.expand(b"ticket", &mut expanded).expect("short");
        assert_eq!(Signer::new(&root, "ticket").padded_key[..32], expanded);
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_published_vector_holds() {
        let mut key = [0_u8; BLOCK_BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let tag = mac(&key, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(tag[28..], [0x64, 0xec, 0x38, 0x43]);
    }
}
