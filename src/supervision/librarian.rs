//! The librarian keeps the documents in memory in step with the database: at the start, and when another process changed
//! them. A change made through this process is in memory before it is answered.

use std::time::Duration;

use actix::ActorFutureExt;
use actix::fut::wrap_future;
use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseActFuture, Supervised};

use super::guard::guarded;
use crate::services::Services;
use crate::services::shelving::{Shelved, ShelvingError};

/// How often the librarian looks for changes made elsewhere.
const LOOK: Duration = Duration::from_secs(5);

/// Look at the database now; the answer comes when everything is in memory.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CatchUp;

/// The actor.
#[derive(Debug)]
pub struct Librarian {
    services: Services,
    is_looking: bool,
}

impl Librarian {
    /// A librarian of this node.
    pub fn new(services: Services) -> Self {
        Self { services, is_looking: false }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.is_looking {
            return;
        }
        self.is_looking = true;
        let services = self.services.clone();
        let looking = guarded(
            "librarian",
            async move { services.catch_up().await },
            |outcome, librarian: &mut Self, _| {
                librarian.is_looking = false;
                tell(&outcome);
            },
        );
        ctx.spawn(looking);
    }
}

fn tell(outcome: &Result<Shelved, ShelvingError>) {
    match outcome {
        Ok(shelved) if shelved.documents + shelved.unreadable > 0 => tracing::info!(
            documents = shelved.documents,
            unreadable = shelved.unreadable,
            "documents were read into memory"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(error = %error, "the documents could not be read"),
    }
}

impl Supervised for Librarian {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.is_looking = false;
    }
}

impl Actor for Librarian {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
    }
}

impl Handler<CatchUp> for Librarian {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: CatchUp, _: &mut Self::Context) -> Self::Result {
        let services = self.services.clone();
        let reading = async move { services.catch_up().await };
        Box::pin(wrap_future::<_, Self>(reading).map(|outcome, _, _| tell(&outcome)))
    }
}
