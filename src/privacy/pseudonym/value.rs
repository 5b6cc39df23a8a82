//! A personal value in memory: wiped when it goes, never shown by `Debug`, found in a map by its text.

use std::borrow::Borrow;
use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The text of one personal value.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub(super) struct Value(String);

impl Value {
    /// Keeps a copy of `text`.
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A derived `Hash` of one string field is that of the string, which is what a map asks of `Borrow`.
impl Borrow<str> for Value {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({} bytes)", self.0.len())
    }
}
