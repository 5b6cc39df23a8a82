//! The actor of one conversation: the single writer of its log. It carries out what the [`machine`](super::machine)
//! decides and keeps its viewers up to date. It lives on a plain `Context`: a peer that stops reading freezes its socket's
//! actor, never this one.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, Running, SpawnHandle,
    StreamHandler,
};
use futures_util::StreamExt;
use jiff::Timestamp;

use super::frame::{ClientFrame, Open, ServerFrame};
use super::gate::TenantGate;
use super::hub::Hub;
use super::machine::{Effect, Entry, Input, Machine, Written};
use super::socket::Out;
use super::viewers::{Pumped, Viewer, ViewerId};
use crate::code::{Coded, ErrorCode};
use crate::domain::turn::{StopReason, Turn};
use crate::privacy::retention::{RetentionClass, stamp};
use crate::providers::{Delta, Provider, ProviderError};
use crate::services::Services;
use crate::services::consent::Act;
use crate::services::recording::{Pen, Whereabouts};
use crate::vault::ConversationKey;

mod opening;

pub use opening::Beginning;

/// How soon a viewer whose socket was full is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The pause before an answer is written again.
const PAUSE: Duration = Duration::from_secs(1);
/// Deltas taken together when they are ready together.
const MOST_TOGETHER: usize = 128;
/// Entries fetched at once for a viewer far behind.
const PAGE: i64 = 50;

/// A viewer comes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Join {
    /// Its name on this actor.
    pub viewer: ViewerId,
    /// The way to its socket.
    pub link: Recipient<Out>,
    /// Where it wants to start.
    pub open: Open,
}

/// A viewer says something.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Inbound {
    /// Who.
    pub viewer: ViewerId,
    /// What.
    pub frame: ClientFrame,
}

/// A viewer confirms bytes.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Pong {
    /// Who.
    pub viewer: ViewerId,
    /// How many it has received in all.
    pub bytes: u64,
}

/// A viewer is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Left {
    /// Who.
    pub viewer: ViewerId,
}

/// An order from the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Command {
    /// The node is going away: finish and close.
    Drain,
    /// Another holder has the lease.
    Supersede,
    /// The conversation is being erased.
    Erase,
}

/// The actor.
#[derive(Debug)]
pub struct ConversationActor {
    services: Services,
    hub: Arc<Hub>,
    gate: TenantGate,
    provider: Arc<dyn Provider>,
    whereabouts: Whereabouts,
    beginning: Beginning,
    /// None until the lease is taken and the facts are known.
    machine: Option<Machine>,
    epoch: i64,
    key: Option<ConversationKey>,
    viewers: Vec<Viewer>,
    joining: Vec<Join>,
    inference: Option<SpawnHandle>,
    will_look_again: bool,
    quiet_since: Timestamp,
}

impl ConversationActor {
    /// An actor for a conversation that begins or is resumed here.
    pub fn new(
        services: Services,
        hub: Arc<Hub>,
        gate: TenantGate,
        provider: Arc<dyn Provider>,
        whereabouts: Whereabouts,
        beginning: Beginning,
    ) -> Self {
        let quiet_since = services.clock.now();
        Self {
            services,
            hub,
            gate,
            provider,
            whereabouts,
            beginning,
            machine: None,
            epoch: 1,
            key: None,
            viewers: Vec::new(),
            joining: Vec::new(),
            inference: None,
            will_look_again: false,
            quiet_since,
        }
    }

    fn step(&mut self, input: Input, ctx: &mut Context<Self>) {
        let now = self.services.clock.now();
        self.quiet_since = now;
        let Some(machine) = self.machine.as_mut() else { return };
        let effects = machine.step(input, now);
        let mut end = None;
        for effect in effects {
            match effect {
                Effect::End(code) => end = Some(code),
                other => self.carry_out(other, ctx),
            }
        }
        self.pump(ctx);
        if let Some(code) = end {
            self.end(code, ctx);
        }
    }

