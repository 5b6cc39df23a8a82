//! The purge supervisor: runs a pass at intervals and on request. A pass takes no input, so there is one path, not two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, StreamHandler, Supervised};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::guard::guarded;
use crate::code::Coded;
use crate::conversation::actor::Command;
use crate::conversation::hub::Hub;
use crate::id::{ConversationId, TenantId};
use crate::purge::clock_guard::Decline;
use crate::purge::{self, Pass, PurgeError, Report, Step, Surroundings};
use crate::services::Services;

/// Run a pass now; the answer comes when it ends.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Activate {
    /// Where the report goes, if anybody waits for it.
    pub report: Option<oneshot::Sender<Result<Report, PurgeError>>>,
    /// Whether the operator vouches for a clock that looks wrong.
    pub clock_is_vouched_for: bool,
}

/// Finish the batch under way and begin no other.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Cease;

/// The bell rang: something waits that should not wait for the hour.
#[derive(Debug)]
struct Rung;

/// The live house around a pass.
#[derive(Debug)]
struct ThisNode {
    hub: Arc<Hub>,
    is_ceasing: AtomicBool,
}

impl Surroundings for ThisNode {
    fn forget(&self, tenant: TenantId, conversation: ConversationId) {
        self.hub.tell(tenant, conversation, Command::Erase);
    }

    fn may_go_on(&self, step: Step) -> bool {
        step != Step::BeforeClaim || !self.is_ceasing.load(Ordering::Relaxed)
    }
}

/// The actor.
#[derive(Debug)]
pub struct PurgeSupervisor {
    services: Services,
    node: Arc<ThisNode>,
    is_running: bool,
    /// Whether the bell rang while a pass was running, which may have looked there already.
    has_rung: bool,
    /// Since when passes have been declined for a step of the clock, on a clock that cannot be set.
    declined_since: Option<Instant>,
}

/// A step of the clock that has stood for so long, counted by a clock that cannot be set, was a real pause.
const STEP_IS_REAL_AFTER: Duration = Duration::from_hours(24);

impl PurgeSupervisor {
    /// A supervisor for this node.
    pub fn new(services: Services, hub: Arc<Hub>) -> Self {
        let node = Arc::new(ThisNode { hub, is_ceasing: AtomicBool::new(false) });
        Self { services, node, is_running: false, has_rung: false, declined_since: None }
    }

    fn activate(&mut self, activate: Activate, ctx: &mut Context<Self>) {
        self.is_running = true;
        let services = self.services.clone();
        let step_is_real =
            self.declined_since.is_some_and(|since| since.elapsed() >= STEP_IS_REAL_AFTER);
        let pass = Pass {
            surroundings: self.node.clone(),
            clock_is_vouched_for: activate.clock_is_vouched_for || step_is_real,
        };
        let running = guarded(
            "purge",
            async move { purge::run(&services, &pass).await },
            |outcome, supervisor: &mut Self, ctx| {
                supervisor.is_running = false;
                supervisor.remember(&outcome);
                match &outcome {
                    Ok(report) if report.conversations() > 0 => {
                        tracing::info!(
                            conversations = report.conversations(),
                            "a purge pass ended"
                        );
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(code = error.code().as_str(), error = %error, "a purge pass broke off");
                    }
                }
                if let Some(waiting) = activate.report {
                    drop(waiting.send(outcome));
                }
                if std::mem::take(&mut supervisor.has_rung) {
                    supervisor.take_turn(ctx);
                }
            },
        );
        ctx.spawn(running);
    }
}

impl PurgeSupervisor {
    fn take_turn(&mut self, ctx: &mut Context<Self>) {
        if !self.is_running {
            self.activate(Activate { report: None, clock_is_vouched_for: false }, ctx);
        }
    }

    fn remember(&mut self, outcome: &Result<Report, PurgeError>) {
        let stepped =
            matches!(outcome, Ok(report) if report.declined == Some(Decline::SteppedAhead));
        self.declined_since = stepped.then(|| self.declined_since.unwrap_or_else(Instant::now));
    }
}

impl Supervised for PurgeSupervisor {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.is_running = false;
    }
}

impl Actor for PurgeSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let settings = &self.services.config.purge;
        // Soon after the start as well: a server that is restarted more often than it purges would never purge.
        ctx.run_later(Duration::from_secs(settings.first_seconds), Self::take_turn);
        ctx.run_interval(Duration::from_secs(settings.interval_seconds.max(1)), Self::take_turn);
        let bell = self.services.purge_bell.clone();
        ctx.add_stream(futures_util::stream::unfold(bell, |bell| async move {
            bell.notified().await;
            Some((Rung, bell))
        }));
    }
}

impl StreamHandler<Rung> for PurgeSupervisor {
    fn handle(&mut self, _: Rung, ctx: &mut Context<Self>) {
        self.has_rung = self.is_running;
        self.take_turn(ctx);
    }
}

impl Handler<Activate> for PurgeSupervisor {
    type Result = ();

    fn handle(&mut self, activate: Activate, ctx: &mut Self::Context) {
        self.activate(activate, ctx);
    }
}

impl Handler<Cease> for PurgeSupervisor {
    type Result = ();

    fn handle(&mut self, _: Cease, _: &mut Self::Context) {
        self.node.is_ceasing.store(true, Ordering::Relaxed);
    }
}
