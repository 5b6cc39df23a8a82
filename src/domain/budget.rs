//! What answers may cost, and what they have cost.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::turn::Usage;

/// An amount of money, in millionths of the operator's currency. Written as a decimal number: `12.50`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u64);

/// A text that is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an amount such as 12.50, with six decimals at most, below a thousand million")]
pub struct MoneyError;

impl Money {
    /// From millionths.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Reads `12`, `12.5` or `0.000001`.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let is_plain = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_plain(whole, 9) || !is_plain(fraction, 6) {
            return Err(MoneyError);
        }
        let whole: u64 = whole.parse().map_err(|_| MoneyError)?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| MoneyError)?;
        Ok(Self(whole * 1_000_000 + fraction))
    }

    const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let (cents, rest) = fraction.split_at(2);
        write!(formatter, "{}.{cents}{}", self.0 / 1_000_000, rest.trim_end_matches('0'))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a model costs for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Of the prompt.
    pub input: Money,
    /// Of the prompt, where the provider had it in a cache.
    pub cached: Money,
    /// Of the answer, reasoning included.
    pub output: Money,
}

impl Price {
    /// The price of one request, rounded up.
    pub fn of(&self, usage: Usage) -> Money {
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let parts = [
            (usage.input_tokens - cached, self.input),
            (cached, self.cached),
            (usage.output_tokens, self.output),
        ];
        let total: u128 =
            parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(price.0)).sum();
        Money(u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

/// What asking a model means for a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tariff {
    /// Its price, if the operator has set one.
    pub price: Option<Price>,
    /// Tokens of an answer at most.
    pub longest_answer: u32,
    /// Whether it is asked under a key of the operator's, which not every tenant may use.
    pub needs_grant: bool,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spend {
    /// Requests to models.
    pub requests: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// What they cost.
    #[schema(value_type = String)]
    pub money: Money,
}

impl Spend {
    /// One request.
    pub fn of(usage: Usage, price: Option<Price>) -> Self {
        Self {
            requests: 1,
            input_tokens: usage.input_tokens.into(),
            output_tokens: usage.output_tokens.into(),
            money: price.map_or(Money::default(), |price| price.of(usage)),
        }
    }

    /// Whether nothing was spent.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Tokens of both kinds.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            money: self.money.plus(other.money),
        }
    }

    /// The one without the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
            money: self.money.minus(other.money),
        }
    }
}

/// The most that may be spent in one window; what is not named is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cap {
    /// Money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "12.50")]
    pub money: Option<Money>,
    /// Tokens of prompts and answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl Cap {
    /// Whether so much may be spent.
    pub fn admits(&self, spend: Spend) -> bool {
        self.money.is_none_or(|most| spend.money <= most)
            && self.tokens.is_none_or(|most| spend.tokens() <= most)
    }

    fn tightest(self, other: Self) -> Self {
        Self { money: least(self.money, other.money), tokens: least(self.tokens, other.tokens) }
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Over what a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// One conversation.
    Conversation,
    /// A tenant's day (UTC).
    Day,
    /// A tenant's calendar month (UTC).
    Month,
}

impl Window {
    /// Its name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// A tenant's caps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// For each conversation.
    pub conversation: Cap,
    /// For each day (UTC).
    pub day: Cap,
    /// For each calendar month (UTC).
    pub month: Cap,
}

impl Caps {
    /// What two parties allow: of two caps the smaller one holds.
    #[must_use]
    pub fn tightest(self, other: Self) -> Self {
        Self {
            conversation: self.conversation.tightest(other.conversation),
            day: self.day.tightest(other.day),
            month: self.month.tightest(other.month),
        }
    }

    /// Whether any of them limits money, so that a model without a price cannot be asked.
    pub fn count_money(&self) -> bool {
        [self.conversation, self.day, self.month].iter().any(|cap| cap.money.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_and_written_to_the_millionth() {
        for (text, micros, shown) in [
            ("12", 12_000_000, "12.00"),
            ("0.15", 150_000, "0.15"),
            (" 3.5 ", 3_500_000, "3.50"),
            ("0.000001", 1, "0.000001"),
            ("999999999.999999", 999_999_999_999_999, "999999999.999999"),
        ] {
            let money = Money::parse(text).expect(text);
            assert_eq!((money.micros(), money.to_string().as_str()), (micros, shown));
        }
        for wrong in
            ["", ".", "1.", ".5", "-1", "1e9", "1,5", "0.0000001", "1000000000", "NaN", "１"]
        {
            assert_eq!(Money::parse(wrong), Err(MoneyError), "{wrong}");
        }
    }

    #[test]
    fn a_request_costs_its_parts_and_never_less() {
        let price = Price {
            input: Money::parse("0.15").expect("money"),
            cached: Money::parse("0.075").expect("money"),
            output: Money::parse("0.6").expect("money"),
        };
        let usage = |input_tokens, cached_tokens, output_tokens| Usage {
            input_tokens,
            cached_tokens,
            output_tokens,
            reasoning_tokens: 0,
        };
        assert_eq!(price.of(usage(1_000_000, 0, 1_000_000)).to_string(), "0.75");
        assert_eq!(price.of(usage(1_000_000, 1_000_000, 0)).to_string(), "0.075");
        assert_eq!(price.of(usage(1, 0, 0)).micros(), 1);
        assert_eq!(price.of(usage(0, 9, 0)).micros(), 0, "more cached than sent is not believed");
    }

    #[test]
    fn of_two_caps_the_smaller_one_holds() {
        let cap = |money: Option<&str>, tokens| Cap {
            money: money.map(|money| Money::parse(money).expect("money")),
            tokens,
        };
        let caps = |day| Caps { day, ..Caps::default() };
        let both = caps(cap(Some("5"), None)).tightest(caps(cap(Some("3"), Some(100))));
        assert_eq!(both, caps(cap(Some("3"), Some(100))));
        let spend = |tokens| Spend { input_tokens: tokens, ..Spend::default() };
        assert!(both.day.admits(spend(100)) && !both.day.admits(spend(101)));
        assert!(Cap::default().admits(Spend {
            input_tokens: u64::MAX,
            output_tokens: 9,
            ..Spend::default()
        }));
    }
}