    fn carry_out(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Reply(viewer, frame) => {
                if let Some(viewer) = self.viewers.iter_mut().find(|known| known.id == viewer) {
                    viewer.send(&frame);
                }
            }
            Effect::Broadcast(frame) => {
                for viewer in &mut self.viewers {
                    viewer.send(&frame);
                }
            }
            Effect::Write(entry) => self.write(entry, ctx),
            Effect::Load => self.load(ctx),
            Effect::Pause => {
                ctx.run_later(PAUSE, |actor, ctx| actor.step(Input::Retry, ctx));
            }
            Effect::Infer(prompt) => {
                let deltas = self.provider.stream(prompt).ready_chunks(MOST_TOGETHER);
                self.inference = Some(ctx.add_stream(deltas));
            }
            Effect::CancelInference => {
                if let Some(handle) = self.inference.take() {
                    ctx.cancel_future(handle);
                }
            }
            Effect::TurnAway => {
                self.services.door.turn_away(self.whereabouts.visitor(), self.services.clock.now());
            }
            Effect::CloseViewer(viewer, code) => self.close_viewer(viewer, code),
            Effect::End(code) => self.end(code, ctx),
        }
    }

    fn write(&mut self, entry: Entry, ctx: &mut Context<Self>) {
        let Some(machine) = self.machine.as_ref() else { return };
        let pen = Pen {
            epoch: self.epoch,
            is_begun: machine.at.is_begun,
            read_seq: machine.at.read_seq,
            key: self.key.clone(),
        };
        let (services, whereabouts, at) = (self.services.clone(), self.whereabouts, self.services.clock.now());
        let writing = async move {
            match entry {
                Entry::Content(content) => {
                    let (appended, key) = services.record(whereabouts, pen, content.clone(), at).await?;
                    Ok((Written::Entry(appended, content, at), Some(key)))
                }
                Entry::Consent { id, decisions } => {
                    let act = Act { id, decisions };
                    let (appended, content, key) = services.record_consent(whereabouts, pen, act, at).await?;
                    Ok((Written::Entry(appended, content, at), Some(key)))
                }
                Entry::Age(bracket) => {
                    let (tenant, visitor) = (whereabouts.session.tenant, whereabouts.visitor());
                    let age = stamp(bracket, RetentionClass::Conversation, at);
                    services.store.record_age(tenant, visitor, age).await?;
                    Ok((Written::Age(bracket), None))
                }
            }
        };
        let reported = wrap_future::<_, Self>(writing).map(
            |outcome: Result<_, crate::services::recording::RecordError>, actor, ctx| {
                let input = match outcome {
                    Ok((written, key)) => {
                        actor.key = key.or_else(|| actor.key.take());
                        Ok(written)
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(code = error.code().as_str(), cause, "an entry was not recorded");
                        Err(error.code())
                    }
                };
                actor.step(Input::Written(input), ctx);
            },
        );
        ctx.spawn(reported);
    }

    /// Fetches entries for a viewer that is further behind than memory reaches.
    fn fetch(&mut self, viewer: ViewerId, after: i64, ctx: &mut Context<Self>) {
        let (services, whereabouts, key) = (self.services.clone(), self.whereabouts, self.key.clone());
        let fetching = async move {
            let stored = services
                .store
                .turns_after(whereabouts.session.tenant, whereabouts.conversation, after, PAGE)
                .await
                .map_err(|error| error.code())?;
            let key = match key {
                Some(key) => key,
                None => services.existing_key(whereabouts).await.map_err(|error| error.code())?,
            };
            services.read_back(whereabouts, &key, stored).map_err(|error| error.code())
        };
        ctx.spawn(wrap_future::<_, Self>(fetching).map(move |page: Result<Vec<Turn>, ErrorCode>, actor, ctx| {
            match page {
                Ok(page) if !page.is_empty() => {
                    if let Some(viewer) = actor.viewers.iter_mut().find(|known| known.id == viewer) {
                        viewer.give_page(page);
                    }
                    actor.pump(ctx);
                }
                Ok(_) => actor.close_viewer(viewer, ErrorCode::Internal),
                Err(code) => actor.close_viewer(viewer, code),
            }
        }));
    }

    /// Brings every viewer as far as it can go.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        let Some(machine) = self.machine.as_ref() else { return };
        let window = self.services.config.conversation.credit_bytes;
        let mut wanting = Vec::new();
        let mut is_blocked = false;
        for viewer in &mut self.viewers {
            match viewer.pump(&machine.log, machine.answer.as_ref(), window) {
                Pumped::UpToDate | Pumped::OutOfCredit => {}
                Pumped::Blocked => is_blocked = true,
                Pumped::Needs(after) if !viewer.is_fetching => {
                    viewer.is_fetching = true;
                    wanting.push((viewer.id, after));
                }
                Pumped::Needs(_) => {}
            }
        }
        for (viewer, after) in wanting {
            self.fetch(viewer, after, ctx);
        }
        if is_blocked && !self.will_look_again {
            self.will_look_again = true;
            ctx.run_later(LOOK_AGAIN, |actor, ctx| {
                actor.will_look_again = false;
                actor.pump(ctx);
            });
        }
    }

    /// Lets a viewer in. There is one socket of the visitor at a time: an older one is told so and closed.
    fn admit(&mut self, join: Join, ctx: &mut Context<Self>) {
        for older in self.viewers.drain(..) {
            older.close(Some(ErrorCode::Superseded));
        }
        let ready = ServerFrame::Ready(Box::new(self.ready()));
        let Some(machine) = self.machine.as_ref() else { return };
        let mut viewer = Viewer::new(join.viewer, join.link, join.open.last_seq.min(machine.log.head_seq));
        viewer.send(&ready);
        let partial = join.open.partial;
        if let Some(answer) = machine.answer.as_ref() {
            viewer.join_answer(partial, answer);
        }
        let in_progress = machine.answer.as_ref().map(|answer| answer.message_id);
        if let Some(part) = partial.filter(|part| Some(part.message_id) != in_progress)
            && !machine.log.has_answer_after(part.message_id, viewer.seq)
        {
            viewer.send(&ServerFrame::Done {
                message_id: part.message_id,
                seq: viewer.seq,
                stop_reason: StopReason::Interrupted,
                provider: String::new(),
                usage: None,
                citations: Vec::new(),
            });
        }
        self.viewers.push(viewer);
        self.pump(ctx);
    }

    fn close_viewer(&mut self, viewer: ViewerId, code: ErrorCode) {
        self.viewers.retain(|known| {
            if known.id == viewer {
                known.close(Some(code));
            }
            known.id != viewer
        });
    }

    fn end(&mut self, code: Option<ErrorCode>, ctx: &mut Context<Self>) {
        for viewer in self.viewers.drain(..) {
            viewer.close(code);
        }
        ctx.stop();
    }

    /// The regular look at the viewers and at the conversation itself.
    fn heartbeat(&mut self, ctx: &mut Context<Self>) {
        let settings = self.services.config.clone();
        let settings = &settings.conversation;
        let now = self.services.clock.now();
        let mut failing = Vec::new();
        for viewer in &mut self.viewers {
            if let Some(code) = viewer.heartbeat(settings.credit_bytes, settings.stall_seconds, now) {
                failing.push((viewer.id, code));
            }
        }
        for (viewer, code) in failing {
            self.close_viewer(viewer, code);
        }
        let quiet = now.duration_since(self.quiet_since).unsigned_abs().as_secs() >= settings.idle_seconds;
        let Some(machine) = self.machine.as_mut().filter(|machine| quiet && machine.is_at_rest()) else { return };
        if self.viewers.is_empty() {
            ctx.stop();
            return;
        }
        machine.log.unload();
        self.key = None;
    }
}

