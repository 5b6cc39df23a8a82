//! What a purge certifies about one batch: what was erased, how, and where that stands on record (policy §6.2).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;
use crate::id::{ConversationId, RunId, TenantId};

/// The form.
pub const VERSION: u8 = 1;
/// How long the key of a backup lives at most (policy §8): until then a copy of the rows may exist, of destroyed keys none.
const BACKUPS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A certificate. It names no person and no conversation: who has a conversation's identifier can tell whether it is among
/// those erased, nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The form.
    pub v: u8,
    /// The certificate, and the batch of the purge.
    pub id: RunId,
    /// Whose customers' data it was.
    pub tenant: TenantId,
    /// The class of what was erased.
    pub class: String,
    /// How long that class is kept, in days or calendar months: `30d`, `12m`.
    pub kept: String,
    /// The instant at which its time was over.
    pub at: Timestamp,
    /// How it was erased.
    pub method: Vec<String>,
    /// What was erased.
    pub erased: Erased,
    /// Rows that were left; a certificate with any is not made.
    pub left: u64,
    /// For each conversation SHA-256 of the certificate's identifier, a line feed, and the conversation's.
    pub conversations_sha256: Vec<String>,
    /// The line of the erasure ledger after the destruction of the keys.
    pub ledger: LedgerLine,
    /// The day after which no backup can be opened that still holds the rows.
    pub backups_until: Timestamp,
}

/// Numbers of what was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Conversations, each with its key.
    pub conversations: i64,
    /// Their turns.
    pub turns: i64,
    /// Visitors.
    pub visitors: i64,
    /// Acts of consent.
    pub consent_acts: i64,
}

impl Erased {
    /// Whether nothing was.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the erasure ledger stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// The line's number.
    pub seq: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

impl Certificate {
    /// The instant after which no backup holds what was erased then.
    pub fn backups_until(at: Timestamp) -> Timestamp {
        at.checked_add(BACKUPS).unwrap_or(Timestamp::MAX)
    }

    /// What stands for a conversation in a certificate.
    pub fn mark(id: RunId, conversation: ConversationId) -> String {
        let digest = Sha256::digest(format!("{id}\n{conversation}"));
        hexadecimal(&digest)
    }

    /// Whether a conversation is among those erased.
    pub fn covers(&self, conversation: ConversationId) -> bool {
        self.conversations_sha256.contains(&Self::mark(self.id, conversation))
    }
}
