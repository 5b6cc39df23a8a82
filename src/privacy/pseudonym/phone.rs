//! Telephone numbers: which digits, in which groups, are one. Service lines (400, 800, 95…) are nobody's own and stay.

use super::context::Topic;
use super::group::Joint;

/// How the digits stand in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) digits: &'a [u8],
    /// The sizes of the groups.
    pub(super) sizes: &'a [usize],
    /// What joins the groups; one fewer than there are groups.
    pub(super) joints: &'a [Joint],
    pub(super) has_plus: bool,
    pub(super) topic: Option<Topic>,
}

/// Whether it is a telephone number.
pub(super) fn is_phone(written: Written<'_>) -> bool {
    let Written { digits, sizes, topic, has_plus, .. } = written;
    if has_plus && is_international(digits) {
        return true;
    }
    let is_free_of_charge =
        is_service_line(digits) || (has_plus && is_american_service_line(digits));
    if topic == Some(Topic::Thing) || is_free_of_charge {
        return false;
    }
    is_chinese(digits, sizes)
        || is_with_trunk_zero(digits, sizes)
        || is_american(written)
        || is_dialled_abroad(digits, sizes, topic)
        || (topic == Some(Topic::Phone) && (7..=12).contains(&digits.len()) && !is_date(digits))
}

/// A mobile or landline number of mainland China, with or without the country's prefix.
fn is_chinese(digits: &[u8], sizes: &[usize]) -> bool {
    if !is_grouped_well(sizes) {
        return false;
    }
    let national = digits.strip_prefix(b"0086").or_else(|| digits.strip_prefix(b"86"));
    is_mobile(digits)
        || is_landline(digits)
        || national
            .is_some_and(|rest| is_mobile(rest) || (sizes.len() > 1 && is_landline_abroad(rest)))
}

/// Single digits throughout, or no group of one digit but a last one.
fn is_grouped_well(sizes: &[usize]) -> bool {
    let head = sizes.split_last().map_or(sizes, |(_, head)| head);
    sizes.iter().all(|size| *size == 1) || head.iter().all(|size| *size >= 2)
}

fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11 && matches!(digits, [b'1', b'3'..=b'9', ..])
}

fn is_landline(digits: &[u8]) -> bool {
    let subscriber = match digits {
        [b'0', b'1', b'0', rest @ ..] | [b'0', b'2', _, rest @ ..] if rest.len() == 8 => rest,
        [b'0', b'3'..=b'9', _, _, rest @ ..] if matches!(rest.len(), 7 | 8) => rest,
        _ => return false,
    };
    matches!(subscriber, [b'2'..=b'8', ..])
}

/// As after +86, where the zero of the area is left out.
fn is_landline_abroad(digits: &[u8]) -> bool {
    let mut padded = Vec::with_capacity(digits.len() + 1);
    padded.push(b'0');
    padded.extend_from_slice(digits);
    is_landline(digits) || is_landline(&padded)
}

/// Ten or eleven digits after a zero, as in most of Europe and Asia.
fn is_with_trunk_zero(digits: &[u8], sizes: &[usize]) -> bool {
    let is_grouped = (sizes.len() <= 4 && sizes.iter().all(|size| *size >= 3))
        || sizes == [2, 2, 2, 2, 2]
        || sizes == [2, 4, 4];
    matches!(digits, [b'0', b'1'..=b'9', ..]) && matches!(digits.len(), 10 | 11) && is_grouped
}

/// Ten digits in groups of three, three and four, with or without a one before.
fn is_american(written: Written<'_>) -> bool {
    let Written { digits, sizes, joints, .. } = written;
    let (digits, sizes) = match (digits, sizes) {
        ([b'1', rest @ ..], [1, groups @ ..]) => (rest, groups),
        _ => (digits, sizes),
    };
    let is_grouped = sizes == [3, 3, 4] || (sizes == [3, 7] && joints.contains(&Joint::Bracket));
    is_grouped && is_north_american(digits)
}

fn is_north_american(digits: &[u8]) -> bool {
    digits.len() == 10 && matches!(digits, [b'2'..=b'9', _, _, b'2'..=b'9', ..])
}

