//! What a client's frame leads to: each is refused with a code or becomes something to write.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Effect, Entry, Life, MOST_WAITING, Machine};
use crate::code::{Coded, ErrorCode};
use crate::conversation::frame::{Author, ClientFrame, ServerFrame};
use crate::conversation::viewers::ViewerId;
use crate::domain::age::{AgeBracket, MINIMUM_AGE};
use crate::domain::consent::{Decision, Decisions, Purpose};
use crate::domain::text::{MessageText, TextError};
use crate::domain::turn::{CloseReason, Content, StopReason};
use crate::id::MessageId;
use crate::privacy::disclosure::decide;

/// A conversation is closed after so much silence (privacy: no transcript is kept alive by a chat that never ends).
const SILENCE: SignedDuration = SignedDuration::from_hours(24);
/// A conversation rolls over into a new one after so long at the latest.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Machine {
    pub(super) fn on_frame(
        &mut self,
        viewer: ViewerId,
        frame: ClientFrame,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        match frame {
            ClientFrame::Send { id, text } => {
                if let Err(code) = self.on_send(viewer, id, &text, now) {
                    effects.push(self.refusal(viewer, code, Some(id)));
                }
            }
            ClientFrame::Stop { message_id } => {
                if self.answer.as_ref().is_some_and(|answer| answer.message_id == message_id) {
                    self.stop_answer(StopReason::Stopped, effects);
                }
            }
            ClientFrame::Regenerate { message_id } => {
                if let Err(code) = self.on_regenerate(message_id) {
                    effects.push(self.refusal(viewer, code, None));
                }
            }
            ClientFrame::Consent { id, policy_version, decisions } => {
                self.on_consent(viewer, id, &policy_version, decisions, effects);
            }
            ClientFrame::Age { id, bracket } => self.on_age(viewer, id, bracket, effects),
            ClientFrame::Typing { on } => {
                effects.push(Effect::Broadcast(ServerFrame::Typing { who: Author::Visitor, on }));
            }
            ClientFrame::Read { seq } => {
                self.at.read_seq = self.at.read_seq.max(seq.min(self.log.head_seq));
            }
            ClientFrame::Close => self.on_close(CloseReason::Visitor, effects),
            ClientFrame::Open(_) => effects.push(self.refusal(viewer, ErrorCode::BadFrame, None)),
        }
    }

    pub(super) fn refusal(&self, viewer: ViewerId, code: ErrorCode, id: Option<Uuid>) -> Effect {
        Effect::Reply(viewer, ServerFrame::error(code, self.facts.language, id))
    }

    fn on_send(
        &mut self,
        viewer: ViewerId,
        id: Uuid,
        text: &str,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        if self.at.is_closed {
            return Err(ErrorCode::ConversationClosed);
        }
        if self.life == Life::Draining {
            return Err(ErrorCode::Draining);
        }
        if self.is_pausing {
            return Err(ErrorCode::Unavailable);
        }
        let text = MessageText::parse(text).map_err(|error| match error {
            TextError::Empty => ErrorCode::EmptyText,
            TextError::TooLong => ErrorCode::TooLong,
        })?;
        drop(
            decide(Purpose::AiAnswer, self.facts.circumstances())
                .map_err(|refusal| refusal.code())?,
        );
        if let Some(reason) = self.is_over(now) {
            self.enqueue(Entry::Content(Content::Closed { reason }), None, None);
            return Err(ErrorCode::ConversationClosed);
        }
        if self.waiting.len() >= MOST_WAITING {
            return Err(ErrorCode::Busy);
        }
        let content = Content::Question { id, text: text.into_string() };
        self.enqueue(Entry::Content(content), Some(viewer), Some(id));
        Ok(())
    }

    /// Wants the newest answer once more. Whether it is the newest shows when the log is in memory.
    fn on_regenerate(&mut self, message_id: MessageId) -> Result<(), ErrorCode> {
        if self.at.is_closed {
            return Err(ErrorCode::ConversationClosed);
        }
        if self.life == Life::Draining {
            return Err(ErrorCode::Draining);
        }
        drop(
            decide(Purpose::AiAnswer, self.facts.circumstances())
                .map_err(|refusal| refusal.code())?,
        );
        if !self.at.is_begun || self.wants_answer || self.answer.is_some() {
            return Err(ErrorCode::Busy);
        }
        self.superseded = Some(message_id);
        self.wants_answer = true;
        Ok(())
    }

    /// Why a conversation may not be continued, if so.
    fn is_over(&self, now: Timestamp) -> Option<CloseReason> {
        if !self.at.is_begun {
            return None;
        }
        if now.duration_since(self.at.anchor_at) >= SILENCE {
            return Some(CloseReason::Idle);
        }
        (now.duration_since(self.at.started_at) >= LONGEST).then_some(CloseReason::RolledOver)
    }

    fn on_consent(
        &mut self,
        viewer: ViewerId,
        id: Uuid,
        policy_version: &str,
        decisions: Decisions,
        effects: &mut Vec<Effect>,
    ) {
        // Taking back is honoured before anything else is looked at: the call ends now, whatever becomes of the record.
        for (purpose, decision) in &decisions {
            if *decision == Decision::Denied && purpose.rests_on_consent() {
                self.withdrawn = self.withdrawn.decided(*purpose, Decision::Granted);
                self.adopt(self.facts.standing.clone());
                if *purpose == Purpose::AiAnswer {
                    self.drop_answer(effects);
                }
            }
        }
        // What only takes back needs neither the newest text nor a place in the queue, unless it waits there already.
        let only_takes_back = decisions.values().all(|decision| *decision == Decision::Denied);
        let may_wait = self.waiting.len() < MOST_WAITING
            || (only_takes_back && !decisions.keys().all(|purpose| self.will_take_back(*purpose)));
        let is_nothing = decisions.iter().all(|(purpose, decision)| !purpose.may_be(*decision));
        let refused = if is_nothing {
            Some(ErrorCode::BadFrame)
        } else if self.at.is_closed && !only_takes_back {
            Some(ErrorCode::ConversationClosed)
        } else if !only_takes_back && policy_version != self.facts.policy_version {
            Some(ErrorCode::PolicyOutdated)
        } else if may_wait {
            None
        } else {
            Some(ErrorCode::Busy)
        };
        match refused {
            Some(code) => effects.push(self.refusal(viewer, code, Some(id))),
            None => self.enqueue(Entry::Consent { id, decisions }, Some(viewer), Some(id)),
        }
    }

    /// Whether the last act that waits to be written and decides about a purpose takes it back.
    fn will_take_back(&self, purpose: Purpose) -> bool {
        let last = self.waiting.iter().rev().find_map(|pending| match &pending.entry {
            Entry::Consent { decisions, .. } => decisions.get(&purpose),
            Entry::Content(_) | Entry::Age(_) | Entry::Child => None,
        });
        last == Some(&Decision::Denied)
    }

    fn on_age(
        &mut self,
        viewer: ViewerId,
        id: Uuid,
        bracket: AgeBracket,
        effects: &mut Vec<Effect>,
    ) {
        if !bracket.has_reached(MINIMUM_AGE) {
            self.on_child(viewer, id, effects);
            return;
        }
        // Who was refused something must not get it by answering again: an answer is corrected downwards only.
        if self.facts.age.is_some_and(|known| known.to_stored() < bracket.to_stored()) {
            effects.push(self.refusal(viewer, ErrorCode::AgeAnswered, Some(id)));
            return;
        }
        if self.waiting.len() >= MOST_WAITING {
            effects.push(self.refusal(viewer, ErrorCode::Busy, Some(id)));
            return;
        }
        self.enqueue(Entry::Age(bracket), Some(viewer), Some(id));
    }

    /// A child: what was never stored needs no erasure; what was is erased before the socket closes (policy §10). Nothing
    /// that waits to be written is written any more.
    fn on_child(&mut self, viewer: ViewerId, id: Uuid, effects: &mut Vec<Effect>) {
        self.drop_answer(effects);
        effects.push(Effect::TurnAway);
        self.facts.age = Some(AgeBracket::Under16);
        self.wants_answer = false;
        self.waiting.clear();
        let is_kept = self.at.is_begun || self.writing.is_some() || self.facts.is_known;
        if is_kept {
            self.enqueue(Entry::Child, Some(viewer), Some(id));
            return;
        }
        effects.push(self.refusal(viewer, ErrorCode::AgeRestricted, Some(id)));
        effects.push(Effect::CloseViewer(viewer, ErrorCode::AgeRestricted));
    }

    fn on_close(&mut self, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.stop_answer(StopReason::Stopped, effects);
        if !self.at.is_begun || self.at.is_closed {
            effects.push(Effect::End(None));
            return;
        }
        self.enqueue(Entry::Content(Content::Closed { reason }), None, None);
    }
}
