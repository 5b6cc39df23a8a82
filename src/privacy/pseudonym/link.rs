//! Links that carry a credential: a user before the host, or a parameter that is named like a secret. The whole link goes,
//! since whoever holds the rest of it knows where the secret belongs.

use std::ops::Range;

use super::glyphs::Glyphs;

/// Names of parameters that are secrets whatever stands before.
const ENDINGS: [&[u8]; 12] = [
    b"token",
    b"apikey",
    b"accesskey",
    b"secretkey",
    b"secret",
    b"password",
    b"passwd",
    b"pwd",
    b"signature",
    b"sessionid",
    b"jwt",
    b"credential",
];
/// Names that are secrets only as they are.
const NAMES: [&[u8]; 7] = [b"key", b"sig", b"auth", b"pass", b"sid", b"session", b"otp"];

/// Finds all such links. A link is an unbroken run of its characters, so runs never overlap and each is read a fixed
/// number of times.
pub(super) fn find(glyphs: &Glyphs, mut found: impl FnMut(Range<usize>)) {
    let mut index = 0;
    while index < glyphs.len() {
        let end = glyphs.skip(index, is_part);
        if let Some(range) = in_run(glyphs, index, end) {
            found(range);
        }
        index = end + 1;
    }
}

fn is_part(glyph: u8) -> bool {
    glyph.is_ascii_graphic()
        && !matches!(glyph, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^')
}

fn in_run(glyphs: &Glyphs, start: usize, end: usize) -> Option<Range<usize>> {
    let mut run = Run { glyphs: glyphs.slice(start..end), ..Run::default() };
    for (index, glyph) in run.glyphs.iter().enumerate() {
        run.read(index, *glyph);
    }
    if !run.is_secret {
        return None;
    }
    let first = run.scheme.filter(|_| !run.is_bare).map_or(start, |colon| {
        let is_scheme = |glyph: u8| glyph.is_ascii_alphanumeric() || matches!(glyph, b'+' | b'-');
        glyphs.skip_back(start + colon, is_scheme).max(start)
    });
    let is_trailing = |glyph: u8| {
        matches!(glyph, b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'\'' | b'*')
    };
    let last = glyphs.skip_back(end, is_trailing);
    (first < last).then_some(first..last)
}

/// What has been seen of a run so far.
#[derive(Default)]
struct Run<'a> {
    glyphs: &'a [u8],
    /// Where the colon after the first scheme stands.
    scheme: Option<usize>,
    authority: Authority,
    /// Where the name of a parameter began.
    parameter: Option<usize>,
    is_secret: bool,
    /// A secret came before any scheme, so the link begins where the run does.
    is_bare: bool,
}

/// The part between the two slashes and the path, where a user may stand before the host.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Authority {
    #[default]
    Outside,
    /// Within, and nothing but the slashes was seen.
    Empty,
    /// Within, after something that may be a user.
    Begun,
}

impl Run<'_> {
    fn read(&mut self, index: usize, glyph: u8) {
        match glyph {
            b':' if self.glyphs.get(index..index + 3) == Some(b"://") => {
                self.scheme = self.scheme.or(Some(index));
                self.authority = Authority::Empty;
            }
            b'/' if self.authority == Authority::Empty => {}
            b'/' => self.authority = Authority::Outside,
            b'@' => self.is_secret |= self.authority == Authority::Begun,
            b'?' | b'&' | b';' | b'#' => {
                self.authority = Authority::Outside;
                self.parameter = Some(index + 1);
            }
            b'=' => self.read_parameter(index),
            _ if self.authority == Authority::Empty => self.authority = Authority::Begun,
            _ => {}
        }
    }

    fn read_parameter(&mut self, sign: usize) {
        let name = self.parameter.take().and_then(|from| self.glyphs.get(from..sign));
        let value = self.glyphs.get(sign + 1);
        let has_value = value.is_some_and(|glyph| !matches!(glyph, b'&' | b'#' | b'['));
        if has_value && name.is_some_and(is_secret_name) {
            self.is_bare |= self.scheme.is_none();
            self.is_secret = true;
        }
    }
}

fn is_secret_name(name: &[u8]) -> bool {
    if name.len() > 40 {
        return false;
    }
    let plain: Vec<u8> = name
        .iter()
        .filter(|glyph| !matches!(glyph, b'-' | b'_' | b'.'))
        .map(u8::to_ascii_lowercase)
        .collect();
    NAMES.contains(&plain.as_slice()) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<String> {
        let glyphs = Glyphs::of(text);
        let mut all = Vec::new();
        find(&glyphs, |range| all.push(text[glyphs.bytes(&range)].to_owned()));
        all
    }

    #[test]
    fn links_with_credentials_are_found_whole() {
        for (text, link) in [
            ("见https://u:pw@host.example/a，", "https://u:pw@host.example/a"),
            (
                "(https://shop.example/r?id=7&reset_token=ab12).",
                "https://shop.example/r?id=7&reset_token=ab12",
            ),
            ("https://x.example/#access_token=abc", "https://x.example/#access_token=abc"),
            ("shop.example/login?key=9f8e", "shop.example/login?key=9f8e"),
            (
                "https://s3.example/f?X-Amz-Signature=00ff!",
                "https://s3.example/f?X-Amz-Signature=00ff",
            ),
        ] {
            assert_eq!(links(text), [link], "{text}");
        }
    }

    #[test]
    fn plain_links_are_left() {
        for text in [
            "https://shop.example/item/123?color=red",
            "https://shop.example/search?keyword=token&sort_key=",
            "https://social.example/@anna/posts",
            "see http://a.example and b@c.example",
            "mailto:li@example.com?subject=token",
        ] {
            assert!(links(text).is_empty(), "{text}");
        }
    }
}
