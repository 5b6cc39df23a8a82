//! What follows from a write: an acknowledgement, a refusal, another try, or the end.

use jiff::Timestamp;

use super::{Effect, Entry, Life, Machine, Pending, Written};
use crate::code::ErrorCode;
use crate::conversation::frame::ServerFrame;
use crate::domain::consent::{Basis, Decision, Decisions, Standing};
use crate::domain::tenant::TenantState;
use crate::domain::turn::{Content, StopReason, Turn};
use crate::id::MessageId;
use crate::store::lane::{Appended, Outcome};

impl Machine {
    pub(super) fn on_written(
        &mut self,
        outcome: Result<Written, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pending) = self.writing.take() else { return };
        match outcome {
            Ok(Written::Age(bracket)) => {
                self.facts.age = Some(bracket);
                self.facts.is_known = true;
                Self::acknowledge(&pending, self.log.head_seq, effects);
            }
            Ok(Written::Act(standing)) => {
                if let Entry::Consent { decisions, .. } = &pending.entry {
                    self.adopt_decided(decisions, standing);
                }
                Self::acknowledge(&pending, self.log.head_seq, effects);
            }
            Ok(Written::Child) => {
                effects.extend(pending.viewer.map(|viewer| {
                    self.refusal(viewer, ErrorCode::AgeRestricted, pending.client_id)
                }));
                self.abandon(ErrorCode::AgeRestricted, effects);
            }
            Ok(Written::Entry(appended, content, at)) => {
                self.facts.tenant = appended.tenant;
                self.on_judged(&pending, appended, *content, at, effects);
            }
            Err(code) => self.on_unwritten(pending, code, effects),
        }
    }

    fn on_judged(
        &mut self,
        pending: &Pending,
        appended: Appended,
        content: Content,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let ended = match appended.outcome {
            Outcome::Stored => {
                self.adopt_recorded(&content, appended.standing);
                self.on_stored(pending, appended.seq, content, at, effects);
                return;
            }
            Outcome::Repeated => {
                self.on_repeated(pending, appended, &content, effects);
                return;
            }
            Outcome::Closed => {
                self.at.is_closed = true;
                self.life = Life::Ending;
                self.answer = None;
                if pending.takes_back() {
                    // It was closed meanwhile. Taking back is not bound to a log that takes entries.
                    self.waiting.push_front(pending.clone());
                    return;
                }
                effects.extend(pending.viewer.map(|viewer| {
                    self.refusal(viewer, ErrorCode::ConversationClosed, pending.client_id)
                }));
                return;
            }
            Outcome::Fenced => ErrorCode::Superseded,
            Outcome::Gone => ErrorCode::Erased,
            Outcome::TenantInactive if appended.tenant == TenantState::Closed => {
                ErrorCode::TenantGone
            }
            Outcome::TenantInactive => ErrorCode::TenantSuspended,
        };
        self.abandon(ended, effects);
    }

    /// An act on record is the last word on its purposes; until then a withdrawal made here stands.
    fn adopt_recorded(&mut self, content: &Content, standing: Standing) {
        match content {
            Content::ConsentChanged { decisions, .. } => self.adopt_decided(decisions, standing),
            Content::Question { .. } | Content::Answer { .. } | Content::Closed { .. } => {
                self.adopt(standing);
            }
        }
    }

    fn adopt_decided(&mut self, decisions: &Decisions, standing: Standing) {
        for (purpose, decision) in decisions {
            self.withdrawn = self.withdrawn.decided(*purpose, Decision::Denied);
            if purpose.basis() == Basis::LegitimateInterest {
                let objects = match decision {
                    Decision::Granted => Decision::Denied,
                    Decision::Denied => Decision::Granted,
                };
                self.facts.objected = self.facts.objected.decided(*purpose, objects);
            }
        }
        self.adopt(standing);
    }

    /// The entry was there already. If it is newer than what is known here, an earlier write had reached the database
    /// although it seemed to fail: then the log is read again.
    fn on_repeated(
        &mut self,
        pending: &Pending,
        appended: Appended,
        content: &Content,
        effects: &mut Vec<Effect>,
    ) {
        self.adopt_recorded(content, appended.standing);
        if matches!(content, Content::Answer { .. }) {
            self.answer = None;
        }
        Self::acknowledge(pending, appended.seq, effects);
        if appended.seq > self.log.head_seq {
            self.at.is_begun = true;
            self.log.forget_up_to(appended.seq);
            self.is_loading = true;
            effects.push(Effect::Load);
        }
    }

    fn on_stored(
        &mut self,
        pending: &Pending,
        seq: i64,
        content: Content,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if !self.at.is_begun {
            self.at.started_at = at;
        }
        self.at.is_begun = true;
        self.at.anchor_at = self.at.anchor_at.max(at);
        let (is_question, is_answer, is_end) = (
            matches!(content, Content::Question { .. }),
            matches!(content, Content::Answer { .. }),
            matches!(content, Content::Closed { .. }),
        );
        let broke_off =
            match &content {
                Content::Answer {
                    message_id, text, stop_reason: StopReason::Interrupted, ..
                } if !text.is_empty() => Some(*message_id),
                Content::Answer { .. }
                | Content::Question { .. }
                | Content::ConsentChanged { .. }
                | Content::Closed { .. } => None,
            };
        self.log.push(Turn { seq, at, content });
        if is_question {
            self.restarts = 0;
            self.superseded = None;
            self.wants_answer = true;
            Self::acknowledge(pending, seq, effects);
        }
        if is_answer {
            self.answer = None;
            self.restart(broke_off);
        }
        if is_end {
            self.at.is_closed = true;
            self.life = Life::Ending;
        }
    }

    /// Where the tenant wants it, an answer that broke off is begun anew by itself: once, and where it can be seen.
    fn restart(&mut self, broke_off: Option<MessageId>) {
        let may = self.facts.answering.settings.restart && self.restarts == 0;
        if may && !self.wants_answer && broke_off.is_some() {
            self.superseded = broke_off;
            self.wants_answer = true;
            self.restarts += 1;
        }
    }

    fn acknowledge(pending: &Pending, seq: i64, effects: &mut Vec<Effect>) {
        if let (Some(viewer), Some(id)) = (pending.viewer, pending.client_id) {
            effects.push(Effect::Reply(viewer, ServerFrame::Ack { id, seq }));
        }
    }

    /// A write that failed: what a visitor sent is given back to them; an answer is kept and written again, and so is
    /// what protects a child.
    fn on_unwritten(&mut self, pending: Pending, code: ErrorCode, effects: &mut Vec<Effect>) {
        if code == ErrorCode::Erased || code == ErrorCode::Unreadable {
            self.abandon(code, effects);
            return;
        }
        if matches!(pending.entry, Entry::Content(Content::Answer { .. }) | Entry::Child) {
            self.waiting.push_front(pending);
            self.is_pausing = true;
            effects.push(Effect::Pause);
            return;
        }
        effects.extend(pending.viewer.map(|viewer| self.refusal(viewer, code, pending.client_id)));
    }

    pub(super) fn abandon(&mut self, code: ErrorCode, effects: &mut Vec<Effect>) {
        self.waiting.clear();
        self.answer = None;
        self.wants_answer = false;
        effects.push(Effect::CancelInference);
        if code == ErrorCode::Erased {
            effects.push(Effect::Broadcast(ServerFrame::Purge { all: true }));
        }
        effects.push(Effect::End(Some(code)));
    }
}
