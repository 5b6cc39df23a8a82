//! How long each class of record is kept, as one table (policy §6.1).
//!
//! A row carries its class and its anchor, never its deadline; the deadline follows from the setting in force when it is
//! asked for. [`Stamped`] is the only form in which `store` inserts such a row.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::domain::tenant::Period;

/// Who decides the period of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The tenant, within the bounds of [`Period::parse`].
    TenantSetting,
    /// The policy.
    Fixed(Period),
}

macro_rules! retention_classes {
    ($($(#[$doc:meta])* $name:ident $text:literal $rule:expr, anchored $anchor:literal, $clause:literal;)*) => {
        /// A class of records that lives and ends together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RetentionClass { $($(#[$doc])* $name,)* }

        impl RetentionClass {
            /// All classes, in table order.
            pub const ALL: &'static [RetentionClass] = &[$(RetentionClass::$name),*];

            /// The name stored with each row.
            pub const fn as_str(self) -> &'static str {
                match self { $(RetentionClass::$name => $text,)* }
            }

            /// Who decides the period.
            pub const fn rule(self) -> Rule {
                match self { $(RetentionClass::$name => $rule,)* }
            }

            /// What the period is counted from, in words.
            pub const fn anchor(self) -> &'static str {
                match self { $(RetentionClass::$name => $anchor,)* }
            }

            /// The clause of the policy.
            pub const fn clause(self) -> &'static str {
                match self { $(RetentionClass::$name => $clause,)* }
            }
        }
    };
}

retention_classes! {
    /// A conversation with all its turns, and the visitor it belongs to.
    Conversation "conversation" Rule::TenantSetting, anchored "its last turn", "§6.1";
    /// One act of consent, kept as evidence under a pseudonym.
    ConsentRecord "consent_record" Rule::Fixed(Period::Months(84)), anchored "the act", "§6.1";
}

impl RetentionClass {
    /// The period in force, given the tenant's setting.
    pub const fn period(self, tenant_setting: Period) -> Period {
        match self.rule() {
            Rule::TenantSetting => tenant_setting,
            Rule::Fixed(period) => period,
        }
    }
}

/// A value with the class it belongs to and the instant its time is counted from.
#[derive(Debug, Clone)]
pub struct Stamped<T> {
    value: T,
    class: RetentionClass,
    anchor: Timestamp,
}

/// Stamps a value.
pub const fn stamp<T>(value: T, class: RetentionClass, anchor: Timestamp) -> Stamped<T> {
    Stamped { value, class, anchor }
}

impl<T> Stamped<T> {
    /// The value.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// The class.
    pub const fn class(&self) -> RetentionClass {
        self.class
    }

    /// The anchor.
    pub const fn anchor(&self) -> Timestamp {
        self.anchor
    }
}

/// The first instant at which a record anchored at `anchor` may no longer be shown. Months are calendar months in UTC,
/// clamped to the month's end, always counted from the anchor and never chained. `None` beyond the calendar's end.
pub fn deadline(anchor: Timestamp, period: Period) -> Option<Timestamp> {
    match period {
        Period::Days(days) => {
            anchor.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()
        }
        Period::Months(months) => {
            let start = anchor.to_zoned(TimeZone::UTC);
            start.checked_add(Span::new().months(i64::from(months))).ok().map(|end| end.timestamp())
        }
    }
}

/// Whether the time of a record is over: `now >= deadline`.
pub fn is_over(anchor: Timestamp, period: Period, now: Timestamp) -> bool {
    deadline(anchor, period).is_some_and(|end| now >= end)
}

/// A day such that no record anchored after it can be over: what a query may use to look at few rows before
/// [`is_over`] decides. Four days of slack cover every month's end.
pub fn latest_day_possibly_over(period: Period, now: Timestamp) -> jiff::civil::Date {
    let utc = now.to_zoned(TimeZone::UTC);
    let span = match period {
        Period::Days(days) => Span::new().days(i64::from(days)),
        Period::Months(months) => Span::new().months(i64::from(months)),
    };
    utc.date().saturating_sub(span).saturating_add(Span::new().days(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    /// Policy §6.1: every class just inside and just outside its time.
    #[test]
    fn every_class_is_kept_to_its_last_second_and_not_beyond() {
        let anchor = at("2025-03-14T15:09:26Z");
        for class in RetentionClass::ALL {
            for setting in [Period::Days(30), Period::DEFAULT, Period::Months(84)] {
                let period = class.period(setting);
                let end = deadline(anchor, period).expect("within the calendar");
                assert!(!is_over(anchor, period, end - SignedDuration::from_secs(1)), "{class:?}");
                assert!(is_over(anchor, period, end), "{class:?}");
            }
        }
    }

    #[test]
    fn months_are_calendar_months_clamped_to_the_months_end() {
        for (anchor, months, end) in [
            ("2024-02-29T12:00:00Z", 12, "2025-02-28T12:00:00Z"),
            ("2025-01-31T00:00:00Z", 1, "2025-02-28T00:00:00Z"),
            ("2025-01-31T00:00:00Z", 2, "2025-03-31T00:00:00Z"),
            ("2018-11-23T21:00:00Z", 84, "2025-11-23T21:00:00Z"),
        ] {
            assert_eq!(deadline(at(anchor), Period::Months(months)), Some(at(end)));
        }
        assert_eq!(
            deadline(at("2025-03-01T00:00:00Z"), Period::Days(30)),
            Some(at("2025-03-31T00:00:00Z"))
        );
    }

    proptest! {
        #[test]
        fn no_record_that_is_over_hides_behind_the_query_day(
            second in 0_i64..4_000_000_000, later in 0_i64..300_000_000, months in 1_u16..=84, days in 30_u16..=2556,
        ) {
            let anchor = Timestamp::from_second(second).expect("in range");
            let now = Timestamp::from_second(second + later).expect("in range");
            for period in [Period::Months(months), Period::Days(days)] {
                if is_over(anchor, period, now) {
                    prop_assert!(anchor.to_zoned(TimeZone::UTC).date() <= latest_day_possibly_over(period, now));
                }
            }
        }
    }
}
