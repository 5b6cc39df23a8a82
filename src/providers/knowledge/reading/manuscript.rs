//! Writes Markdown block by block, for formats that are not text themselves, and stops when it has grown too long.

use super::ReadError;

/// The Markdown so far.
#[derive(Default)]
pub(super) struct Manuscript {
    text: String,
    block: String,
    prefix: &'static str,
    most: usize,
}

impl Manuscript {
    /// An empty one that may grow to about `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Ends the block in hand; the next one begins with this mark (`## `, `- ` or nothing).
    pub(super) fn begin(&mut self, prefix: &'static str) {
        let words = self.block.trim();
        if !words.is_empty() {
            let is_item = self.prefix == "- ";
            let follows_item = self.text.rsplit('\n').nth(1).is_some_and(|l| l.starts_with("- "));
            if !(self.text.is_empty() || is_item && follows_item) {
                self.text.push('\n');
            }
            self.text.push_str(self.prefix);
            self.text.push_str(words);
            self.text.push('\n');
        }
        self.block.clear();
        self.prefix = prefix;
    }

    /// Adds words; any white space between them counts as one space.
    pub(super) fn say(&mut self, words: &str) -> Result<(), ReadError> {
        for letter in words.chars() {
            let is_space = letter.is_whitespace() && letter != '\u{3000}';
            if !is_space {
                self.block.push(letter);
            } else if !self.block.is_empty() && !self.block.ends_with(char::is_whitespace) {
                self.block.push(' ');
            }
        }
        self.check()
    }

    /// Adds words as they stand, line breaks included, as a block of code.
    pub(super) fn quote(&mut self, code: &str) -> Result<(), ReadError> {
        self.block.push_str(code);
        self.check()
    }

    fn check(&self) -> Result<(), ReadError> {
        let is_too_long = self.text.len() + self.block.len() > self.most.saturating_mul(2);
        if is_too_long { Err(ReadError::TooLarge) } else { Ok(()) }
    }

    /// What stands in the block in hand.
    pub(super) fn block(&self) -> &str {
        self.block.trim()
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.begin("");
        self.text
    }
}

/// The mark of a heading; the smallest three levels are one.
pub(super) const fn heading(level: u8) -> &'static str {
    match level {
        0 | 1 => "# ",
        2 => "## ",
        _ => "### ",
    }
}
