//! A checkpoint of the audit log as a text that others can keep and verify: the form of C2SP tlog-checkpoint, which is a
//! C2SP signed-note with an Ed25519 signature.
//!
//! ```text
//! veetflow/audit/<installation>
//! <lines>
//! <hash of the last line, base64>
//!
//! — veetflow/audit/<installation> <key number and signature, base64>
//! ```
//! The log is a chain and not a tree, so the third line is the hash of its last line; it stands for every line before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::privacy::audit_log::Chain;
use crate::vault::{PublicKey, SigningKey};

/// For what the key signs.
pub const PURPOSE: &str = "audit checkpoint";
/// The number of Ed25519 among signed notes.
const ED25519: u8 = 1;

/// Why a text is no checkpoint of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It does not have the form.
    #[error("this is no checkpoint of an audit log")]
    Form,
    /// It is another installation's, or signed with another key.
    #[error("this checkpoint was signed by another installation")]
    Foreign,
    /// The signature is not that of the text.
    #[error("the signature of this checkpoint is false")]
    Forged,
}

/// Who signs and verifies, by name and public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: PublicKey,
}

impl Verifier {
    /// Of the installation with this keyring.
    pub fn new(installation: Uuid, key: PublicKey) -> Self {
        Self { name: format!("veetflow/audit/{installation}"), key }
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

    fn text(&self, end: &Chain) -> String {
        format!("{}\n{}\n{}\n", self.name, end.seq, STANDARD.encode(end.hash))
    }

    /// Signs where the log ends.
    pub fn sign(&self, key: &SigningKey, end: &Chain) -> String {
        let text = self.text(end);
        let signature = key.sign(text.as_bytes());
        let signed = STANDARD.encode([self.number().as_slice(), &signature].concat());
        format!("{text}\n\u{2014} {} {signed}\n", self.name)
    }

    /// Where the log ended when this was signed.
    pub fn open(&self, note: &str) -> Result<Chain, NoteError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(NoteError::Form)?;
        let mut lines = text.split('\n');
        let (name, size, hash) = (lines.next(), lines.next(), lines.next());
        let (Some(name), Some(size), Some(hash), None) = (name, size, hash, lines.next()) else {
            return Err(NoteError::Form);
        };
        if name != self.name {
            return Err(NoteError::Foreign);
        }
        let hash = STANDARD.decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
        let (Ok(seq), Some(hash)) = (size.parse(), hash) else { return Err(NoteError::Form) };
        let end = Chain { seq, hash };
        // One form only: what is verified is what stands there.
        if self.text(&end).trim_end() != text {
            return Err(NoteError::Form);
        }
        let ours = format!("\u{2014} {} ", self.name);
        let signed = signatures.lines().find_map(|line| line.strip_prefix(ours.as_str()));
        let signed =
            STANDARD.decode(signed.ok_or(NoteError::Foreign)?).map_err(|_| NoteError::Form)?;
        let (number, signature) = signed.split_at_checked(4).ok_or(NoteError::Form)?;
        if number != self.number() {
            return Err(NoteError::Foreign);
        }
        if self.key.verify(self.text(&end).as_bytes(), signature) {
            Ok(end)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{MasterKey, MemoryKeyring, Vault};

    fn signing() -> SigningKey {
        let master = MasterKey::generate().expect("random");
        let keyring = MemoryKeyring::new(Uuid::nil(), &master).expect("made");
        let vault = Vault::with_keyring(std::sync::Arc::new(keyring), &master).expect("opens");
        vault.signing_key(PURPOSE).expect("made")
    }

    #[test]
    fn a_checkpoint_says_what_was_signed_and_nothing_else_is_one() {
        let key = signing();
        let verifier = Verifier::new(Uuid::nil(), key.public_key());
        let end = Chain { seq: 12, hash: [7; 32] };
        let note = verifier.sign(&key, &end);
        assert_eq!(verifier.open(&note), Ok(end));
        assert_eq!(Verifier::parse(&format!("{verifier}\n")), Ok(verifier.clone()));
        for (from, to, refusal) in [
            ("\n12\n", "\n13\n", NoteError::Forged),
            ("\n12\n", "\n012\n", NoteError::Form),
            ("\n12\n", "\n12\nmore\n", NoteError::Form),
            ("BwcH", "BwcI", NoteError::Forged),
            ("audit/0", "audit/1", NoteError::Foreign),
            ("\n\n", "\n", NoteError::Form),
        ] {
            let altered = note.replacen(from, to, 1);
            assert_ne!(altered, note);
            assert_eq!(verifier.open(&altered), Err(refusal), "{altered}");
        }
        let other = signing();
        let foreign = Verifier::new(Uuid::nil(), other.public_key());
        assert_eq!(foreign.open(&note), Err(NoteError::Foreign));
        let both =
            format!("{note}{}", foreign.sign(&other, &end).split_once("\n\n").expect("a note").1);
        assert_eq!(verifier.open(&both), Ok(end), "a witness may sign below");
        for text in ["", "x", "a+b+c", &format!("{verifier}").replace('+', "-")] {
            assert_eq!(Verifier::parse(text), Err(NoteError::Form), "{text}");
        }
    }
}
