//! What a language model is asked.

use crate::domain::language::Language;

/// Who said a line of the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The visitor.
    Visitor,
    /// The assistant, earlier.
    Assistant,
}

/// One line of the conversation so far. `Debug` shows its length, not its words.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Who said it.
    pub role: Role,
    /// The words.
    pub text: String,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}({} bytes)", self.role, self.text.len())
    }
}

/// The conversation so far, oldest first, ending with the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The lines.
    pub lines: Vec<Line>,
    /// The language in which to answer if the question does not settle it.
    pub language: Language,
}

impl Prompt {
    /// The last thing the visitor said.
    pub fn question(&self) -> &str {
        self.lines.iter().rev().find(|line| line.role == Role::Visitor).map_or("", |line| line.text.as_str())
    }

    /// Keeps the newest lines whose estimated tokens fit `budget`; the question always stays.
    #[must_use]
    pub fn trimmed_to(mut self, budget: usize) -> Self {
        let mut used = 0;
        let kept = self
            .lines
            .iter()
            .rev()
            .take_while(|line| {
                used += estimated_tokens(&line.text);
                used <= budget
            })
            .count()
            .max(1);
        self.lines.drain(..self.lines.len().saturating_sub(kept));
        self
    }
}

/// A guess at the tokens of a text that errs on the high side: one per Han character, one per three other characters.
pub fn estimated_tokens(text: &str) -> usize {
    let wide = text.chars().filter(|character| *character >= '\u{2e80}').count();
    wide + (text.chars().count() - wide).div_ceil(3) + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming_keeps_the_question_and_the_newest_lines() {
        let line = |role, text: &str| Line { role, text: text.repeat(30) };
        let lines = vec![line(Role::Visitor, "旧"), line(Role::Assistant, "答"), line(Role::Visitor, "新")];
        let prompt = Prompt { lines, language: Language::Zh };
        assert_eq!(prompt.clone().trimmed_to(70).lines.len(), 2);
        let smallest = prompt.trimmed_to(0);
        assert_eq!(smallest.lines.len(), 1);
        assert!(smallest.question().starts_with('新'));
    }
}
