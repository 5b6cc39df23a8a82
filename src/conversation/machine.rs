//! The conversation as a pure machine: inputs in, effects out. No clock, no socket, no table; time comes with the input.
//!
//! Two things go on side by side. *Writing*: entries become durable one after another, and only then are acknowledged.
//! *Answering*: at most one answer grows at a time. A question that arrives while an answer grows is recorded at once
//! and answered next.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::frame::{Author, ClientFrame, ServerFrame};
use super::log::Log;
use super::viewers::ViewerId;
use crate::code::{Coded, ErrorCode};
use crate::domain::age::{AgeBracket, MINIMUM_AGE};
use crate::domain::consent::{Decision, Decisions, Purpose, Standing};
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::domain::tenant::TenantState;
use crate::domain::text::{MessageText, TextError};
use crate::domain::turn::{CloseReason, Content, StopReason, Turn};
use crate::id::{Ids, MessageId};
use crate::privacy::disclosure::{Circumstances, Disclosed, disclose, may};
use crate::providers::{Delta, ProviderError};
use crate::store::lane::{Appended, Outcome};

mod answer;

pub(super) use answer::Answer;

/// A conversation is closed after so much silence (privacy: no transcript is kept alive by a chat that never ends).
const SILENCE: SignedDuration = SignedDuration::from_hours(24);
/// A conversation rolls over into a new one after so long at the latest.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A question left unanswered by a crash is answered on resume if it is not older than this.
const STILL_WAITING: SignedDuration = SignedDuration::from_mins(10);
/// Entries that may wait to be written.
const MOST_WAITING: usize = 8;
/// Bytes of an answer, beyond which it is cut: memory stays bounded whatever a provider sends.
const LONGEST_ANSWER: usize = 256 * 1024;

/// What happens to a conversation.
#[derive(Debug)]
pub(super) enum Input {
    /// A viewer sent a frame.
    Frame(ViewerId, ClientFrame),
    /// The write under way ended.
    Written(Result<Written, ErrorCode>),
    /// Pieces of the answer.
    Deltas(Vec<Result<Delta, ProviderError>>),
    /// The stream of the answer ended.
    StreamEnded,
    /// The newest entries were read from the database.
    Loaded(Vec<Turn>),
    /// The tenant's state changed.
    Tenant(TenantState),
    /// The pause after a failed write is over.
    Retry,
    /// The node is going away.
    Drain,
}

/// What became durable.
#[derive(Debug)]
pub(super) enum Written {
    /// An entry, as it now stands in the log.
    Entry(Appended, Content, Timestamp),
    /// The age bracket.
    Age(AgeBracket),
}

/// What a machine wants done.
#[derive(Debug)]
pub(super) enum Effect {
    /// Send to one viewer.
    Reply(ViewerId, ServerFrame),
    /// Send to all viewers.
    Broadcast(ServerFrame),
    /// Make durable, then report [`Input::Written`].
    Write(Entry),
    /// Read the newest entries, then report [`Input::Loaded`].
    Load,
    /// Report [`Input::Retry`] after a pause.
    Pause,
    /// Ask the provider.
    Infer(Disclosed<Prompt>),
    /// End the call to the provider now.
    CancelInference,
    /// Do not let this visitor in again for a while.
    TurnAway,
    /// Close one viewer's socket.
    CloseViewer(ViewerId, ErrorCode),
    /// Close all sockets, `None` for a normal end, and stop.
    End(Option<ErrorCode>),
}

/// Something to be made durable.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// An entry of the log.
    Content(Content),
    /// An act of consent.
    Consent {
        /// The client's identifier.
        id: Uuid,
        /// The decisions.
        decisions: Decisions,
    },
    /// The age bracket.
    Age(AgeBracket),
}

#[derive(Debug, Clone)]
struct Pending {
    entry: Entry,
    viewer: Option<ViewerId>,
    client_id: Option<Uuid>,
}

