//! The audit log as a chain: each line holds the hash of itself together with the line before, so that a line that is
//! altered, taken out, put in or moved breaks the chain at its place.
//!
//! What a chain cannot show is a chain made anew from its beginning, or cut off with its head. That is what checkpoints
//! are for: a size and a hash, signed, and kept where whoever could rewrite the log cannot reach (C2SP tlog-checkpoint).
//! The log is tamper-evident, not tamper-proof.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A hash of the chain.
pub type Hash = [u8; 32];

/// One line as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In whose chapter; nil for the installation.
    pub tenant: Uuid,
    /// The number of its part, in days since 1970.
    pub month: i32,
    /// 1 for the first line; no number is left out.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// [`Actor::kind`](crate::domain::audit::Actor::kind).
    pub actor_kind: i16,
    /// The actor's pseudonym.
    pub actor: Vec<u8>,
    /// [`Action::as_str`](crate::domain::audit::Action::as_str).
    pub action: String,
    /// A thing's identifier in 16 bytes, or a person's under a salt in 32.
    pub object: Option<Vec<u8>>,
    /// How many.
    pub amount: i64,
    /// The hash that is stored with it.
    pub hash: Hash,
}

/// What is wrong with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Tamper {
    /// A line is not what was hashed, or another line was before it.
    #[error("line {0} was altered, put in or moved")]
    Altered(i64),
    /// Lines are missing.
    #[error("line {0} is missing")]
    Missing(i64),
    /// A number occurs twice.
    #[error("line {0} is there twice")]
    Repeated(i64),
    /// The newest line is not the one the log says it ends with.
    #[error(
        "the log was cut off: it ends with line {found} and says that it ends with line {head}"
    )]
    CutOff {
        /// The last line found.
        found: i64,
        /// The last line there should be.
        head: i64,
    },
    /// The log says that it ends elsewhere than it does.
    #[error("the log does not end with line {0} as it says")]
    FalseEnd(i64),
    /// The log is shorter than when a checkpoint was signed.
    #[error(
        "the log was cut off: it has {found} lines and had {signed} when the checkpoint was signed"
    )]
    ShorterThanSigned {
        /// Lines there are.
        found: i64,
        /// Lines there were.
        signed: i64,
    },
    /// The log is another one than when a checkpoint was signed.
    #[error("the log was rewritten: its first {0} lines are not those that were signed")]
    Rewritten(i64),
}

/// Where a verification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The last line that was verified.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Chain {
    /// Before the first line.
    pub fn genesis() -> Self {
        Self { seq: 0, hash: Sha256::digest(b"veetflow audit log 1").into() }
    }

    /// Verifies the next line.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Tamper> {
        let expected = self.seq.saturating_add(1);
        if entry.seq < expected {
            return Err(Tamper::Repeated(entry.seq));
        }
        if entry.seq > expected {
            return Err(Tamper::Missing(expected));
        }
        if hash(&self.hash, entry) != entry.hash {
            return Err(Tamper::Altered(entry.seq));
        }
        *self = Self { seq: entry.seq, hash: entry.hash };
        Ok(())
    }
}

/// The hash of a line behind another: every field has a fixed width or its length before it, so that no two lines give
/// the same bytes. `audit_append` in the database hashes the same.
fn hash(before: &Hash, entry: &Entry) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(entry.seq.to_be_bytes());
    hasher.update(entry.tenant.as_bytes());
    hasher.update(entry.month.to_be_bytes());
    hasher.update(entry.at.as_microsecond().to_be_bytes());
    hasher.update(entry.actor_kind.to_be_bytes());
    hasher.update(&entry.actor);
    hasher.update(length(entry.action.as_bytes()));
    hasher.update(entry.action.as_bytes());
    let object = entry.object.as_deref().unwrap_or_default();
    hasher.update(length(object));
    hasher.update(object);
    hasher.update(entry.amount.to_be_bytes());
    hasher.finalize().into()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: i64) -> Vec<Entry> {
        let mut chain = Chain::genesis();
        let mut entries = Vec::new();
        for seq in 1..=lines {
            let mut entry = Entry {
                tenant: Uuid::from_u128(7),
                month: 20_000,
                seq,
                at: Timestamp::from_second(1_700_000_000 + seq).expect("in range"),
                actor_kind: 1,
                actor: vec![9; 32],
                action: "tenant.created".to_owned(),
                object: (seq % 2 == 0).then(|| vec![3; 16]),
                amount: seq,
                hash: [0; 32],
            };
            entry.hash = hash(&chain.hash, &entry);
            chain = Chain { seq, hash: entry.hash };
            entries.push(entry);
        }
        entries
    }

    fn verdict(entries: &[Entry]) -> Result<Chain, Tamper> {
        let mut chain = Chain::genesis();
        entries.iter().try_for_each(|entry| chain.follow(entry))?;
        Ok(chain)
    }

    /// Case 57: edit, delete in the middle, reorder, repeat.
    #[test]
    fn an_altered_missing_moved_or_repeated_line_is_found_at_its_place() {
        let whole = log(9);
        assert_eq!(verdict(&whole).expect("whole").seq, 9);
        let alterations: [fn(&mut Entry); 9] = [
            |entry| entry.tenant = Uuid::nil(),
            |entry| entry.month += 31,
            |entry| entry.at += jiff::SignedDuration::from_micros(1),
            |entry| entry.actor_kind = 2,
            |entry| entry.actor[31] ^= 1,
            |entry| entry.action.push('x'),
            |entry| entry.object = None,
            |entry| entry.amount = 0,
            |entry| entry.hash[0] ^= 1,
        ];
        for alter in alterations {
            let mut altered = whole.clone();
            alter(&mut altered[3]);
            assert_eq!(verdict(&altered), Err(Tamper::Altered(4)));
        }
        let mut missing = whole.clone();
        missing.remove(4);
        assert_eq!(verdict(&missing), Err(Tamper::Missing(5)));
        for (at, entry) in missing.iter_mut().enumerate() {
            entry.seq = i64::try_from(at).expect("small") + 1;
        }
        assert_eq!(verdict(&missing), Err(Tamper::Altered(5)), "renumbered");
        let mut moved = whole.clone();
        moved.swap(5, 6);
        assert_eq!(verdict(&moved), Err(Tamper::Missing(6)));
        moved[5].seq = 6;
        moved[6].seq = 7;
        assert_eq!(verdict(&moved), Err(Tamper::Altered(6)));
        let mut repeated = whole;
        repeated.insert(3, repeated[2].clone());
        assert_eq!(verdict(&repeated), Err(Tamper::Repeated(3)));
    }
}
