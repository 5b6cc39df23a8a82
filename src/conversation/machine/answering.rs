//! How an answer begins, grows and ends.

use super::{Answer, Effect, Entry, Life, Machine};
use crate::code::Coded;
use crate::conversation::frame::{Author, ServerFrame};
use crate::domain::consent::Purpose;
use crate::domain::turn::{Content, StopReason};
use crate::id::MessageId;
use crate::privacy::disclosure::disclose;
use crate::providers::{Delta, ProviderError};

/// Bytes of an answer, beyond which it is cut: memory stays bounded whatever a provider sends.
const LONGEST_ANSWER: usize = 256 * 1024;

impl Machine {
    pub(super) fn on_deltas(
        &mut self,
        deltas: Vec<Result<Delta, ProviderError>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) else {
            return;
        };
        let mut ended = None;
        for delta in deltas {
            match delta {
                Ok(Delta::Notice(code)) => {
                    let notice = ServerFrame::error(code, self.facts.language, None);
                    effects.push(Effect::Broadcast(notice));
                }
                Ok(delta) => answer.take(delta),
                Err(ProviderError::Interrupted) if !answer.text.is_empty() => {
                    ended = Some(StopReason::Interrupted);
                }
                Err(_) => ended = Some(StopReason::Error),
            }
        }
        if answer.text.len() > LONGEST_ANSWER {
            ended = Some(StopReason::Length);
        }
        if let Some(reason) = ended {
            self.stop_answer(reason, effects);
        }
    }

    pub(super) fn stop_answer(&mut self, reason: StopReason, effects: &mut Vec<Effect>) {
        if self.answer.as_ref().is_some_and(Answer::is_growing) {
            effects.push(Effect::CancelInference);
            if let Some(answer) = self.answer.as_mut() {
                answer.stop_reason = Some(reason);
            }
            self.finish_answer(reason);
        }
    }

    /// Consent is gone: the call ends and what it had brought is not kept.
    pub(super) fn drop_answer(&mut self, effects: &mut Vec<Effect>) {
        self.superseded = None;
        self.wants_answer = false;
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) {
            answer.text.clear();
            answer.citations.clear();
            self.stop_answer(StopReason::ConsentWithdrawn, effects);
        }
    }

    pub(super) fn finish_answer(&mut self, otherwise: StopReason) {
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) else {
            return;
        };
        self.spent = answer.spent;
        let content = answer.finish(otherwise, self.facts.provider, &self.facts.model);
        self.enqueue(Entry::Content(content), None, None);
    }

    pub(super) fn consider_answering(&mut self, effects: &mut Vec<Effect>) {
        let more_is_coming = self.writing.iter().chain(&self.waiting).any(|pending| {
            matches!(
                pending.entry,
                Entry::Content(Content::Question { .. }) | Entry::Consent { .. }
            )
        });
        if !self.wants_answer
            || self.answer.is_some()
            || more_is_coming
            || self.life != Life::Open
            || self.at.is_closed
        {
            return;
        }
        if !self.log.is_loaded() {
            if !self.is_loading {
                self.is_loading = true;
                effects.push(Effect::Load);
            }
            return;
        }
        self.wants_answer = false;
        if let Some(superseded) = self.superseded.take()
            && !self.log.is_newest_answer(superseded)
        {
            return;
        }
        let instruction = self.facts.answering.instruction.clone();
        let version = instruction.version;
        let (language, budget) = (self.facts.language, self.facts.prompt_tokens);
        let prompt = self.log.prompt(language, instruction, budget, self.shown_seq);
        match disclose(prompt, Purpose::AiAnswer, self.facts.circumstances()) {
            Ok(prompt) => {
                self.shown_seq = self.log.head_seq;
                let message_id: MessageId = self.ids.next();
                self.answer = Some(Answer::new(message_id, version, self.spent));
                effects.push(Effect::Broadcast(ServerFrame::Typing {
                    who: Author::Assistant,
                    on: true,
                }));
                effects.push(Effect::Infer(prompt, self.spent));
            }
            Err(refusal) => {
                let error = ServerFrame::error(refusal.code(), self.facts.language, None);
                effects.push(Effect::Broadcast(error));
            }
        }
    }
}
