//! The actor of one conversation: the single writer of its log. It carries out what the [`machine`](super::machine)
//! decides and keeps its viewers up to date. It lives on a plain `Context`: a peer that stops reading freezes its socket's
//! actor, never this one.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Running, SpawnHandle,
    StreamHandler,
};
use jiff::Timestamp;

use super::frame::ServerFrame;
use super::gate::TenantGate;
use super::hub::Hub;
use super::machine::{Effect, Entry, Input, Machine};
use super::pace::Pace;
use super::socket::Out;
use super::viewers::Viewer;
use crate::code::{Coded, ErrorCode};
use crate::domain::answering::Answering;
use crate::domain::budget::Spend;
use crate::providers::{Delta, Provider, ProviderError, Providers};
use crate::services::Services;
use crate::services::recording::{Pen, Whereabouts};
use crate::vault::ConversationKey;

mod messages;
mod opening;
mod recording;
mod watching;

use recording::record;

pub use messages::{Command, Inbound, Join, Left, Pong};
pub use opening::Beginning;

/// The pause before an answer is written again.
const PAUSE: Duration = Duration::from_secs(1);
/// Frames kept for viewers who did not wait for `ready`.
const MOST_EARLY: usize = 16;

/// The actor.
#[derive(Debug)]
pub struct ConversationActor {
    services: Services,
    hub: Arc<Hub>,
    gate: TenantGate,
    providers: Providers,
    /// How visitors were to be answered when this one was told who answers: the order of models stays that one.
    told: Arc<Answering>,
    pace: Pace,
    whereabouts: Whereabouts,
    beginning: Beginning,
    /// None until the lease is taken and the facts are known.
    machine: Option<Machine>,
    epoch: i64,
    key: Option<ConversationKey>,
    viewers: Vec<Viewer>,
    joining: Vec<Join>,
    /// Frames of viewers who did not wait for `ready`.
    early: Vec<Inbound>,
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
        providers: Providers,
        pace: Pace,
        whereabouts: Whereabouts,
        beginning: Beginning,
    ) -> Self {
        let told = gate.snapshot.borrow().answering.clone();
        let quiet_since = services.clock.now();
        Self {
            services,
            hub,
            gate,
            providers,
            told,
            pace,
            whereabouts,
            beginning,
            machine: None,
            epoch: 1,
            key: None,
            viewers: Vec::new(),
            joining: Vec::new(),
            early: Vec::new(),
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
            if let Effect::End(code) = effect {
                end = Some(code);
            } else {
                self.carry_out(effect, ctx);
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
                    viewer.reply(&frame);
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
            Effect::Infer(prompt, spent) => {
                let provider = self.provider(spent);
                if let Some(machine) = &mut self.machine {
                    machine.facts.provider = provider.name();
                    provider.model().clone_into(&mut machine.facts.model);
                }
                let deltas = self.pace.set(provider.stream(prompt));
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

    /// Who answers next: by the tenant's newest rules, in the order that the visitor was told of.
    fn provider(&self, spent: Spend) -> Arc<dyn Provider> {
        let tenant = self.whereabouts.session.tenant;
        let newest = self.gate.snapshot.borrow().answering.clone();
        if newest.settings.chain == self.told.settings.chain {
            return self.providers.for_tenant(tenant, &newest, spent);
        }
        let mut rules = Answering::clone(&newest);
        rules.settings.chain.clone_from(&self.told.settings.chain);
        self.providers.for_tenant(tenant, &rules, spent)
    }

    fn write(&mut self, entry: Entry, ctx: &mut Context<Self>) {
        let Some(machine) = self.machine.as_ref() else { return };
        let pen = Pen {
            epoch: self.epoch,
            is_begun: machine.at.is_begun,
            read_seq: machine.at.read_seq,
            key: self.key.clone(),
        };
        let (services, whereabouts, at) =
            (self.services.clone(), self.whereabouts, self.services.clock.now());
        let is_closed = machine.at.is_closed;
        let writing =
            async move { record(&services, whereabouts, pen, entry, is_closed, at).await };
        let reported = wrap_future::<_, Self>(writing).map(
            |outcome: Result<_, crate::services::recording::RecordError>, actor, ctx| {
                let input = match outcome {
                    Ok((written, key)) => {
                        actor.key = key.or_else(|| actor.key.take());
                        Ok(written)
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(
                            code = error.code().as_str(),
                            cause,
                            "an entry was not recorded"
                        );
                        Err(error.code())
                    }
                };
                actor.step(Input::Written(input), ctx);
            },
        );
        ctx.spawn(reported);
    }

    fn end(&mut self, code: Option<ErrorCode>, ctx: &mut Context<Self>) {
        for viewer in self.viewers.drain(..) {
            viewer.close(code);
        }
        for join in self.joining.drain(..) {
            join.link.do_send(Out::Close(code));
        }
        ctx.stop();
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
        self.hub.remove(
            self.whereabouts.session.tenant,
            self.whereabouts.conversation,
            &ctx.address(),
        );
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
        let provider = self.machine.as_ref().map(|machine| machine.facts.provider);
        for failure in deltas.iter().filter_map(|delta| delta.as_ref().err()) {
            tracing::warn!(provider, error = %failure, "a provider failed");
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
        if self.machine.is_none() && self.early.len() < MOST_EARLY {
            self.early.push(inbound);
            return;
        }
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
        let is_unbegun = self
            .machine
            .as_ref()
            .is_some_and(|machine| !machine.at.is_begun && machine.is_at_rest());
        if self.viewers.is_empty() && self.joining.is_empty() && is_unbegun {
            ctx.stop();
        }
    }
}

impl Handler<Command> for ConversationActor {
    type Result = ();

    fn handle(&mut self, command: Command, ctx: &mut Self::Context) {
        match command {
            Command::Drain if self.machine.is_none() => self.end(Some(ErrorCode::Draining), ctx),
            Command::Drain => self.step(Input::Drain, ctx),
            Command::Restrict(is_on) => self.step(Input::Restricted(is_on), ctx),
            Command::Supersede => self.end(Some(ErrorCode::Superseded), ctx),
            Command::Erase => {
                self.carry_out(Effect::CancelInference, ctx);
                self.carry_out(Effect::Broadcast(ServerFrame::Purge { all: true }), ctx);
                self.end(Some(ErrorCode::Erased), ctx);
            }
        }
    }
}
