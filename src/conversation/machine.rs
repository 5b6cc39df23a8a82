//! The conversation as a pure machine: inputs in, effects out. No clock, no socket, no table; time comes with the input.
//!
//! Two things go on side by side. *Writing*: entries become durable one after another, and only then are acknowledged.
//! *Answering*: at most one answer grows at a time. A question that arrives while an answer grows is recorded at once
//! and answered next.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::frame::{ClientFrame, ServerFrame};
use super::log::Log;
use super::viewers::ViewerId;
use crate::code::ErrorCode;
use crate::domain::age::AgeBracket;
use crate::domain::answering::Answering;
use crate::domain::budget::Spend;
use crate::domain::consent::{Decision, Decisions, Purposes, Standing};
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::domain::tenant::TenantState;
use crate::domain::turn::{Content, StopReason, Turn};
use crate::id::{Ids, MessageId};
use crate::privacy::disclosure::{Circumstances, Disclosed};
use crate::providers::{Delta, ProviderError};
use crate::store::lane::Appended;

mod answer;
mod answering;
mod frames;
mod writing;

pub(super) use answer::Answer;

/// A question left unanswered by a crash is answered on resume if it is not older than this.
const STILL_WAITING: SignedDuration = SignedDuration::from_mins(10);
/// Entries that may wait to be written.
const MOST_WAITING: usize = 8;

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
    Tenant(TenantState, Arc<Answering>),
    /// The visitor asked for restriction, or lifted it.
    Restricted(bool),
    /// The pause after a failed write is over.
    Retry,
    /// The node is going away.
    Drain,
}

/// What became durable.
#[derive(Debug)]
pub(super) enum Written {
    /// An entry, as it now stands in the log.
    Entry(Appended, Box<Content>, Timestamp),
    /// The age bracket.
    Age(AgeBracket),
    /// An act of consent without an entry, and what is in force after it.
    Act(Standing),
    /// All that is kept of a child is on its way out.
    Child,
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
    /// Ask the provider, for a conversation that has spent so much.
    Infer(Disclosed<Prompt>, Spend),
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
    /// The visitor is a child after all: restrict, hide, erase.
    Child,
}

#[derive(Debug, Clone)]
struct Pending {
    entry: Entry,
    viewer: Option<ViewerId>,
    client_id: Option<Uuid>,
}

impl Pending {
    /// Whether it is an act that only takes back.
    fn takes_back(&self) -> bool {
        match &self.entry {
            Entry::Consent { decisions, .. } => {
                decisions.values().all(|decision| *decision == Decision::Denied)
            }
            Entry::Content(_) | Entry::Age(_) | Entry::Child => false,
        }
    }
}

/// What the machine knows from outside.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) tenant: TenantState,
    pub(super) policy_version: &'static str,
    pub(super) standing: Standing,
    pub(super) age: Option<AgeBracket>,
    /// Whether the database may hold anything about the visitor.
    pub(super) is_known: bool,
    pub(super) is_restricted: bool,
    pub(super) objected: Purposes,
    pub(super) language: Language,
    pub(super) prompt_tokens: usize,
    pub(super) answering: Arc<Answering>,
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
            is_restricted: self.is_restricted,
            objected: self.objected,
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
    /// The answer that is to be given once more.
    superseded: Option<MessageId>,
    /// How often the answer to the last question was begun anew by itself.
    restarts: u8,
    /// What the conversation has spent on models.
    spent: Spend,
    /// The newest entry when a model was last asked.
    shown_seq: i64,
    /// What was taken back here and is not yet on record: no grant read from the database overrules it.
    withdrawn: Purposes,
    is_loading: bool,
    is_pausing: bool,
    life: Life,
}

/// Where a conversation stands in its life on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Open for everything.
    Open,
    /// The node goes away: nothing new, what is under way is finished.
    Draining,
    /// It was closed: what is under way is finished.
    Ending,
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
            superseded: None,
            restarts: 0,
            spent: Spend::default(),
            shown_seq: at.head_seq,
            withdrawn: Purposes::default(),
            is_loading: false,
            is_pausing: false,
            life: Life::Open,
        }
    }

    /// Whether nothing is under way, so that the words may leave memory.
    pub(super) fn is_at_rest(&self) -> bool {
        self.writing.is_none()
            && self.waiting.is_empty()
            && self.answer.is_none()
            && !self.is_loading
    }

    /// Takes one input.
    pub(super) fn step(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Frame(viewer, frame) => self.on_frame(viewer, frame, now, &mut effects),
            Input::Written(outcome) => self.on_written(outcome, &mut effects),
            Input::Deltas(deltas) => self.on_deltas(deltas, &mut effects),
            Input::StreamEnded => self.finish_answer(StopReason::Interrupted),
            Input::Loaded(turns) => self.on_loaded(turns, now, &mut effects),
            Input::Tenant(state, answering) => self.on_tenant(state, answering, &mut effects),
            Input::Restricted(is_on) => {
                self.facts.is_restricted = is_on;
                if is_on {
                    self.drop_answer(&mut effects);
                }
            }
            Input::Retry => self.is_pausing = false,
            Input::Drain => self.drain(),
        }
        self.carry_on(&mut effects);
        effects
    }

    fn enqueue(&mut self, entry: Entry, viewer: Option<ViewerId>, client_id: Option<Uuid>) {
        self.waiting.push_back(Pending { entry, viewer, client_id });
    }

    fn on_loaded(&mut self, turns: Vec<Turn>, now: Timestamp, effects: &mut Vec<Effect>) {
        self.is_loading = false;
        if !self.log.load(turns) {
            self.is_loading = true;
            effects.push(Effect::Load);
            return;
        }
        if self.spent.is_nothing() {
            self.spent = self.log.spent().unwrap_or_default();
        }
        let waits = self
            .log
            .unanswered()
            .is_some_and(|question| now.duration_since(question.at) < STILL_WAITING);
        self.wants_answer =
            self.wants_answer || (waits && self.answer.is_none() && !self.at.is_closed);
    }

    fn on_tenant(
        &mut self,
        state: TenantState,
        answering: Arc<Answering>,
        effects: &mut Vec<Effect>,
    ) {
        self.facts.tenant = state;
        self.facts.answering = answering;
        match state {
            TenantState::Active => {}
            TenantState::Suspended => self.abandon(ErrorCode::TenantSuspended, effects),
            TenantState::Closed => self.abandon(ErrorCode::TenantGone, effects),
        }
    }

    /// Takes the standing that the database tells, less what was taken back here meanwhile.
    fn adopt(&mut self, standing: Standing) {
        let granted = self
            .withdrawn
            .iter()
            .fold(standing.granted, |granted, purpose| granted.decided(purpose, Decision::Denied));
        self.facts.standing = Standing { granted, ..standing };
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
        if self.is_at_rest() {
            match self.life {
                Life::Open => {}
                Life::Draining => effects.push(Effect::End(Some(ErrorCode::Draining))),
                Life::Ending => effects.push(Effect::End(None)),
            }
        }
    }

    fn drain(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Draining;
        }
    }
}

#[cfg(test)]
mod tests;
