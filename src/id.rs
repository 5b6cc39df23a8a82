//! Typed identifiers: a UUID version 7 (RFC 9562) that knows what it names.
//!
//! Shown as a prefix and 32 hexadecimal digits (`cnv_0192…`). Mixing two kinds does not compile, and a text of
//! the wrong kind does not parse.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::clock::SharedClock;

/// What an identifier can name.
pub trait Kind {
    /// Three letters in front of the digits.
    const PREFIX: &'static str;
}

/// The identifier of one `K`.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the kind {expected}_")]
pub struct IdError {
    expected: &'static str,
}

impl<K> Id<K> {
    /// Wraps a UUID read from storage or fixed in the code.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The bare UUID, as storage and authenticated data use it.
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The bare UUID by reference, as statement parameters want it.
    pub const fn as_uuid(&self) -> &Uuid {
        &self.uuid
    }
}

/// Makes identifiers, ordered by the injected clock.
#[derive(Debug, Clone)]
pub struct Ids {
    clock: SharedClock,
}

impl Ids {
    /// Makes identifiers from this clock's milliseconds.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock }
    }

    /// The next identifier of a kind.
    pub fn next<K>(&self) -> Id<K> {
        let now = self.clock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let stamp = uuid::Timestamp::from_unix_time(seconds, nanoseconds, 0, 0);
        Id::from_uuid(Uuid::new_v7(stamp))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", K::PREFIX, self.uuid.simple())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = IdError { expected: K::PREFIX };
        let digits = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|digits| digits.len() == 32)
            .ok_or(refused)?;
        Uuid::try_parse(digits).map(Self::from_uuid).map_err(|_| refused)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $alias:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// An organisation that embeds the widget.
    Tenant TenantId "ten";
    /// One embedding of the widget, with its own list of origins.
    Widget WidgetId "wgt";
    /// An end user as one widget's browser knows them.
    Visitor VisitorId "vis";
    /// One conversation: a log with its own key.
    Conversation ConversationId "cnv";
    /// One answer in the making and afterwards.
    Message MessageId "msg";
    /// The proof of one act of consent.
    Receipt ReceiptId "rct";
    /// A legal hold.
    Hold HoldId "hld";
    /// A key with which a tenant's own programs call.
    ApiKey ApiKeyId "key";
    /// A tenant's document, with all its versions and one key.
    Document DocumentId "doc";
    /// A tenant's own key for a provider.
    ProviderKeyKind ProviderKeyId "pvk";
    /// One running process.
    Node NodeId "nod";
    /// A backup.
    Backup BackupId "bkp";
    /// One pass of the purge.
    Run RunId "run";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_its_text_and_refuses_another_kind() {
        let ids = Ids::new(std::sync::Arc::new(crate::clock::SystemClock));
        let conversation: ConversationId = ids.next();
        let text = conversation.to_string();
        assert_eq!(text.parse(), Ok(conversation));
        assert!(text.parse::<TenantId>().is_err());
        for wrong in ["", "cnv_", "cnv", "cnv_zz", &text[..35], &format!("{text}0")] {
            assert!(wrong.parse::<ConversationId>().is_err(), "{wrong}");
        }
    }
}