/// What the machine knows from outside.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) tenant: TenantState,
    pub(super) policy_version: &'static str,
    pub(super) standing: Standing,
    pub(super) age: Option<AgeBracket>,
    pub(super) language: Language,
    pub(super) prompt_tokens: usize,
    pub(super) provider: &'static str,
    pub(super) model: String,
}

impl Facts {
    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            tenant: self.tenant,
            age: self.age,
            standing: &self.standing,
            policy_version: self.policy_version,
        }
    }
}

/// Where the log of a conversation stands when the machine is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standpoint {
    pub(super) head_seq: i64,
    pub(super) read_seq: i64,
    pub(super) started_at: Timestamp,
    pub(super) anchor_at: Timestamp,
    pub(super) is_begun: bool,
    pub(super) is_closed: bool,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Machine {
    ids: Ids,
    pub(super) facts: Facts,
    pub(super) log: Log,
    pub(super) at: Standpoint,
    writing: Option<Pending>,
    waiting: VecDeque<Pending>,
    pub(super) answer: Option<Answer>,
    wants_answer: bool,
    is_loading: bool,
    is_pausing: bool,
    is_ending: bool,
    is_draining: bool,
}

impl Machine {
    pub(super) fn new(ids: Ids, facts: Facts, at: Standpoint) -> Self {
        let log = if at.is_begun { Log::unloaded(at.head_seq) } else { Log::empty() };
        Self {
            ids,
            facts,
            log,
            at,
            writing: None,
            waiting: VecDeque::new(),
            answer: None,
            wants_answer: false,
            is_loading: false,
            is_pausing: false,
            is_ending: false,
            is_draining: false,
        }
    }

    /// Whether nothing is under way, so that the words may leave memory.
    pub(super) fn is_at_rest(&self) -> bool {
        self.writing.is_none() && self.waiting.is_empty() && self.answer.is_none() && !self.is_loading
    }

