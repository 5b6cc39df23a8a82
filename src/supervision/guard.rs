//! Runs a supervisor's work so that a panic in it stops the actor in an orderly way instead of closing its mailbox.

use std::panic::AssertUnwindSafe;

use actix::fut::wrap_future;
use actix::{Actor, ActorContext, ActorFuture, ActorFutureExt, Context, Supervised};
use futures_util::FutureExt;

/// Runs `work`; `then` gets its outcome. If it panics, the actor is stopped and its supervisor restarts it with its mailbox
/// kept; `then` gets nothing.
pub fn guarded<A, T, Then>(
    what: &'static str,
    work: impl Future<Output = T> + 'static,
    then: Then,
) -> impl ActorFuture<A, Output = ()> + 'static
where
    A: Actor<Context = Context<A>> + Supervised,
    T: 'static,
    Then: FnOnce(T, &mut A, &mut Context<A>) + 'static,
{
    wrap_future::<_, A>(AssertUnwindSafe(work).catch_unwind()).map(move |outcome, actor, ctx| {
        if let Ok(value) = outcome {
            then(value, actor, ctx);
        } else {
            tracing::error!(what, "a supervisor's work panicked; it is restarted");
            ctx.stop();
        }
    })
}
