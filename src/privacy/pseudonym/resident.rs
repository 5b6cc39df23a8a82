//! Resident identity numbers of mainland China (GB 11643): region, date of birth, order, check character.

/// Weights of ISO 7064 MOD 11-2 for the first seventeen digits.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [u8; 11] = *b"10X98765432";

/// Whether the eighteen characters are such a number. `is_announced` forgives a wrong check character: who says that it
/// is an identity number has most likely mistyped one.
pub(super) fn is_current(characters: &[u8], is_announced: bool) -> bool {
    let Some((check, digits)) = characters.split_last() else { return false };
    digits.len() == WEIGHTS.len()
        && digits.iter().all(u8::is_ascii_digit)
        && (check.is_ascii_digit() || check.eq_ignore_ascii_case(&b'X'))
        && has_region(digits)
        && (18..=20).contains(&number(digits, 6..8))
        && has_day(number(digits, 10..12), number(digits, 12..14))
        && (is_announced || passes_check(digits, *check))
}

/// Whether the fifteen digits are a number as issued until 1999, which has no check character.
pub(super) fn is_old(digits: &[u8]) -> bool {
    digits.len() == 15
        && digits.iter().all(u8::is_ascii_digit)
        && has_region(digits)
        && has_day(number(digits, 8..10), number(digits, 10..12))
}

fn has_region(digits: &[u8]) -> bool {
    matches!(
        number(digits, 0..2),
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83
    )
}

fn has_day(month: u32, day: u32) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn passes_check(digits: &[u8], check: u8) -> bool {
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    let expected = usize::try_from(sum % 11).ok().and_then(|rest| CHECKS.get(rest));
    expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&check))
}

fn number(digits: &[u8], range: std::ops::Range<usize>) -> u32 {
    let part = digits.get(range).unwrap_or_default();
    part.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_and_the_date_decide() {
        // The example of GB 11643-1999.
        assert!(is_current(b"11010519491231002X", false));
        assert!(is_current(b"11010519491231002x", false));
        assert!(is_current(b"440524188001010014", false));
        assert!(!is_current(b"110105194912310021", false));
        assert!(is_current(b"110105194912310021", true));
        assert!(!is_current(b"110105194913310021", true));
        assert!(!is_current(b"990105194912310021", true));
        assert!(is_old(b"110105491231002") && !is_old(b"110105491331002"));
    }
}
