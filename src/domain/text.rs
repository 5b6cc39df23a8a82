//! What a visitor typed, once it has been found fit to keep.

use std::fmt;

/// The longest message, in Unicode code points.
pub const MAX_MESSAGE_CHARS: usize = 4000;

/// A non-empty message within the limit. Its `Debug` form never shows the text.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(String);

/// Why a text is not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("the message is empty")]
    Empty,
    /// More code points than [`MAX_MESSAGE_CHARS`].
    #[error("the message is longer than {MAX_MESSAGE_CHARS} characters")]
    TooLong,
}

impl MessageText {
    /// Checks and keeps a text. NUL is removed: no store can hold it and no keyboard types it.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.chars().count() > MAX_MESSAGE_CHARS {
            return Err(TextError::TooLong);
        }
        let kept: String = text.trim().chars().filter(|character| *character != '\0').collect();
        if kept.is_empty() { Err(TextError::Empty) } else { Ok(Self(kept)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MessageText({} bytes)", self.0.len())
    }
}

/// Bytes as hexadecimal text, in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let half = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_neither_empty_nor_endless_nor_shown_by_debug() {
        assert_eq!(MessageText::parse(" \n\t\0 "), Err(TextError::Empty));
        assert!(MessageText::parse(&"问".repeat(MAX_MESSAGE_CHARS)).is_ok());
        assert_eq!(
            MessageText::parse(&"问".repeat(MAX_MESSAGE_CHARS + 1)),
            Err(TextError::TooLong)
        );
        let shown = format!("{:?}", MessageText::parse("secret").expect("fits"));
        assert!(!shown.contains("secret"));
    }
}
