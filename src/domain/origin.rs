//! Which sites may show a widget: an exact list of web origins (RFC 6454), never a pattern.

use std::fmt;

/// `scheme://host[:port]` in lower case, without path or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// A text that is not a web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a web origin such as https://shop.example")]
pub struct OriginError;

impl Origin {
    /// Reads an origin as browsers send it in the `Origin` header. `null` is no origin.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let lower = text.trim().to_ascii_lowercase();
        let authority = lower
            .strip_prefix("https://")
            .or_else(|| lower.strip_prefix("http://"))
            .ok_or(OriginError)?;
        let is_plain = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | ':' | '[' | ']')
        };
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(OriginError);
        }
        Ok(Self(lower))
    }

    /// The origin as a header value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_origins_parse() {
        assert_eq!(
            Origin::parse("HTTPS://Shop.Example").map(|origin| origin.0),
            Ok("https://shop.example".into())
        );
        assert!(Origin::parse("http://127.0.0.1:8080").is_ok());
        for wrong in [
            "null",
            "",
            "https://",
            "https://a/",
            "https://a@b",
            "ftp://a",
            "https://*.a",
            "https://a b",
        ] {
            assert_eq!(Origin::parse(wrong), Err(OriginError), "{wrong}");
        }
    }
}
