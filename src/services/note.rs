//! Texts that others can keep and verify: C2SP signed notes with an Ed25519 signature.
//!
//! ```text
//! <name>
//! <lines>
//!
//! — <name> <key number and signature, base64>
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::vault::{PublicKey, SigningKey};

/// The number of Ed25519 among signed notes.
const ED25519: u8 = 1;

/// Why a note is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It does not have the form.
    #[error("this does not have the form of a signed note")]
    Form,
    /// It is another installation's, or signed with another key.
    #[error("this note was signed by another installation, or is about something else")]
    Foreign,
    /// The signature is not that of the text.
    #[error("the signature of this note is false")]
    Forged,
}

/// Who signs and verifies, by name and public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: PublicKey,
}

impl Verifier {
    /// Of this name.
    pub const fn named(name: String, key: PublicKey) -> Self {
        Self { name, key }
    }

    /// The first line of every note of this name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads what [`Display`](std::fmt::Display) wrote: name, number, key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(number), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteError::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Form)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) => key.try_into().map_err(|_| NoteError::Form)?,
            _ => return Err(NoteError::Form),
        };
        let verifier = Self { name: name.to_owned(), key: PublicKey::from_bytes(key) };
        if verifier.number_in_digits() == number { Ok(verifier) } else { Err(NoteError::Form) }
    }

    /// The first four bytes of SHA-256 over name, line feed, algorithm, key.
    fn number(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }

    fn number_in_digits(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.number()))
    }

    /// Signs lines, each with its line feed and none empty, below the name.
    pub fn sign_lines(&self, key: &SigningKey, lines: &str) -> String {
        let text = format!("{}\n{lines}", self.name);
        let signature = key.sign(text.as_bytes());
        let signed = STANDARD.encode([self.number().as_slice(), &signature].concat());
        format!("{text}\n\u{2014} {} {signed}\n", self.name)
    }

    /// The lines below the name, if this is who signed them.
    pub fn open_lines<'note>(&self, note: &'note str) -> Result<&'note str, NoteError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(NoteError::Form)?;
        let (name, lines) = text.split_once('\n').ok_or(NoteError::Form)?;
        if name != self.name {
            return Err(NoteError::Foreign);
        }
        let ours = format!("\u{2014} {} ", self.name);
        let signed = signatures.lines().find_map(|line| line.strip_prefix(ours.as_str()));
        let signed =
            STANDARD.decode(signed.ok_or(NoteError::Foreign)?).map_err(|_| NoteError::Form)?;
        let (number, signature) = signed.split_at_checked(4).ok_or(NoteError::Form)?;
        if number != self.number() {
            return Err(NoteError::Foreign);
        }
        if self.key.verify(format!("{text}\n").as_bytes(), signature) {
            Ok(lines)
        } else {
            Err(NoteError::Forged)
        }
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = STANDARD.encode([[ED25519].as_slice(), self.key.as_bytes()].concat());
        write!(formatter, "{}+{}+{key}", self.name, self.number_in_digits())
    }
}
