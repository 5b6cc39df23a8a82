//! The bookkeeper writes down what tenants have spent on models.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Supervised};

use super::guard::guarded;
use crate::services::Services;

/// What a kill can make the books forget: requests that began and ended since.
const ROUND: Duration = Duration::from_secs(1);

/// The actor.
#[derive(Debug)]
pub struct Bookkeeper {
    services: Services,
    is_writing: bool,
}

impl Bookkeeper {
    /// A bookkeeper of this node.
    pub fn new(services: Services) -> Self {
        Self { services, is_writing: false }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.is_writing {
            return;
        }
        self.is_writing = true;
        let services = self.services.clone();
        let writing = guarded(
            "bookkeeper",
            async move { services.keep_books().await },
            |outcome, bookkeeper: &mut Self, _| {
                bookkeeper.is_writing = false;
                if let Err(error) = outcome {
                    tracing::warn!(error = %error, "what was spent could not be written down now");
                }
            },
        );
        ctx.spawn(writing);
    }
}

impl Supervised for Bookkeeper {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.is_writing = false;
    }
}

impl Actor for Bookkeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(ROUND, Self::write);
    }
}
