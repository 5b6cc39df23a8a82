//! The auditor signs where the audit log ends, so that somebody outside always finds a checkpoint to keep.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Supervised};

use super::guard::guarded;
use crate::services::Services;
use crate::services::audit::AuditError;

/// Often enough for whoever fetches one a day, and rare enough to cost nothing.
const ROUND: Duration = Duration::from_mins(10);
/// After a start, what it did is signed soon.
const FIRST: Duration = Duration::from_secs(5);

/// The actor.
#[derive(Debug)]
pub struct Auditor {
    services: Services,
    is_signing: bool,
}

impl Auditor {
    /// An auditor of this node.
    pub fn new(services: Services) -> Self {
        Self { services, is_signing: false }
    }

    fn sign(&mut self, ctx: &mut Context<Self>) {
        if self.is_signing {
            return;
        }
        self.is_signing = true;
        let services = self.services.clone();
        let signing = guarded(
            "auditor",
            async move { services.checkpoint().await.map(drop) },
            |outcome, auditor: &mut Self, _| {
                auditor.is_signing = false;
                tell(&outcome);
            },
        );
        ctx.spawn(signing);
    }
}

fn tell(outcome: &Result<(), AuditError>) {
    match outcome {
        Ok(()) => {}
        Err(AuditError::Store(error)) => {
            tracing::warn!(error = %error, "the audit log could not be signed now");
        }
        Err(error @ (AuditError::Tampered(_) | AuditError::Note(_))) => {
            tracing::error!(error = %error, "the audit log was changed; run `veetflow audit verify`");
        }
        Err(error @ (AuditError::Drop(_) | AuditError::Vault(_))) => {
            tracing::error!(error = %error, "the audit log could not be signed");
        }
    }
}

impl Supervised for Auditor {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.is_signing = false;
    }
}

impl Actor for Auditor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_later(FIRST, Self::sign);
        ctx.run_interval(ROUND, Self::sign);
    }
}
