//! The master key: how its text is read, and what is derived from it.
//!
//! It never encrypts a conversation itself. Two keys are derived from it, one that wraps the tenants' content keys
//! and one below which signers live, so that neither use can be turned against the other.

use std::fmt;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::vault::cipher::{Cipher, KEY_BYTES, KeyBytes, derive_key, fresh_key};
use crate::vault::{KeyCheck, VaultError};

/// The key above all others.
pub struct MasterKey(KeyBytes);

impl MasterKey {
    /// A new random master key.
    pub fn generate() -> Result<Self, VaultError> {
        fresh_key().map(Self)
    }

    /// Reads 64 hexadecimal digits or the base64 of 32 bytes; refuses a placeholder of equal bytes.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let trimmed = text.trim();
        let key = from_hexadecimal(trimmed).or_else(|| from_base64(trimmed)).ok_or(
            "it must be 64 hexadecimal digits or the base64 of 32 bytes (openssl rand -hex 32 makes one)",
        )?;
        let mut bytes = key.iter();
        let first = bytes.next();
        if bytes.all(|byte| Some(byte) == first) {
            return Err("all of its bytes are equal; make a random one (openssl rand -hex 32)");
        }
        Ok(Self(key))
    }

    /// The text a master key file holds: 64 hexadecimal digits and a line feed.
    pub fn to_text(&self) -> Zeroizing<String> {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        for byte in self.0.iter() {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        text.push('\n');
        text
    }

    /// The check value a keyring remembers it by.
    pub fn check(&self) -> Result<KeyCheck, VaultError> {
        KeyCheck::of(&self.0)
    }

    /// What wraps the tenants' content keys.
    pub(super) fn wrapping_cipher(&self) -> Result<Cipher, VaultError> {
        derive_key(&self.0, b"vf-wrap").map(|key| Cipher::new(&key))
    }

    /// The root of all signers.
    pub(super) fn signing_root(&self) -> Result<KeyBytes, VaultError> {
        derive_key(&self.0, b"vf-sign")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(..)")
    }
}

fn from_hexadecimal(text: &str) -> Option<KeyBytes> {
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut key = KeyBytes::default();
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in pair {
            let value = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(key)
}

fn from_base64(text: &str) -> Option<KeyBytes> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let mut decoded = Zeroizing::new([0_u8; KEY_BYTES + 16]);
    let length = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient)
        .decode_slice(text, decoded.as_mut_slice())
        .ok()?;
    let mut key = KeyBytes::default();
    key.copy_from_slice(decoded.get(..length).filter(|bytes| bytes.len() == KEY_BYTES)?);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_give_the_same_key_and_nothing_else_gives_one() {
        let key = MasterKey::generate().expect("random");
        let hexadecimal = key.to_text();
        let base64 = base64::engine::general_purpose::STANDARD.encode(key.0.as_slice());
        let upper = hexadecimal.to_uppercase();
        for text in
            [hexadecimal.as_str(), upper.as_str(), base64.as_str(), base64.trim_end_matches('=')]
        {
            assert_eq!(MasterKey::parse(text).expect("a key").0, key.0);
        }
        let zeros = "0".repeat(64);
        let (short, long) = (&hexadecimal[..62], format!("{}00", hexadecimal.trim()));
        for wrong in ["", " ", "changeme", short, &long, &zeros, &base64[..40], &"钥".repeat(64)] {
            assert!(MasterKey::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
    }
}
