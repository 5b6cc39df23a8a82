//! IP addresses. Those that say nothing of anybody (loopback, unspecified, broadcast and net masks) stay.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::glyphs::{Glyphs, is_word};

/// The longest written form, `0000:0000:0000:0000:0000:ffff:255.255.255.255`.
const MAX_VERSION_6: usize = 45;

/// Whether digits in groups are an IPv4 address. Four single digits, or a zero at the end, are a version more often, unless
/// announced as an address.
pub(super) fn is_version_4(digits: &[u8], sizes: &[usize], is_announced: bool) -> bool {
    let mut octets = [0_u8; 4];
    let mut rest = digits;
    for (octet, size) in octets.iter_mut().zip(sizes) {
        let Some((head, tail)) = rest.split_at_checked(*size) else { return false };
        let text = std::str::from_utf8(head).unwrap_or_default();
        let Ok(value) = text.parse() else { return false };
        if text.len() > 1 && text.starts_with('0') {
            return false;
        }
        *octet = value;
        rest = tail;
    }
    let address = Ipv4Addr::from(octets);
    let is_mask = octets.first() == Some(&255);
    let is_like_a_version = octets.last() == Some(&0) || sizes.iter().all(|size| *size == 1);
    let is_nobodys = address.is_loopback() || octets.first() == Some(&0) || is_mask;
    sizes.len() == 4 && !is_nobodys && (is_announced || !is_like_a_version)
}

/// Finds all IPv6 addresses: unbroken runs of their characters, each read a fixed number of times.
pub(super) fn find_version_6(glyphs: &Glyphs, mut found: impl FnMut(Range<usize>)) {
    let is_part = |glyph: u8| glyph.is_ascii_hexdigit() || matches!(glyph, b':' | b'.');
    let mut index = 0;
    while index < glyphs.len() {
        let end = glyphs.skip(index, is_part);
        let run = glyphs.slice(index..end);
        let trailing = run.iter().rev().take_while(|glyph| matches!(glyph, b'.')).count();
        let colons = run.iter().rev().skip(trailing).take_while(|glyph| **glyph == b':').count();
        let kept = run.len() - trailing - usize::from(colons % 2 == 1);
        let announced = announcement(run, is_word(glyphs.before(index)));
        let skipped = announced.unwrap_or(0);
        let candidate = run.get(skipped..kept).unwrap_or_default();
        let is_alone = announced.is_some() && !is_word(glyphs.get(end));
        if is_alone && is_version_6(candidate) {
            found(index + skipped..index + kept);
        }
        index = end + 1;
    }
}

/// How much of a run belongs to the words before it, as the `6:` of `IPv6:2001:db8::1` does; `None` if all of it does.
fn announcement(run: &[u8], is_within_word: bool) -> Option<usize> {
    let is_single = |colon: usize| run.get(colon + 1) != Some(&b':');
    match run.iter().position(|glyph| *glyph == b':') {
        Some(colon) if (is_within_word || colon == 0) && is_single(colon) => Some(colon + 1),
        _ => (!is_within_word).then_some(0),
    }
}

fn is_version_6(run: &[u8]) -> bool {
    if run.len() > MAX_VERSION_6 || run.split(|glyph| *glyph == b':').nth(2).is_none() {
        return false;
    }
    let text = std::str::from_utf8(run).unwrap_or_default();
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let has_digit = run.iter().any(u8::is_ascii_digit);
    // What ends in two colons is a network and no host.
    groups >= 2
        && has_digit
        && !run.ends_with(b":")
        && text.parse::<Ipv6Addr>().is_ok_and(|address| !address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_4(text: &str) -> bool {
        let parts: Vec<&str> = text.split('.').collect();
        let sizes: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        is_version_4(parts.concat().as_bytes(), &sizes, false)
    }

    #[test]
    fn addresses_of_version_4_are_told_from_versions_and_masks() {
        assert!(is_4("203.0.113.7") && is_4("192.168.1.10") && is_4("8.8.8.88"));
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.0",
            "120.0.0.0",
            "1.2.3.4",
            "1.02.3.44",
            "10.0.19045.1",
        ] {
            assert!(!is_4(text), "{text}");
        }
        assert!(is_version_4(b"8888", &[1, 1, 1, 1], true));
    }

    #[test]
    fn addresses_of_version_6_are_found_whole() {
        let found = |text: &str| {
            let glyphs = Glyphs::of(text);
            let mut all = Vec::new();
            find_version_6(&glyphs, |range| all.push(text[glyphs.bytes(&range)].to_owned()));
            all
        };
        assert_eq!(found("IPv6:2001:db8::7f."), ["2001:db8::7f"]);
        assert_eq!(found("地址是fe80::1ff:fe23:4567:890a，"), ["fe80::1ff:fe23:4567:890a"]);
        assert_eq!(found("[2001:0db8:0:0:0:0:0:1]:443"), ["2001:0db8:0:0:0:0:0:1"]);
        for text in [
            "12:30:45",
            "::1",
            "a::b",
            "aa:bb:cc:dd:ee:ff",
            "std::env",
            "2024-05-01T12:30:45",
            "1::",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
