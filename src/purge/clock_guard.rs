//! Whether the clock can be believed, asked before anything is destroyed. A clock that jumped ahead would make everything
//! look expired at once; no deletion can be taken back, a declined pass can be repeated.

use jiff::{SignedDuration, Timestamp};

/// No honest clock of this program shows an earlier time (2025-01-15, the policy's date of effect).
const FLOOR_SECOND: i64 = 1_736_899_200;
/// The longest silence between two passes that needs no explanation. Absolute, never scaled to a retention period.
const LONGEST_STEP: SignedDuration = SignedDuration::from_hours(48);
/// How far a clock may go back, as clocks that are set right do.
const SMALL_STEP_BACK: SignedDuration = SignedDuration::from_mins(5);

/// What is known about the time.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Our clock.
    pub now: Timestamp,
    /// The database machine's clock.
    pub database_now: Timestamp,
    /// How far the two may be apart.
    pub max_skew: SignedDuration,
    /// Our clock at the last pass, kept outside the database that is being guarded.
    pub last_reading: Option<Timestamp>,
    /// Whether this pass would destroy anything.
    pub something_is_due: bool,
    /// Whether the operator vouches for the clock.
    pub clock_is_vouched_for: bool,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// Destroy nothing.
    Decline(Decline),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decline {
    /// Earlier than this program.
    BeforeThisProgram,
    /// Two machines disagree.
    ClocksDisagree,
    /// The clock went back.
    WentBack,
    /// The clock stepped ahead by more than 48 hours and something would be destroyed.
    SteppedAhead,
}

impl Decline {
    /// The reason in words, with what to do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeThisProgram => {
                "the clock shows a time before this program was made; set the clock"
            }
            Self::ClocksDisagree => {
                "this machine's clock and the database's disagree; set the clocks"
            }
            Self::WentBack => "the clock went back since the last pass; set the clock",
            Self::SteppedAhead => {
                "more than 48 hours since the last pass; if that is right, run `veetflow purge --vouch-for-clock`"
            }
        }
    }
}

/// Judges the facts. Vouching helps against a long pause, never against clocks that contradict each other.
pub fn classify(facts: &Facts) -> Verdict {
    let floor = Timestamp::from_second(FLOOR_SECOND).unwrap_or(Timestamp::UNIX_EPOCH);
    if facts.now < floor {
        return Verdict::Decline(Decline::BeforeThisProgram);
    }
    if facts.now.duration_since(facts.database_now).abs() > facts.max_skew {
        return Verdict::Decline(Decline::ClocksDisagree);
    }
    let Some(last) = facts.last_reading else { return Verdict::Proceed };
    let step = facts.now.duration_since(last);
    if step < -SMALL_STEP_BACK {
        return Verdict::Decline(Decline::WentBack);
    }
    if step > LONGEST_STEP && facts.something_is_due && !facts.clock_is_vouched_for {
        return Verdict::Decline(Decline::SteppedAhead);
    }
    Verdict::Proceed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(now: i64, database: i64, last: Option<i64>, due: bool, vouched: bool) -> Facts {
        let at = |second| Timestamp::from_second(second).expect("in range");
        Facts {
            now: at(now),
            database_now: at(database),
            max_skew: SignedDuration::from_secs(60),
            last_reading: last.map(at),
            something_is_due: due,
            clock_is_vouched_for: vouched,
        }
    }

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn each_kind_of_implausible_clock_is_declined() {
        let decide =
            |now, database, last, due, vouched| classify(&facts(now, database, last, due, vouched));
        assert_eq!(decide(NOW, NOW, Some(NOW - 3600), true, false), Verdict::Proceed);
        assert_eq!(decide(0, 0, None, false, true), Verdict::Decline(Decline::BeforeThisProgram));
        assert_eq!(
            decide(NOW, NOW - 61, None, true, true),
            Verdict::Decline(Decline::ClocksDisagree)
        );
        assert_eq!(
            decide(NOW, NOW, Some(NOW + 301), false, true),
            Verdict::Decline(Decline::WentBack)
        );
        let ten_years_on = NOW + 315_360_000;
        let jumped = Verdict::Decline(Decline::SteppedAhead);
        assert_eq!(decide(ten_years_on, ten_years_on, Some(NOW), true, false), jumped);
        assert_eq!(decide(ten_years_on, ten_years_on, Some(NOW), true, true), Verdict::Proceed);
        assert_eq!(decide(ten_years_on, ten_years_on, Some(NOW), false, false), Verdict::Proceed);
    }

    proptest! {
        #[test]
        fn a_pass_that_proceeds_had_agreeing_clocks_and_an_explained_step(
            now in -1_000_000_000_i64..4_000_000_000, skew in -200_i64..200, step in -400_000_i64..400_000,
            has_last: bool, due: bool, vouched: bool,
        ) {
            let last = has_last.then_some(now - step);
            if classify(&facts(now, now + skew, last, due, vouched)) == Verdict::Proceed {
                prop_assert!(now >= FLOOR_SECOND && skew.abs() <= 60);
                prop_assert!(!has_last || step >= -300);
                prop_assert!(!has_last || !due || vouched || step <= 48 * 3600);
            }
        }
    }
}
