//! A tenant's API key: the secret its own programs show, and what is kept of it.
//!
//! The secret is 256 random bits, so a plain digest is enough: nobody can try them out, and a look-up by the digest
//! compares nothing that an attacker could time.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;

/// What every key begins with, so that people and scanners recognise one that leaked.
const PREFIX: &str = "vfk_";
/// Hexadecimal digits after the prefix.
const DIGITS: usize = 64;

/// The secret itself. Shown once, never stored, never printed by `Debug`.
pub struct ApiSecret(String);

/// SHA-256 of a secret: what the database keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiDigest([u8; 32]);

/// A label that is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label has 1 to 80 characters, all of them visible")]
pub struct LabelError;

impl ApiSecret {
    /// The secret of 32 random bytes.
    pub fn of(random: [u8; 32]) -> Self {
        Self(PREFIX.to_owned() + &hexadecimal(&random))
    }

    /// Reads a secret as a caller shows it; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_plain = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        (digits.len() == DIGITS && digits.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// The secret, to be shown to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> ApiDigest {
        ApiDigest(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiSecret(..)")
    }
}

impl ApiDigest {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ApiDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiDigest(..)")
    }
}

/// Checks what the operator calls a key.
pub fn parse_label(text: &str) -> Result<&str, LabelError> {
    let label = text.trim();
    let fits = (1..=80).contains(&label.chars().count()) && !label.chars().any(char::is_control);
    if fits { Ok(label) } else { Err(LabelError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_its_text_and_nothing_else_is_one() {
        let secret = ApiSecret::of([0xa7; 32]);
        let text = secret.reveal().to_owned();
        assert_eq!(text.len(), 68);
        let read = ApiSecret::parse(&text).expect("a secret");
        assert_eq!(read.digest(), secret.digest());
        assert_ne!(ApiSecret::of([0xa8; 32]).digest(), secret.digest());
        for wrong in ["", "vfk_", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
            assert!(ApiSecret::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{secret:?} {:?}", secret.digest()).contains("a7"));
    }

    #[test]
    fn a_label_is_short_and_visible() {
        assert_eq!(parse_label(" 官网 sync "), Ok("官网 sync"));
        for wrong in ["", "  ", "a\nb", &"x".repeat(81)] {
            assert_eq!(parse_label(wrong), Err(LabelError), "{wrong:?}");
        }
    }
}
