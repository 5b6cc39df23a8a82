//! Payment cards (ISO/IEC 7812): length, issuer, check digit.

use super::context::Topic;

/// Whether digits in such groups are a card. Without a word for it only issuers count whose numbers begin in a way that
/// orders and parcels rarely do.
pub(super) fn is_card(digits: &[u8], sizes: &[usize], topic: Option<Topic>) -> bool {
    (13..=19).contains(&digits.len())
        && is_written_so(sizes)
        && (topic == Some(Topic::Card) || has_issuer(digits))
        && digits.iter().any(|digit| Some(digit) != digits.first())
        && passes_luhn(digits)
}

/// One run, single digits, or groups of three and more with any rest.
fn is_written_so(sizes: &[usize]) -> bool {
    let Some((last, head)) = sizes.split_last() else { return false };
    sizes.iter().all(|size| *size == 1) || (head.iter().all(|size| *size >= 3) && *last >= 1)
}

fn has_issuer(digits: &[u8]) -> bool {
    let length = digits.len();
    match digits {
        [b'6', b'0' | b'2', ..] | [b'8', b'1', ..] | [b'9', b'5', b'5', b'8', ..] => length >= 16,
        [b'3', b'4' | b'7', ..] => length == 15,
        [b'3', b'0' | b'6' | b'8', ..] => matches!(length, 14 | 16),
        [b'3', b'5', ..]
        | [b'5' | b'6', ..]
        | [b'2', b'2', b'2', b'1'..=b'9', ..]
        | [b'2', b'2', b'3'..=b'9', ..]
        | [b'2', b'3'..=b'6', ..]
        | [b'2', b'7', b'0' | b'1', ..] => length == 16,
        [b'4', b'3' | b'5' | b'6', ..] if length == 19 => true,
        [b'4', ..] => matches!(length, 13 | 16),
        _ => false,
    }
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            let doubled = if place % 2 == 1 { value * 2 } else { value };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_cards_of_the_issuers_are_cards_and_their_neighbours_are_not() {
        for number in [
            "4111111111111111",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
            "3530111333300000",
        ] {
            assert!(is_card(number.as_bytes(), &[number.len()], None), "{number}");
            let mut other = number.as_bytes().to_vec();
            if let Some(last) = other.last_mut() {
                *last = if *last == b'9' { b'0' } else { *last + 1 };
            }
            assert!(!is_card(&other, &[other.len()], None), "{number} with another check digit");
        }
        assert!(!is_card(b"0000000000000000", &[16], Some(Topic::Card)));
        assert!(!is_card(b"2024050112345674", &[16], None));
    }
}
