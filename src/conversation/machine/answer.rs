//! The answer in progress: one string that grows, which every viewer reads from its own place.

use crate::domain::budget::Spend;
use crate::domain::turn::{Citation, Content, StopReason, Usage};
use crate::id::MessageId;
use crate::providers::{By, Delta};

/// An answer from its first word until it is durable.
#[derive(Debug)]
pub(in crate::conversation) struct Answer {
    pub(in crate::conversation) message_id: MessageId,
    pub(in crate::conversation) text: String,
    pub(super) citations: Vec<Citation>,
    usage: Option<Usage>,
    pub(super) stop_reason: Option<StopReason>,
    by: Option<By>,
    /// The tenant's instruction that the model has.
    instruction: i32,
    /// What the conversation had spent before.
    before: Spend,
    /// What it has spent by now.
    pub(super) spent: Spend,
    is_finished: bool,
}

impl Answer {
    pub(super) fn new(message_id: MessageId, instruction: i32, spent: Spend) -> Self {
        Self {
            message_id,
            text: String::new(),
            citations: Vec::new(),
            usage: None,
            stop_reason: None,
            by: None,
            instruction,
            before: spent,
            spent,
            is_finished: false,
        }
    }

    /// Whether the provider may still add to it.
    pub(super) fn is_growing(&self) -> bool {
        !self.is_finished
    }

    pub(super) fn take(&mut self, delta: Delta) {
        match delta {
            Delta::By(by) => self.by = Some(by),
            Delta::Text(words) => self.text.push_str(&words),
            Delta::Citations(citations) => self.citations = citations,
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Spent(spent) => self.spent = spent,
            Delta::Stop(reason) => self.stop_reason = Some(reason),
            // A notice is for the viewers; and what was offered has been dealt with before: what is left is an invention of the model's.
            Delta::Tool(_) | Delta::Notice(_) => {}
        }
    }

    /// Ends it and gives what is to be recorded. Without a reason of the provider's own it was `otherwise`.
    pub(super) fn finish(&mut self, otherwise: StopReason, provider: &str, model: &str) -> Content {
        self.is_finished = true;
        if self.text.is_empty() {
            // Sources of nothing would be shown under an empty bubble.
            self.citations.clear();
        }
        let (provider, model, attempts) = match &self.by {
            Some(by) => (by.provider, by.model.as_str(), by.attempts),
            None => (provider, model, 1),
        };
        Content::Answer {
            message_id: self.message_id,
            text: self.text.clone(),
            stop_reason: self.stop_reason.unwrap_or(otherwise),
            provider: provider.to_owned(),
            model: model.to_owned(),
            attempts,
            usage: self.usage,
            instruction: self.instruction,
            cost: self.spent.minus(self.before),
            spent: self.spent,
            citations: self.citations.clone(),
        }
    }
}
