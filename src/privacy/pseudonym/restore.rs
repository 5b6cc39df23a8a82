//! Puts the values back into a model's answer while it streams.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::placeholder::{End, Name, Reading, next};
use super::value::Value;

/// Turns the placeholders of one conversation back into values, delta by delta. Holds back only what may be the beginning
/// of a placeholder, at most 22 bytes; a placeholder that stands for nothing stays as it is.
#[derive(Default)]
pub struct Restorer {
    values: HashMap<Name, Value>,
    held: String,
    /// The last character that was passed on, as the model wrote it.
    last: Option<char>,
}

impl Restorer {
    pub(super) fn new(values: HashMap<Name, Value>) -> Self {
        Self { values, held: String::new(), last: None }
    }

    /// Whether there is nothing to restore, so that every delta passes as it is.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the next piece of the answer and gives what may be shown now. A piece in which no placeholder can begin is
    /// looked at once and borrowed.
    pub fn push<'a>(&mut self, delta: &'a str) -> Cow<'a, str> {
        if self.values.is_empty() {
            return Cow::Borrowed(delta);
        }
        if !self.held.is_empty() {
            let mut joined = std::mem::take(&mut self.held);
            joined.push_str(delta);
            return Cow::Owned(self.restore(&joined, End::Open));
        }
        if next(delta, 0, self.last, End::Open).is_none() {
            self.last = delta.chars().next_back().or(self.last);
            return Cow::Borrowed(delta);
        }
        Cow::Owned(self.restore(delta, End::Open))
    }

    /// Ends the answer: what was held back, restored if it is a placeholder after all.
    pub fn finish(mut self) -> String {
        let held = std::mem::take(&mut self.held);
        self.restore(&held, End::Final)
    }

    fn restore(&mut self, text: &str, end: End) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut copied = 0;
        let mut from = 0;
        let mut passed = text.len();
        while let Some((start, reading)) = next(text, from, self.last, end) {
            match reading {
                Reading::Whole(name, length) => {
                    from = start + length;
                    if let Some(value) = self.values.get(&name) {
                        shown.push_str(text.get(copied..start).unwrap_or_default());
                        shown.push_str(value.as_str());
                        copied = from;
                    }
                }
                Reading::Open => {
                    text.get(start..).unwrap_or_default().clone_into(&mut self.held);
                    passed = start;
                    break;
                }
                Reading::Nothing => break,
            }
        }
        shown.push_str(text.get(copied..passed).unwrap_or_default());
        let seen = text.get(..passed).unwrap_or_default();
        self.last = seen.chars().next_back().or(self.last);
        shown
    }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Restorer({} values, {} bytes held)", self.values.len(), self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::pseudonym::Kind;

    fn restorer() -> Restorer {
        let name = Name { kind: Kind::Email, number: 1 };
        Restorer::new(HashMap::from([(name, Value::of("li@example.com"))]))
    }

    fn restored(deltas: &[&str]) -> String {
        let mut restorer = restorer();
        let mut shown: String = deltas.iter().map(|delta| restorer.push(delta)).collect();
        shown.push_str(&restorer.finish());
        shown
    }

    #[test]
    fn a_placeholder_is_restored_however_it_is_cut() {
        let answer = "Sent to [EMAIL_1]; 已发送到【email_1】，EMAIL_1 [EMAIL_2] [EMAIL_1";
        let whole = "Sent to li@example.com; 已发送到li@example.com，li@example.com [EMAIL_2] [li@example.com";
        let characters: Vec<String> = answer.chars().map(String::from).collect();
        let pieces: Vec<&str> = characters.iter().map(String::as_str).collect();
        assert_eq!(restored(&[answer]), whole);
        assert_eq!(restored(&pieces), whole);
    }

    #[test]
    fn what_cannot_begin_a_placeholder_is_borrowed_and_nothing_is_held_for_long() {
        let mut restorer = restorer();
        assert!(matches!(restorer.push("hello，世界 a[0] and 12"), Cow::Borrowed(_)));
        assert_eq!(restorer.push("see [EMA"), "see ");
        assert_eq!(restorer.push(" x"), "[EMA x");
        let mut longest = 0;
        for piece in "[[[[PASSPORT\\_123456789】[PASSPORT_1234567890".chars() {
            drop(restorer.push(piece.encode_utf8(&mut [0; 4])));
            longest = longest.max(restorer.held.len());
        }
        assert!(longest <= 22, "{longest} bytes were held");
        assert!(matches!(Restorer::default().push("[EMAIL_1]"), Cow::Borrowed("[EMAIL_1]")));
    }

    #[test]
    fn debug_shows_counts_only() {
        assert_eq!(format!("{:?}", restorer()), "Restorer(1 values, 0 bytes held)");
    }
}
