//! The viewers of a conversation: letting them in, bringing them up to date, noticing that they are gone.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::{ActorContext, ActorFutureExt, AsyncContext, Context};

use super::{ConversationActor, Join};
use crate::code::{Coded, ErrorCode};
use crate::conversation::frame::ServerFrame;
use crate::conversation::viewers::{Pumped, Viewer, ViewerId};
use crate::domain::turn::{StopReason, Turn};

/// How soon a viewer whose socket was full is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Entries fetched at once for a viewer far behind.
const PAGE: i64 = 50;

impl ConversationActor {
    /// Fetches entries for a viewer that is further behind than memory reaches.
    pub(super) fn fetch(&mut self, viewer: ViewerId, after: i64, ctx: &mut Context<Self>) {
        let (services, whereabouts, key) =
            (self.services.clone(), self.whereabouts, self.key.clone());
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
        ctx.spawn(wrap_future::<_, Self>(fetching).map(
            move |page: Result<Vec<Turn>, ErrorCode>, actor, ctx| match page {
                Ok(page) if !page.is_empty() => {
                    if let Some(viewer) = actor.viewers.iter_mut().find(|known| known.id == viewer)
                    {
                        viewer.give_page(page);
                    }
                    actor.pump(ctx);
                }
                Ok(_) => actor.close_viewer(viewer, ErrorCode::Internal),
                Err(code) => actor.close_viewer(viewer, code),
            },
        ));
    }

    /// Brings every viewer as far as it can go.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        let Some(machine) = self.machine.as_ref() else { return };
        let window = self.services.config.conversation.credit_bytes;
        let mut wanting = Vec::new();
        let mut is_blocked = false;
        for viewer in &mut self.viewers {
            match viewer.pump(&machine.log, machine.answer.as_ref(), window) {
                Pumped::Blocked => is_blocked = true,
                Pumped::Needs(after) if !viewer.is_fetching => {
                    viewer.is_fetching = true;
                    wanting.push((viewer.id, after));
                }
                Pumped::UpToDate | Pumped::OutOfCredit | Pumped::Needs(_) => {}
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
    pub(super) fn admit(&mut self, join: Join, ctx: &mut Context<Self>) {
        for older in self.viewers.drain(..) {
            older.close(Some(ErrorCode::Superseded));
        }
        let ready = ServerFrame::Ready(Box::new(self.ready()));
        let Some(machine) = self.machine.as_ref() else { return };
        let mut viewer =
            Viewer::new(join.viewer, join.link, join.open.last_seq.min(machine.log.head_seq));
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

    pub(super) fn close_viewer(&mut self, viewer: ViewerId, code: ErrorCode) {
        self.viewers.retain(|known| {
            if known.id == viewer {
                known.close(Some(code));
            }
            known.id != viewer
        });
    }

    /// The regular look at the viewers and at the conversation itself.
    pub(super) fn heartbeat(&mut self, ctx: &mut Context<Self>) {
        let settings = self.services.config.clone();
        let settings = &settings.conversation;
        let now = self.services.clock.now();
        let mut failing = Vec::new();
        for viewer in &mut self.viewers {
            if let Some(code) = viewer.heartbeat(settings.credit_bytes, settings.stall_seconds, now)
            {
                failing.push((viewer.id, code));
            }
        }
        for (viewer, code) in failing {
            self.close_viewer(viewer, code);
        }
        let quiet =
            now.duration_since(self.quiet_since).unsigned_abs().as_secs() >= settings.idle_seconds;
        let Some(machine) = self.machine.as_mut().filter(|machine| quiet && machine.is_at_rest())
        else {
            return;
        };
        if self.viewers.is_empty() {
            ctx.stop();
            return;
        }
        machine.log.unload();
        self.key = None;
    }
}
