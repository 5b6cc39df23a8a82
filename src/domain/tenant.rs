//! A tenant (客户): the organisation whose site shows the chat.

use std::fmt;

use crate::domain::language::Language;

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantState {
    /// Served.
    Active,
    /// Paused by the operator; conversations are refused, nothing is deleted.
    Suspended,
    /// Closed; only the retention clock still runs.
    Closed,
}

impl TenantState {
    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// The state of a stored word; an unknown word is treated as suspended, which destroys and discloses nothing.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "closed" => Self::Closed,
            _ => Self::Suspended,
        }
    }
}

/// A tenant's short name on the command line: lower-case letters, digits and inner hyphens, 1 to 40 of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantSlug(String);

/// A text that is not a short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's short name has 1 to 40 lower-case letters, digits or inner hyphens")]
pub struct SlugError;

impl TenantSlug {
    /// Checks a short name.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        let is_plain = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        let fits = (1..=40).contains(&text.len()) && text.chars().all(is_plain);
        if !fits || text.starts_with('-') || text.ends_with('-') {
            return Err(SlugError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantSlug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A span of retention: whole days (of 86,400 s) or whole calendar months (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// So many days.
    Days(u16),
    /// So many calendar months, clamped to the end of shorter months.
    Months(u16),
}

/// Why a text is no retention period for conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a number and a unit.
    #[error("write a number and a unit: 90d, 12m or 7y")]
    Unreadable,
    /// Outside the bounds of policy §6.1.
    #[error("conversations are kept between 30 days and 7 years")]
    OutOfBounds,
}

impl Period {
    /// The default for conversation records (policy §6.1).
    pub const DEFAULT: Self = Self::Months(12);

    /// Reads `90d`, `12m` or `7y` and holds it to the 30 days – 7 years of policy §6.1.
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        let trimmed = text.trim();
        let unit_at = trimmed.len().saturating_sub(1);
        let (digits, unit) = trimmed.split_at_checked(unit_at).ok_or(PeriodError::Unreadable)?;
        let count: u16 = digits.parse().map_err(|_| PeriodError::Unreadable)?;
        let period = match unit {
            "d" => Self::Days(count),
            "m" => Self::Months(count),
            "y" => Self::Months(count.checked_mul(12).ok_or(PeriodError::OutOfBounds)?),
            _ => return Err(PeriodError::Unreadable),
        };
        if period.is_within_bounds() { Ok(period) } else { Err(PeriodError::OutOfBounds) }
    }

    /// The period of two stored numbers, of which one is zero; anything else falls back to the default.
    pub fn from_stored(months: i32, days: i32) -> Self {
        match (u16::try_from(months), u16::try_from(days)) {
            (Ok(0), Ok(days)) if days > 0 => Self::Days(days),
            (Ok(months), Ok(0)) if months > 0 => Self::Months(months),
            _ => Self::DEFAULT,
        }
    }

    /// The two numbers to store: months and days.
    pub fn to_stored(self) -> (i32, i32) {
        match self {
            Self::Days(days) => (0, i32::from(days)),
            Self::Months(months) => (i32::from(months), 0),
        }
    }

    /// The period as it is set: `30d`, `12m`.
    pub fn in_short(self) -> String {
        match self {
            Self::Days(days) => format!("{days}d"),
            Self::Months(months) => format!("{months}m"),
        }
    }

    const fn is_within_bounds(self) -> bool {
        match self {
            Self::Days(days) => days >= 30 && days <= 2556,
            Self::Months(months) => months >= 1 && months <= 84,
        }
    }

    /// The period in words, for the visitor.
    pub fn in_words(self, language: Language) -> String {
        match (self, language) {
            (Self::Days(days), Language::Zh) => format!("{days} 天"),
            (Self::Days(days), Language::En) => format!("{days} days"),
            (Self::Months(months), Language::Zh) => format!("{months} 个月"),
            (Self::Months(1), Language::En) => "1 month".to_owned(),
            (Self::Months(months), Language::En) => format!("{months} months"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Policy §6.1: 30 days to 7 years, default 12 months.
    #[test]
    fn a_period_outside_thirty_days_to_seven_years_is_refused() {
        for right in ["30d", "2556d", "1m", "12m", "84m", "7y", " 90d "] {
            assert!(Period::parse(right).is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("29d", PeriodError::OutOfBounds),
            ("0m", PeriodError::OutOfBounds),
            ("8y", PeriodError::OutOfBounds),
            ("85m", PeriodError::OutOfBounds),
            ("65535y", PeriodError::OutOfBounds),
            ("-1d", PeriodError::Unreadable),
            ("NaN", PeriodError::Unreadable),
            ("", PeriodError::Unreadable),
            ("月", PeriodError::Unreadable),
            ("12", PeriodError::Unreadable),
        ] {
            assert_eq!(Period::parse(wrong), Err(why), "{wrong}");
        }
    }

    #[test]
    fn a_period_survives_storage() {
        for period in [Period::Days(30), Period::Months(84), Period::DEFAULT] {
            let (months, days) = period.to_stored();
            assert_eq!(Period::from_stored(months, days), period);
        }
        assert_eq!(Period::from_stored(-1, 0), Period::DEFAULT);
    }
}
