//! One line of the ledger, and the chain it goes into.
//!
//! A line is read only if it is the very text that would be written, so that no two texts say the same.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::{Id, TenantId};
use crate::vault::{Extent, PublicKey, Scope};

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The ledger begins.
    Begun,
    /// Something is about to be erased.
    Erased(Extent),
    /// After a restore, everything above was erased again.
    Replayed,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first; no number is left out.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// How often keys had been destroyed by then.
    pub epoch: u64,
    /// What.
    pub act: Act,
}

/// A line and the hash of everything up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number of the line.
    pub seq: i64,
    /// The hash.
    pub hash: [u8; 32],
}

impl Position {
    /// Before the first line, in the ledger of one keyring.
    pub(super) fn genesis(keyring: Uuid, key: &PublicKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"veetflow erasure ledger 1");
        hasher.update(keyring.as_bytes());
        hasher.update(key.as_bytes());
        Self { seq: 0, hash: hasher.finalize().into() }
    }

    /// Behind one more line.
    pub(super) fn after(&self, entry: &Entry) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.hash);
        hasher.update(entry.to_string().as_bytes());
        Self { seq: entry.seq, hash: hasher.finalize().into() }
    }

    /// What a seal signs.
    pub(super) fn message(&self, keyring: Uuid) -> Vec<u8> {
        let text = format!("veetflow erasure ledger\n{}\n{}\n", keyring.simple(), self.seq);
        [text.as_bytes(), &self.hash].concat()
    }

    /// The line of a seal: number, hash, signature.
    pub(super) fn seal(&self, signature: &[u8]) -> String {
        format!("s {} {} {}", self.seq, STANDARD.encode(self.hash), STANDARD.encode(signature))
    }

    /// Reads a seal.
    pub(super) fn of_seal(line: &str) -> Option<(Self, Vec<u8>)> {
        let mut words = line.strip_prefix("s ")?.split(' ');
        let seq = words.next()?.parse().ok()?;
        let hash = STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
        let signature = STANDARD.decode(words.next()?).ok()?;
        let position = Self { seq, hash };
        (position.seal(&signature) == line).then_some((position, signature))
    }
}

/// The first line of the file: whose ledger, and with which key it is sealed.
pub(super) fn title(keyring: Uuid, key: &PublicKey) -> String {
    format!("veetflow-erasure-ledger 1 {} {}", keyring.simple(), STANDARD.encode(key.as_bytes()))
}

/// Reads the first line.
pub(super) fn read_title(line: &str) -> Option<(Uuid, PublicKey)> {
    let (keyring, key) = line.strip_prefix("veetflow-erasure-ledger 1 ")?.split_once(' ')?;
    let keyring = Uuid::try_parse(keyring).ok()?;
    let key = PublicKey::from_bytes(STANDARD.decode(key).ok()?.try_into().ok()?);
    (title(keyring, &key) == line).then_some((keyring, key))
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "e {} {} {} ", self.seq, self.at, self.epoch)?;
        match self.act {
            Act::Begun => formatter.write_str("begun"),
            Act::Replayed => formatter.write_str("replayed"),
            Act::Erased(Extent::Tenant(tenant)) => {
                write!(formatter, "tenant {}", tenant.uuid().simple())
            }
            Act::Erased(Extent::Conversation(Scope { tenant, conversation })) => {
                let (tenant, object) = (tenant.uuid(), conversation.uuid());
                write!(formatter, "key {} {}", tenant.simple(), object.simple())
            }
        }
    }
}

impl FromStr for Entry {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        read(line).filter(|entry| entry.to_string() == line).ok_or(())
    }
}

fn read(line: &str) -> Option<Entry> {
    let mut words = line.strip_prefix("e ")?.split(' ');
    let seq = words.next()?.parse().ok()?;
    let at = words.next()?.parse().ok()?;
    let epoch = words.next()?.parse().ok()?;
    let kind = words.next()?;
    let mut identifier = || Uuid::try_parse(words.next()?).ok();
    let act = match kind {
        "begun" => Act::Begun,
        "replayed" => Act::Replayed,
        "tenant" => Act::Erased(Extent::Tenant(TenantId::from_uuid(identifier()?))),
        "key" => {
            let tenant = Id::from_uuid(identifier()?);
            let conversation = Id::from_uuid(identifier()?);
            Act::Erased(Extent::Conversation(Scope { tenant, conversation }))
        }
        _ => return None,
    };
    Some(Entry { seq, at, epoch, act })
}