impl Actor for ConversationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let pace = Duration::from_secs(self.services.config.conversation.heartbeat_seconds.max(1));
        ctx.run_interval(pace, Self::heartbeat);
        self.open(ctx);
        self.watch_tenant(ctx);
    }

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        self.hub.remove(self.whereabouts.session.tenant, self.whereabouts.conversation, &ctx.address());
        Running::Stop
    }
}

impl Drop for ConversationActor {
    /// Whatever ended the actor, a panic included: a socket must not stay open before nobody.
    fn drop(&mut self) {
        for viewer in self.viewers.drain(..) {
            viewer.close(Some(ErrorCode::Internal));
        }
        for join in self.joining.drain(..) {
            drop(join.link.try_send(Out::Close(Some(ErrorCode::Internal))));
        }
    }
}

impl StreamHandler<Vec<Result<Delta, ProviderError>>> for ConversationActor {
    fn handle(&mut self, deltas: Vec<Result<Delta, ProviderError>>, ctx: &mut Self::Context) {
        for failure in deltas.iter().filter_map(|delta| delta.as_ref().err()) {
            tracing::warn!(provider = self.provider.name(), error = %failure, "a provider failed");
        }
        self.step(Input::Deltas(deltas), ctx);
    }

    /// The stream of one answer ended; the conversation goes on.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.inference = None;
        self.step(Input::StreamEnded, ctx);
    }
}

impl Handler<Join> for ConversationActor {
    type Result = ();

    fn handle(&mut self, join: Join, ctx: &mut Self::Context) {
        self.quiet_since = self.services.clock.now();
        if self.machine.is_some() {
            self.admit(join, ctx);
        } else {
            self.joining.push(join);
        }
    }
}

impl Handler<Inbound> for ConversationActor {
    type Result = ();

    fn handle(&mut self, inbound: Inbound, ctx: &mut Self::Context) {
        // A socket that was superseded may still have frames on the way; they count no more.
        if self.viewers.iter().any(|viewer| viewer.id == inbound.viewer) {
            self.step(Input::Frame(inbound.viewer, inbound.frame), ctx);
        }
    }
}

impl Handler<Pong> for ConversationActor {
    type Result = ();

    fn handle(&mut self, pong: Pong, ctx: &mut Self::Context) {
        if let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.id == pong.viewer) {
            viewer.acknowledge(pong.bytes);
            self.pump(ctx);
        }
    }
}

impl Handler<Left> for ConversationActor {
    type Result = ();

    fn handle(&mut self, left: Left, ctx: &mut Self::Context) {
        self.viewers.retain(|viewer| viewer.id != left.viewer);
        self.joining.retain(|join| join.viewer != left.viewer);
        self.quiet_since = self.services.clock.now();
        let is_unbegun = self.machine.as_ref().is_some_and(|machine| !machine.at.is_begun && machine.is_at_rest());
        if self.viewers.is_empty() && self.joining.is_empty() && is_unbegun {
            ctx.stop();
        }
    }
}

impl Handler<Command> for ConversationActor {
    type Result = ();

    fn handle(&mut self, command: Command, ctx: &mut Self::Context) {
        match command {
            Command::Drain => self.step(Input::Drain, ctx),
            Command::Supersede => self.end(Some(ErrorCode::Superseded), ctx),
            Command::Erase => {
                self.carry_out(Effect::CancelInference, ctx);
                self.carry_out(Effect::Broadcast(ServerFrame::Purge { all: true }), ctx);
                self.end(Some(ErrorCode::Erased), ctx);
            }
        }
    }
}
