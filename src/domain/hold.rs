//! Legal holds in words: what is covered, for which matter, by whom. No person of the dispute is named here, so that the
//! register itself holds nothing about them.

use uuid::Uuid;

use crate::id::{ConversationId, Id, VisitorId};

/// What a hold covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldScope {
    /// Everything of the tenant.
    Tenant,
    /// Everything of one visitor.
    Visitor(VisitorId),
    /// One conversation.
    Conversation(ConversationId),
}

impl HoldScope {
    /// The number and the object to store.
    pub const fn to_stored(self) -> (i16, Option<Uuid>) {
        match self {
            Self::Tenant => (1, None),
            Self::Visitor(visitor) => (2, Some(visitor.uuid())),
            Self::Conversation(conversation) => (3, Some(conversation.uuid())),
        }
    }

    /// The scope of what is stored.
    pub const fn from_stored(number: i16, object: Option<Uuid>) -> Option<Self> {
        match (number, object) {
            (1, None) => Some(Self::Tenant),
            (2, Some(visitor)) => Some(Self::Visitor(Id::from_uuid(visitor))),
            (3, Some(conversation)) => Some(Self::Conversation(Id::from_uuid(conversation))),
            _ => None,
        }
    }
}

/// How many conversations a new hold reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Kept from now on.
    pub saved: i64,
    /// In the hands of the purge already, so that nothing is promised about them.
    pub beyond_saving: i64,
}

/// Why a text is no name or reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write 1 to 60 letters, digits, spaces or . _ - / @")]
pub struct UnfitName;

fn fit(text: &str) -> Result<String, UnfitName> {
    let text = text.trim();
    let is_fit = |letter: char| letter.is_alphanumeric() || " ._-/@".contains(letter);
    if (1..=60).contains(&text.chars().count()) && text.chars().all(is_fit) {
        Ok(text.to_owned())
    } else {
        Err(UnfitName)
    }
}

/// The reference of a matter, such as a file number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter(String);

impl Matter {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Self, UnfitName> {
        fit(text).map(Self)
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Somebody who runs the server, by the name under which they answer for what they do. Case and white space make no
/// second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator(String);

impl Operator {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, UnfitName> {
        let name = fit(text)?.to_lowercase();
        Ok(Self(name.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain_and_its_spelling_makes_no_second_person() {
        for unfit in ["", "   ", "a\nb", "<b>", &"x".repeat(61)] {
            assert!(Operator::parse(unfit).is_err() && Matter::parse(unfit).is_err(), "{unfit}");
        }
        assert_eq!(Operator::parse(" Ann  Lee "), Operator::parse("ann lee"));
        assert_ne!(Operator::parse("ann"), Operator::parse("bob"));
        for scope in [HoldScope::Tenant, HoldScope::Visitor(Id::from_uuid(Uuid::nil()))] {
            let (number, object) = scope.to_stored();
            assert_eq!(HoldScope::from_stored(number, object), Some(scope));
        }
    }
}