    /// Takes one input.
    pub(super) fn step(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Frame(viewer, frame) => self.on_frame(viewer, frame, now, &mut effects),
            Input::Written(outcome) => self.on_written(outcome, &mut effects),
            Input::Deltas(deltas) => self.on_deltas(deltas, &mut effects),
            Input::StreamEnded => self.finish_answer(StopReason::Interrupted),
            Input::Loaded(turns) => self.on_loaded(turns, now),
            Input::Tenant(state) => self.on_tenant(state, &mut effects),
            Input::Retry => self.is_pausing = false,
            Input::Drain => self.is_draining = true,
        }
        self.carry_on(&mut effects);
        effects
    }

    fn on_frame(&mut self, viewer: ViewerId, frame: ClientFrame, now: Timestamp, effects: &mut Vec<Effect>) {
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

    fn refusal(&self, viewer: ViewerId, code: ErrorCode, id: Option<Uuid>) -> Effect {
        Effect::Reply(viewer, ServerFrame::error(code, self.facts.language, id))
    }

    fn on_send(&mut self, viewer: ViewerId, id: Uuid, text: &str, now: Timestamp) -> Result<(), ErrorCode> {
        if self.at.is_closed {
            return Err(ErrorCode::ConversationClosed);
        }
        if self.is_draining {
            return Err(ErrorCode::Draining);
        }
        if self.is_pausing {
            return Err(ErrorCode::Unavailable);
        }
        let text = MessageText::parse(text).map_err(|error| match error {
            TextError::Empty => ErrorCode::EmptyText,
            TextError::TooLong => ErrorCode::TooLong,
        })?;
        may(Purpose::AiAnswer, self.facts.circumstances()).map_err(|refusal| refusal.code())?;
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
                self.facts.standing.granted = self.facts.standing.granted.decided(*purpose, Decision::Denied);
                self.drop_answer(effects);
            }
        }
        let refused = if policy_version != self.facts.policy_version {
            Some(ErrorCode::PolicyOutdated)
        } else if decisions.keys().all(|purpose| !purpose.rests_on_consent()) {
            Some(ErrorCode::BadFrame)
        } else if self.at.is_closed {
            Some(ErrorCode::ConversationClosed)
        } else if self.waiting.len() >= MOST_WAITING {
            Some(ErrorCode::Busy)
        } else {
            None
        };
        match refused {
            Some(code) => effects.push(self.refusal(viewer, code, Some(id))),
            None => self.enqueue(Entry::Consent { id, decisions }, Some(viewer), Some(id)),
        }
    }

    fn on_age(&mut self, viewer: ViewerId, id: Uuid, bracket: AgeBracket, effects: &mut Vec<Effect>) {
        if !bracket.has_reached(MINIMUM_AGE) {
            effects.push(Effect::TurnAway);
            effects.push(self.refusal(viewer, ErrorCode::AgeRestricted, Some(id)));
            effects.push(Effect::CloseViewer(viewer, ErrorCode::AgeRestricted));
            return;
        }
        if self.waiting.len() >= MOST_WAITING {
            effects.push(self.refusal(viewer, ErrorCode::Busy, Some(id)));
            return;
        }
        self.enqueue(Entry::Age(bracket), Some(viewer), Some(id));
    }

    fn on_close(&mut self, reason: CloseReason, effects: &mut Vec<Effect>) {
        self.stop_answer(StopReason::Stopped, effects);
        if !self.at.is_begun || self.at.is_closed {
            effects.push(Effect::End(None));
            return;
        }
        self.enqueue(Entry::Content(Content::Closed { reason }), None, None);
    }

    fn enqueue(&mut self, entry: Entry, viewer: Option<ViewerId>, client_id: Option<Uuid>) {
        self.waiting.push_back(Pending { entry, viewer, client_id });
    }

    fn on_written(&mut self, outcome: Result<Written, ErrorCode>, effects: &mut Vec<Effect>) {
        let Some(pending) = self.writing.take() else { return };
        match outcome {
            Ok(Written::Age(bracket)) => {
                self.facts.age = Some(bracket);
                self.acknowledge(&pending, self.log.head_seq, effects);
            }
            Ok(Written::Entry(appended, content, at)) => {
                self.facts.tenant = appended.tenant;
                self.on_judged(&pending, appended, content, at, effects);
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
                self.facts.standing = appended.standing;
                self.on_stored(pending, appended.seq, content, at, effects);
                return;
            }
            Outcome::Repeated => {
                self.acknowledge(pending, appended.seq, effects);
                return;
            }
            Outcome::Closed => {
                self.at.is_closed = true;
                self.is_ending = true;
                self.answer = None;
                effects.extend(pending.viewer.map(|viewer| {
                    self.refusal(viewer, ErrorCode::ConversationClosed, pending.client_id)
                }));
                return;
            }
            Outcome::Fenced => ErrorCode::Superseded,
            Outcome::Gone => ErrorCode::Erased,
            Outcome::TenantInactive if appended.tenant == TenantState::Closed => ErrorCode::TenantGone,
            Outcome::TenantInactive => ErrorCode::TenantSuspended,
        };
        self.abandon(ended, effects);
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
        self.log.push(Turn { seq, at, content });
        if is_question {
            self.wants_answer = true;
            self.acknowledge(pending, seq, effects);
        }
        if is_answer {
            self.answer = None;
        }
        if is_end {
            self.at.is_closed = true;
            self.is_ending = true;
        }
    }

    fn acknowledge(&self, pending: &Pending, seq: i64, effects: &mut Vec<Effect>) {
        if let (Some(viewer), Some(id)) = (pending.viewer, pending.client_id) {
            effects.push(Effect::Reply(viewer, ServerFrame::Ack { id, seq }));
        }
    }

    /// A write that failed: what a visitor sent is given back to them; an answer is kept and written again.
    fn on_unwritten(&mut self, pending: Pending, code: ErrorCode, effects: &mut Vec<Effect>) {
        if code == ErrorCode::Erased || code == ErrorCode::Unreadable {
            self.abandon(code, effects);
            return;
        }
        if matches!(pending.entry, Entry::Content(Content::Answer { .. })) {
            self.waiting.push_front(pending);
            self.is_pausing = true;
            effects.push(Effect::Pause);
            return;
        }
        effects.extend(pending.viewer.map(|viewer| self.refusal(viewer, code, pending.client_id)));
    }

    fn abandon(&mut self, code: ErrorCode, effects: &mut Vec<Effect>) {
        self.waiting.clear();
        self.answer = None;
        self.wants_answer = false;
        effects.push(Effect::CancelInference);
        if code == ErrorCode::Erased {
            effects.push(Effect::Broadcast(ServerFrame::Purge { all: true }));
        }
        effects.push(Effect::End(Some(code)));
    }

    fn on_deltas(&mut self, deltas: Vec<Result<Delta, ProviderError>>, effects: &mut Vec<Effect>) {
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) else { return };
        let mut ended = None;
        for delta in deltas {
            match delta {
                Ok(delta) => answer.take(delta),
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

    fn stop_answer(&mut self, reason: StopReason, effects: &mut Vec<Effect>) {
        if self.answer.as_ref().is_some_and(Answer::is_growing) {
            effects.push(Effect::CancelInference);
            if let Some(answer) = self.answer.as_mut() {
                answer.stop_reason = Some(reason);
            }
            self.finish_answer(reason);
        }
    }

    /// Consent is gone: the call ends and what it had brought is not kept.
    fn drop_answer(&mut self, effects: &mut Vec<Effect>) {
        self.wants_answer = false;
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) {
            answer.text.clear();
            answer.citations.clear();
            self.stop_answer(StopReason::ConsentWithdrawn, effects);
        }
    }

    fn finish_answer(&mut self, otherwise: StopReason) {
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_growing()) else { return };
        let content = answer.finish(otherwise, self.facts.provider, &self.facts.model);
        self.enqueue(Entry::Content(content), None, None);
    }

    fn on_loaded(&mut self, turns: Vec<Turn>, now: Timestamp) {
        self.is_loading = false;
        self.log.load(turns);
        let waits = self
            .log
            .unanswered()
            .is_some_and(|question| now.duration_since(question.at) < STILL_WAITING);
        self.wants_answer = self.wants_answer || (waits && self.answer.is_none() && !self.at.is_closed);
    }

    fn on_tenant(&mut self, state: TenantState, effects: &mut Vec<Effect>) {
        self.facts.tenant = state;
        match state {
            TenantState::Active => {}
            TenantState::Suspended => self.abandon(ErrorCode::TenantSuspended, effects),
            TenantState::Closed => self.abandon(ErrorCode::TenantGone, effects),
        }
    }

    /// Starts what can be started now.
    fn carry_on(&mut self, effects: &mut Vec<Effect>) {
        if self.writing.is_none()
            && !self.is_pausing
            && let Some(next) = self.waiting.pop_front()
        {
            effects.push(Effect::Write(next.entry.clone()));
            self.writing = Some(next);
        }
        self.consider_answering(effects);
        if self.is_ending && self.is_at_rest() {
            effects.push(Effect::End(None));
        } else if self.is_draining && self.is_at_rest() {
            effects.push(Effect::End(Some(ErrorCode::Draining)));
        }
    }

    fn consider_answering(&mut self, effects: &mut Vec<Effect>) {
        let more_is_coming = self.writing.iter().chain(&self.waiting).any(|pending| {
            matches!(pending.entry, Entry::Content(Content::Question { .. }) | Entry::Consent { .. })
        });
        if !self.wants_answer || self.answer.is_some() || more_is_coming || self.is_draining || self.at.is_closed {
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
        let prompt = self.log.prompt(self.facts.language, self.facts.prompt_tokens);
        match disclose(prompt, Purpose::AiAnswer, self.facts.circumstances()) {
            Ok(prompt) => {
                let message_id: MessageId = self.ids.next();
                self.answer = Some(Answer::new(message_id));
                effects.push(Effect::Broadcast(ServerFrame::Typing { who: Author::Assistant, on: true }));
                effects.push(Effect::Infer(prompt));
            }
            Err(refusal) => {
                let error = ServerFrame::error(refusal.code(), self.facts.language, None);
                effects.push(Effect::Broadcast(error));
            }
        }
    }
}

#[cfg(test)]
mod tests;
