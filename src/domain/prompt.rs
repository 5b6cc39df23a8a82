//! What a language model is asked.

use std::sync::Arc;

use crate::domain::answering::Instruction;
use crate::domain::language::Language;

/// A model's part where a tenant has no words of its own for it: in Chinese and English.
pub const OWN_PART: (&str, &str) = ("你是客户服务助手。", "You are a customer-service assistant.");

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
    /// What the model is told of its part.
    pub instruction: Arc<Instruction>,
    /// The lines.
    pub lines: Vec<Line>,
    /// The language in which to answer if the question does not settle it.
    pub language: Language,
    /// What the tenant's documents say about it.
    pub passages: Vec<Passage>,
    /// Whether some of the words are placeholders for what identifies the visitor.
    pub has_placeholders: bool,
    /// Whether the model may look things up and ask for a person.
    pub tools: bool,
}

/// A piece of a tenant's document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Document and section.
    pub title: String,
    /// Where it can be read.
    pub url: String,
    /// The words.
    pub text: String,
}

impl Prompt {
    /// What a model is told before the conversation: its part, its limits, which no tenant's words replace, and the passages.
    pub fn instruction(&self) -> String {
        let own = self.language.pick(OWN_PART.0, OWN_PART.1);
        let mut text = match self.instruction.words(self.language) {
            Some(words) => format!("{words}\n\n"),
            None => self.language.pick(own.to_owned(), format!("{own} ")),
        };
        text.push_str(self.language.pick(
            "用提问者所用的语言简短、准确地回答。只依据下面的资料和对话内容；资料没有写到的，\
             就说明不清楚，并建议联系人工客服。不要编造，也不要索取密码、证件号或银行卡号。",
            "Answer briefly and accurately, in the language of the question. Rely \
             only on the passages below and on the conversation; where they are silent, say so and suggest a person. \
             Invent nothing, and never ask for passwords, identity numbers or card numbers.",
        ));
        if self.has_placeholders {
            text.push_str(self.language.pick(
                "\n\n[EMAIL_1] 这样的标记代表提问者的个人信息。需要提到时请原样写出，不要更改、翻译或猜测其内容。",
                "\n\nMarks such as [EMAIL_1] stand for details of the person who asks. Where you need one, write it exactly \
                 as it is; do not change, translate or guess it.",
            ));
        }
        for passage in &self.passages {
            text.push_str("\n\n## ");
            text.push_str(&passage.title);
            text.push('\n');
            text.push_str(&passage.text);
        }
        text
    }

    /// The last thing the visitor said.
    pub fn question(&self) -> &str {
        self.lines
            .iter()
            .rev()
            .find(|line| line.role == Role::Visitor)
            .map_or("", |line| line.text.as_str())
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
        let lines =
            vec![line(Role::Visitor, "旧"), line(Role::Assistant, "答"), line(Role::Visitor, "新")];
        let prompt = Prompt {
            instruction: Arc::default(),
            lines,
            language: Language::Zh,
            passages: vec![],
            has_placeholders: false,
            tools: false,
        };
        assert_eq!(prompt.clone().trimmed_to(70).lines.len(), 2);
        let smallest = prompt.trimmed_to(0);
        assert_eq!(smallest.lines.len(), 1);
        assert!(smallest.question().starts_with('新'));
    }
}
