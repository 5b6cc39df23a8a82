//! The caretaker forgets what nobody came for: unused tickets, ended conversations.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Supervised};

use crate::conversation::hub::Hub;
use crate::services::Services;

const ROUND: Duration = Duration::from_secs(30);

/// The actor.
#[derive(Debug)]
pub struct Caretaker {
    services: Services,
    hub: Arc<Hub>,
}

impl Caretaker {
    /// A caretaker of this node.
    pub fn new(services: Services, hub: Arc<Hub>) -> Self {
        Self { services, hub }
    }
}

impl Supervised for Caretaker {}

impl Actor for Caretaker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(ROUND, |caretaker, _| {
            caretaker.services.door.sweep(caretaker.services.clock.now());
            caretaker.hub.sweep();
        });
    }
}