/// With the 00 of international calls instead of a plus: in groups, or announced.
fn is_dialled_abroad(digits: &[u8], sizes: &[usize], topic: Option<Topic>) -> bool {
    let is_likely = topic == Some(Topic::Phone)
        || sizes.first().is_some_and(|size| *size <= 5 && sizes.len() > 1);
    is_likely && digits.strip_prefix(b"00").is_some_and(is_international)
}

/// Lengths after the country code (ITU-T E.164), where they are known to be narrow.
const COUNTRIES: &[(&[u8], usize, usize)] = &[
    (b"852", 8, 8),
    (b"853", 8, 8),
    (b"886", 8, 10),
    (b"44", 9, 11),
    (b"33", 9, 10),
    (b"49", 6, 12),
    (b"61", 9, 10),
    (b"65", 8, 8),
    (b"81", 9, 11),
    (b"82", 8, 11),
    (b"91", 10, 10),
    (b"7", 10, 10),
];

fn is_international(digits: &[u8]) -> bool {
    if let Some(rest) = digits.strip_prefix(b"86") {
        return is_mobile(rest) || is_landline_abroad(rest);
    }
    if let Some(rest) = digits.strip_prefix(b"1") {
        return is_north_american(rest) && !is_service_line(rest);
    }
    for (code, least, most) in COUNTRIES {
        if let Some(rest) = digits.strip_prefix(*code) {
            return (*least..=*most).contains(&rest.len());
        }
    }
    matches!(digits, [b'2'..=b'9', ..]) && (9..=14).contains(&digits.len())
}

fn is_service_line(digits: &[u8]) -> bool {
    let ten = if digits.len() == 11 { digits.strip_prefix(b"1").unwrap_or(digits) } else { digits };
    let is_free = matches!(
        ten,
        [b'4' | b'8', b'0', b'0', ..]
            | [b'8', b'3', b'3', ..]
            | [b'8', b'4', b'4', ..]
            | [b'8', b'5', b'5', ..]
            | [b'8', b'6', b'6', ..]
            | [b'8', b'7', b'7', ..]
            | [b'8', b'8', b'8', ..]
    );
    // A mobile number may begin with 1 and such digits, too.
    ten.len() == 10 && is_free && !is_mobile(digits)
}

fn is_american_service_line(digits: &[u8]) -> bool {
    digits.strip_prefix(b"1").is_some_and(is_service_line)
}

/// A day written without separators, as in "the phone 20240501".
pub(super) fn is_date(digits: &[u8]) -> bool {
    digits.len() == 8
        && matches!(
            digits,
            [b'1', b'9', _, _, b'0' | b'1', _, b'0'..=b'3', _]
                | [b'2', b'0', _, _, b'0' | b'1', _, b'0'..=b'3', _]
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, topic: Option<Topic>) -> bool {
        let has_plus = text.starts_with('+');
        let parts: Vec<&str> =
            text.split(['+', ' ', '-']).filter(|part| !part.is_empty()).collect();
        let sizes: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let joints = vec![Joint::Dash; sizes.len() - 1];
        let digits = parts.concat();
        is_phone(Written {
            digits: digits.as_bytes(),
            sizes: &sizes,
            joints: &joints,
            has_plus,
            topic,
        })
    }

    #[test]
    fn numbers_that_a_person_may_have_are_told_from_others() {
        for number in [
            "13812345678",
            "138 1234 5678",
            "+86 138-1234-5678",
            "86 13812345678",
            "0086-13812345678",
            "010-65521234",
            "0755 2655 1234",
            "01065521234",
            "+86 10 6552 1234",
            "415-555-0132",
            "1-415-555-0132",
            "+1 415 555 0132",
            "+44 20 7946 0958",
            "07700 900123",
            "06 12 34 56 78",
            "+852 9123 4567",
            "0044 20 7946 0958",
            "0912-345-678",
        ] {
            assert!(check(number, None), "{number}");
        }
        for number in [
            "12812345678",
            "138123456789",
            "400-812-3456",
            "800-555-0132",
            "4155550132",
            "65521234",
            "2024-05-01",
            "+1 800 555 0132",
            "+86 123",
            "1 3812345678 ",
            "978-7-111-54742-6",
            "0012345678",
        ] {
            assert!(!check(number, None), "{number}");
        }
        assert!(check("65521234", Some(Topic::Phone)) && check("4155550132", Some(Topic::Phone)));
        assert!(
            !check("20240501", Some(Topic::Phone)) && !check("13812345678", Some(Topic::Thing))
        );
    }
}
