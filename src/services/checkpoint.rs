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
use uuid::Uuid;

use crate::privacy::audit_log::Chain;
use crate::vault::{PublicKey, SigningKey};

pub use super::note::{NoteError, Verifier};

/// For what the key signs.
pub const PURPOSE: &str = "audit checkpoint";
impl Verifier {
    /// Of the audit log of the installation with this keyring.
    pub fn new(installation: Uuid, key: PublicKey) -> Self {
        Self::named(format!("veetflow/audit/{installation}"), key)
    }

    /// Signs where the log ends.
    pub fn sign(&self, key: &SigningKey, end: &Chain) -> String {
        self.sign_lines(key, &lines(end))
    }

    /// Where the log ended when this was signed.
    pub fn open(&self, note: &str) -> Result<Chain, NoteError> {
        let (text, _) = note.split_once("\n\n").ok_or(NoteError::Form)?;
        let mut parts = text.split('\n').skip(1);
        let (Some(size), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Form);
        };
        let hash = STANDARD.decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
        let (Ok(seq), Some(hash)) = (size.parse(), hash) else { return Err(NoteError::Form) };
        let end = Chain { seq, hash };
        // One form only: what is verified is what stands there.
        if text.split_once('\n').map(|(_, below)| below) != Some(lines(&end).trim_end()) {
            return Err(NoteError::Form);
        }
        self.open_lines(note).map(|_| end)
    }
}

fn lines(end: &Chain) -> String {
    format!("{}\n{}\n", end.seq, STANDARD.encode(end.hash))
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
