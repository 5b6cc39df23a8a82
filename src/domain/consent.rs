//! What a person may allow: purposes, decisions, and the standing that results from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The ground in law on which a purpose stands (GDPR Art. 6). It fixes which rights apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What was asked for cannot be done without it.
    Contract,
    /// The person said yes; silence is no.
    Consent,
    /// A weighed interest; the person may object (GDPR Art. 21).
    LegitimateInterest,
    /// The law demands it.
    LegalObligation,
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident $text:literal $bit:literal $basis:ident $signal:ident $use:ident;)*) => {
        /// What data may be used for. One purpose has exactly one lawful basis.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Purpose { $($(#[$doc])* $name,)* }

        impl Purpose {
            /// All purposes, in table order.
            pub const ALL: &'static [Purpose] = &[$(Purpose::$name),*];

            const fn bit(self) -> i32 {
                match self { $(Purpose::$name => $bit,)* }
            }

            /// The one lawful basis.
            pub const fn basis(self) -> Basis {
                match self { $(Purpose::$name => Basis::$basis,)* }
            }

            /// Whether Global Privacy Control ends it.
            pub const fn ends_by_signal(self) -> bool {
                match self { $(Purpose::$name => purposes!(@signal $signal),)* }
            }

            /// Whether this version does anything for it. Consent to nothing is not asked for and not taken.
            pub const fn is_served(self) -> bool {
                match self { $(Purpose::$name => purposes!(@use $use),)* }
            }

            /// The name on the wire and in records.
            pub const fn as_str(self) -> &'static str {
                match self { $(Purpose::$name => $text,)* }
            }
        }
    };
    (@signal ends) => { true };
    (@signal stays) => { false };
    (@use served) => { true };
    (@use unserved) => { false };
}

purposes! {
    /// Carrying and keeping the conversation itself (policy §3).
    ServiceChat "service_chat" 1 Contract stays served;
    /// Having the question answered by a language model or the knowledge base (policy §4).
    AiAnswer "ai_answer" 2 Consent stays served;
    /// Usage patterns, as aggregates (policy §2.3).
    AnalyticsProduct "analytics_product" 4 Consent ends unserved;
    /// Usage patterns by way of an analytics company (policy §4).
    AnalyticsThirdParty "analytics_third_party" 8 Consent ends unserved;
    /// News by mail (policy §3).
    MarketingEmail "marketing_email" 16 Consent ends unserved;
    /// Sharing conversations to improve models, never without an explicit act (policy §3).
    TrainingShare "training_share" 32 Consent ends unserved;
    /// Passing data to a system the customer has connected (policy §2.4).
    Integration "integration" 64 Consent ends unserved;
    /// Remembering preferences in the browser (policy §9).
    CookiesPreferences "cookies_preferences" 128 Consent stays unserved;
    /// Limits against abuse and fraud (policy §3).
    SecurityFraud "security_fraud" 256 LegitimateInterest stays served;
    /// Keeping what the law says must be kept, and what a dispute needs (policy §6.2).
    LegalRetention "legal_retention" 512 LegalObligation stays served;
}

impl Purpose {
    /// Whether the purpose rests on consent, so that silence means no.
    pub const fn rests_on_consent(self) -> bool {
        matches!(self.basis(), Basis::Consent)
    }

    /// Whether a person may decide so about the purpose: consent can be given where it is used and taken back always, an
    /// interest can be objected to, and nothing can be decided about a contract or a law.
    pub const fn may_be(self, decision: Decision) -> bool {
        match (self.basis(), decision) {
            (Basis::Consent, Decision::Granted) => self.is_served(),
            (Basis::Consent, Decision::Denied) | (Basis::LegitimateInterest, _) => true,
            (Basis::Contract | Basis::LegalObligation, _) => false,
        }
    }
}

/// A set of purposes, stored as a bit mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purposes(i32);

impl Purposes {
    const EVERY: i32 = (1 << Purpose::ALL.len()) - 1;

    /// The purposes that Global Privacy Control ends.
    pub fn ended_by_signal() -> Self {
        Self::chosen(Purpose::ends_by_signal)
    }

    /// The purposes that can be objected to.
    pub fn open_to_objection() -> Self {
        Self::chosen(|purpose| purpose.basis() == Basis::LegitimateInterest)
    }

    fn chosen(is_in: impl Fn(Purpose) -> bool) -> Self {
        Purpose::ALL
            .iter()
            .filter(|purpose| is_in(**purpose))
            .fold(Self::default(), |set, purpose| set.decided(*purpose, Decision::Granted))
    }

    /// The set of a stored mask; unknown bits grant nothing.
    pub const fn from_stored(mask: i32) -> Self {
        Self(mask & Self::EVERY)
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
        Purpose::ALL.iter().copied().filter(move |purpose| self.contains(*purpose))
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

/// What an act in the ledger of consent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// The person decided about purposes.
    Decision,
    /// The person's browser sent Global Privacy Control.
    PrivacySignal,
    /// The person asked for restriction (GDPR Art. 18).
    Restriction,
    /// The person lifted it.
    RestrictionLifted,
}

impl ActKind {
    /// The number stored.
    pub const fn to_stored(self) -> i16 {
        match self {
            Self::Decision => 1,
            Self::PrivacySignal => 2,
            Self::Restriction => 3,
            Self::RestrictionLifted => 4,
        }
    }

    /// The kind of a stored number; the table admits no other.
    pub const fn from_stored(number: i16) -> Self {
        match number {
            2 => Self::PrivacySignal,
            3 => Self::Restriction,
            4 => Self::RestrictionLifted,
            _ => Self::Decision,
        }
    }
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

    /// Policy §7; CNIL: one purpose, one basis, and the basis fixes the rights.
    #[test]
    fn each_purpose_has_a_bit_of_its_own_and_what_can_be_decided_follows_from_its_basis() {
        let union = Purpose::ALL.iter().fold(0, |mask, purpose| {
            assert_eq!(mask & purpose.bit(), 0, "{purpose:?} shares a bit");
            assert_eq!(serde_json::to_value(purpose).expect("JSON"), purpose.as_str());
            mask | purpose.bit()
        });
        assert_eq!(union, Purposes::EVERY);
        for purpose in Purpose::ALL {
            let denied = purpose.may_be(Decision::Denied);
            assert_eq!(
                denied,
                matches!(purpose.basis(), Basis::Consent | Basis::LegitimateInterest)
            );
            assert!(!purpose.ends_by_signal() || purpose.rests_on_consent(), "{purpose:?}");
        }
        assert!(!Purpose::TrainingShare.may_be(Decision::Granted), "nothing trains");
        assert!(Purpose::AiAnswer.may_be(Decision::Granted));
    }

    #[test]
    fn a_mask_from_the_future_grants_nothing_unknown() {
        assert_eq!(Purposes::from_stored(-1).iter().count(), Purpose::ALL.len());
        assert_eq!(Purposes::from_stored(1 << Purpose::ALL.len()).iter().count(), 0);
    }
}
