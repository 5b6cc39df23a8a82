//! The age question: a bracket, never a birthday (policy §10: not for people under 16).

use serde::{Deserialize, Serialize};

/// The youngest age the service is offered to, whatever a tenant sets (policy §10).
pub const MINIMUM_AGE: u8 = 16;

/// What a visitor answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AgeBracket {
    /// Below the minimum: nothing is stored and the chat ends.
    #[serde(rename = "under_16")]
    Under16,
    /// Old enough for the service, too young for providers that demand adults.
    #[serde(rename = "16_17")]
    From16To17,
    /// Adult.
    #[serde(rename = "18_plus")]
    Adult,
}

impl AgeBracket {
    /// The number stored; 0 is left for "not asked".
    pub const fn to_stored(self) -> i16 {
        match self {
            Self::Under16 => 1,
            Self::From16To17 => 2,
            Self::Adult => 3,
        }
    }

    /// The bracket of a stored number.
    pub const fn from_stored(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Under16),
            2 => Some(Self::From16To17),
            3 => Some(Self::Adult),
            _ => None,
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Under16 => "under_16",
            Self::From16To17 => "16_17",
            Self::Adult => "18_plus",
        }
    }

    /// Whether everyone in the bracket has reached `years`.
    pub const fn has_reached(self, years: u8) -> bool {
        match self {
            Self::Under16 => false,
            Self::From16To17 => years <= 16,
            Self::Adult => years <= 18,
        }
    }
}
