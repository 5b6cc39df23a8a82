//! What a person may allow: purposes, decisions, and the standing that results from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What data may be used for. One purpose has exactly one lawful basis.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Carrying and keeping the conversation itself. Basis: contract (policy §3).
    ServiceChat,
    /// Having the question answered by a language model or the knowledge base. Basis: consent.
    AiAnswer,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Purpose; 2] = [Purpose::ServiceChat, Purpose::AiAnswer];

    const fn bit(self) -> i32 {
        match self {
            Self::ServiceChat => 1,
            Self::AiAnswer => 2,
        }
    }

    /// Whether the purpose rests on consent, so that silence means no.
    pub const fn rests_on_consent(self) -> bool {
        match self {
            Self::ServiceChat => false,
            Self::AiAnswer => true,
        }
    }

    /// The name on the wire and in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceChat => "service_chat",
            Self::AiAnswer => "ai_answer",
        }
    }
}

/// A set of purposes, stored as a bit mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purposes(i32);

impl Purposes {
    /// The set of a stored mask; unknown bits grant nothing.
    pub const fn from_stored(mask: i32) -> Self {
        Self(mask & 3)
    }

    /// The mask to store.
    pub const fn to_stored(self) -> i32 {
        self.0
    }

    /// Whether `purpose` is in the set.
    pub const fn contains(self, purpose: Purpose) -> bool {
        self.0 & purpose.bit() != 0
    }

    /// The set with `purpose` decided.
    #[must_use]
    pub const fn decided(self, purpose: Purpose, decision: Decision) -> Self {
        match decision {
            Decision::Granted => Self(self.0 | purpose.bit()),
            Decision::Denied => Self(self.0 & !purpose.bit()),
        }
    }

    /// The purposes in the set, in table order.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(move |purpose| self.contains(*purpose))
    }
}

/// Yes or no to one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Allowed from now on.
    Granted,
    /// Refused or withdrawn from now on.
    Denied,
}

/// Several decisions taken in one act.
pub type Decisions = BTreeMap<Purpose, Decision>;

/// What is in force for one visitor at one moment: the fold of all acts so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The policy version of the last act, if there was one.
    pub policy_version: Option<String>,
    /// What is granted.
    pub granted: Purposes,
    /// How many acts there were; rises with each.
    pub epoch: i64,
}

impl Standing {
    /// Whether `purpose` may be served under the policy `current`. A grant given to an older text does not carry over
    /// (policy §12 never turns continued use into consent).
    pub fn allows(&self, purpose: Purpose, current: &str) -> bool {
        if !purpose.rests_on_consent() {
            return true;
        }
        self.granted.contains(purpose) && self.policy_version.as_deref() == Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_no_and_an_old_text_grants_nothing() {
        let mut standing = Standing::default();
        assert!(!standing.allows(Purpose::AiAnswer, "2"));
        standing.granted = standing.granted.decided(Purpose::AiAnswer, Decision::Granted);
        standing.policy_version = Some("1".into());
        assert!(standing.allows(Purpose::AiAnswer, "1"));
        assert!(!standing.allows(Purpose::AiAnswer, "2"));
        assert!(standing.allows(Purpose::ServiceChat, "2"));
    }

    #[test]
    fn a_mask_from_the_future_grants_nothing_unknown() {
        assert_eq!(Purposes::from_stored(-1).iter().count(), Purpose::ALL.len());
        assert_eq!(Purposes::from_stored(4).iter().count(), 0);
    }
}
