//! The newest entries of a conversation in memory: what a model is shown and what most resumes need.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::answering::Instruction;
use crate::domain::budget::Spend;
use crate::domain::language::Language;
use crate::domain::prompt::{Line, Prompt, Role};
use crate::domain::turn::{Content, StopReason, Turn};
use crate::id::MessageId;

/// How many entries stay in memory.
pub(super) const MOST_IN_MEMORY: usize = 60;

/// The newest entries, dense up to the head.
#[derive(Debug, Default)]
pub(super) struct Log {
    turns: VecDeque<Turn>,
    /// Whether `turns` holds the newest entries; false after hibernation.
    is_loaded: bool,
    pub(super) head_seq: i64,
}

impl Log {
    /// The log of a conversation that has not begun.
    pub(super) fn empty() -> Self {
        Self { is_loaded: true, ..Self::default() }
    }

    /// A log whose entries are still in the database.
    pub(super) fn unloaded(head_seq: i64) -> Self {
        Self { head_seq, ..Self::default() }
    }

    /// Takes what was read from the database; false if entries have become durable since it was read.
    pub(super) fn load(&mut self, newest: Vec<Turn>) -> bool {
        self.is_loaded = newest.last().map_or(0, |turn| turn.seq) >= self.head_seq;
        if self.is_loaded {
            self.head_seq = newest.last().map_or(self.head_seq, |turn| turn.seq);
            self.turns = newest.into();
        }
        self.is_loaded
    }

    /// Drops the words, keeps the place.
    pub(super) fn unload(&mut self) {
        self.turns = VecDeque::new();
        self.is_loaded = self.head_seq == 0;
    }

    /// Drops the words; the newest entry is known to be `head_seq`.
    pub(super) fn forget_up_to(&mut self, head_seq: i64) {
        self.head_seq = head_seq;
        self.unload();
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Adds an entry that has just become durable.
    pub(super) fn push(&mut self, turn: Turn) {
        self.head_seq = turn.seq;
        if self.is_loaded {
            self.turns.push_back(turn);
            if self.turns.len() > MOST_IN_MEMORY {
                self.turns.pop_front();
            }
        }
    }

    /// What the conversation had spent on models when its newest answer was recorded.
    pub(super) fn spent(&self) -> Option<Spend> {
        self.turns.iter().rev().find_map(|turn| match &turn.content {
            Content::Answer { spent, .. } => Some(*spent),
            Content::Question { .. } | Content::ConsentChanged { .. } | Content::Closed { .. } => {
                None
            }
        })
    }

    /// The entry after `seq`, if it is in memory.
    pub(super) fn after(&self, seq: i64) -> Option<&Turn> {
        let first = self.turns.front()?.seq;
        let index = usize::try_from(seq.checked_add(1)?.checked_sub(first)?).ok()?;
        self.turns.get(index)
    }

    /// Whether an answer stands in memory after `seq`, so that a replay will bring it.
    pub(super) fn has_answer_after(&self, wanted: MessageId, seq: i64) -> bool {
        self.turns.iter().any(|turn| {
            turn.seq > seq && matches!(turn.content, Content::Answer { message_id, .. } if message_id == wanted)
        })
    }

    /// Whether the newest thing said is this answer.
    pub(super) fn is_newest_answer(&self, wanted: MessageId) -> bool {
        let spoken = |turn: &&Turn| {
            matches!(turn.content, Content::Question { .. } | Content::Answer { .. })
        };
        self.turns.iter().rev().find(spoken).is_some_and(|turn| {
            matches!(turn.content, Content::Answer { message_id, .. } if message_id == wanted)
        })
    }

    /// Whether the newest thing said is a question.
    pub(super) fn unanswered(&self) -> Option<&Turn> {
        let spoken = self.turns.iter().rev().find(|turn| {
            matches!(
                turn.content,
                Content::Question { .. } | Content::Answer { .. } | Content::Closed { .. }
            )
        })?;
        matches!(spoken.content, Content::Question { .. }).then_some(spoken)
    }

    /// What a model is shown: the newest lines that fit `budget` tokens. Answers that failed or were dropped are left out.
    /// Questions after `shown_seq` came while the last answer grew; they follow it, although the log has them before it.
    pub(super) fn prompt(
        &self,
        language: Language,
        instruction: Arc<Instruction>,
        budget: usize,
        shown_seq: i64,
    ) -> Prompt {
        let is_new =
            |turn: &&Turn| turn.seq > shown_seq && matches!(turn.content, Content::Question { .. });
        let earlier = self.turns.iter().filter(|turn| !is_new(turn));
        let said = earlier.chain(self.turns.iter().filter(is_new)).filter_map(line);
        // Of two answers to one question the later counts; an answer that nothing follows is the one to be given again.
        let mut lines: Vec<Line> = Vec::new();
        for next in said {
            lines.pop_if(|last| last.role == Role::Assistant && next.role == Role::Assistant);
            lines.push(next);
        }
        lines.pop_if(|last| last.role == Role::Assistant);
        let passages = Vec::new();
        Prompt { instruction, lines, language, passages, has_placeholders: false, tools: false }
            .trimmed_to(budget)
    }
}

fn line(turn: &Turn) -> Option<Line> {
    match &turn.content {
        Content::Question { text, .. } => Some(Line { role: Role::Visitor, text: text.clone() }),
        Content::Answer { text, stop_reason, .. }
            if !text.is_empty() && *stop_reason != StopReason::Error =>
        {
            Some(Line { role: Role::Assistant, text: text.clone() })
        }
        Content::Answer { .. } | Content::ConsentChanged { .. } | Content::Closed { .. } => None,
    }
}
