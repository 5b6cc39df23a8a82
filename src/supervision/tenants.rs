//! Tenants: one supervisor each, which holds the tenant's state for its conversations, and a directory that keeps the
//! supervisors in step with the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::ActorFutureExt;
use actix::fut::wrap_future;
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, ResponseActFuture, Supervised};
use tokio::sync::watch;

use super::guard::guarded;
use super::keeper::{Keeper, Post};
use crate::conversation::gate::{Gates, Quota, TenantGate, TenantSnapshot, WidgetGate};
use crate::id::TenantId;
use crate::services::Services;
use crate::services::directory::{DirectoryError, TenantRow};

/// How often the directory looks for changes made elsewhere.
const LOOK: Duration = Duration::from_secs(5);
/// How often a tenant's quotas forget visitors.
const SWEEP: Duration = Duration::from_mins(1);

/// Look at the database now.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<(), DirectoryError>")]
pub struct Refresh;

/// The tenant as the database now has it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
struct Update(TenantSnapshot);

/// What outlives an incarnation of a tenant's supervisor.
#[derive(Debug)]
struct Estate {
    snapshot: watch::Sender<TenantSnapshot>,
    quota: Arc<Quota>,
}

/// Looks after one tenant.
#[derive(Debug)]
pub struct TenantSupervisor {
    estate: Arc<Estate>,
}

impl Supervised for TenantSupervisor {}

impl Actor for TenantSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SWEEP, |supervisor, _| supervisor.estate.quota.sweep());
    }
}

impl Handler<Update> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, update: Update, _: &mut Self::Context) {
        self.estate.snapshot.send_if_modified(|current| {
            let is_new = *current != update.0;
            if is_new {
                *current = update.0;
            }
            is_new
        });
    }
}

#[derive(Debug)]
struct Ward {
    estate: Arc<Estate>,
    post: Post<TenantSupervisor>,
    _keeper: Addr<Keeper<TenantSupervisor>>,
}

/// Keeps one supervisor for each tenant.
#[derive(Debug)]
pub struct TenantDirectory {
    services: Services,
    gates: Arc<Gates>,
    wards: HashMap<TenantId, Ward>,
}

impl TenantDirectory {
    /// A directory that fills the gates.
    pub fn new(services: Services, gates: Arc<Gates>) -> Self {
        Self { services, gates, wards: HashMap::new() }
    }

    fn apply(&mut self, rows: Vec<TenantRow>) {
        let mut widgets = HashMap::new();
        for row in rows {
            let snapshot = TenantSnapshot {
                state: row.state,
                retention: row.retention,
                display_name: row.display_name,
                answering: row.answering,
            };
            let settings = &self.services.config.conversation;
            let ward = self.wards.entry(row.id).or_insert_with(|| hire(snapshot.clone(), settings));
            if let Some(supervisor) = ward.post.address() {
                supervisor.do_send(Update(snapshot));
            }
            let tenant = TenantGate {
                id: row.id,
                snapshot: ward.estate.snapshot.subscribe(),
                quota: ward.estate.quota.clone(),
            };
            for widget in row.widgets {
                let gate = WidgetGate {
                    tenant: tenant.clone(),
                    origins: widget.origins.into(),
                    settings: widget.settings.into(),
                };
                widgets.insert(widget.id, gate);
            }
        }
        self.gates.replace(widgets);
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let services = self.services.clone();
        let looking = guarded(
            "tenant directory",
            async move { services.directory().await },
            |outcome, directory: &mut Self, _| match outcome {
                Ok(rows) => directory.apply(rows),
                Err(error) => {
                    tracing::warn!(error = %error, "the tenant directory could not be read");
                }
            },
        );
        ctx.spawn(looking);
    }
}

fn hire(snapshot: TenantSnapshot, settings: &crate::config::Conversation) -> Ward {
    let (sender, _) = watch::channel(snapshot);
    let estate = Arc::new(Estate { snapshot: sender, quota: Arc::new(Quota::new(settings)) });
    let inherited = estate.clone();
    let (post, keeper) =
        Keeper::watch("tenant supervisor", move || TenantSupervisor { estate: inherited.clone() });
    Ward { estate, post, _keeper: keeper }
}

impl Supervised for TenantDirectory {}

impl Actor for TenantDirectory {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
    }
}

impl Handler<Refresh> for TenantDirectory {
    type Result = ResponseActFuture<Self, Result<(), DirectoryError>>;

    fn handle(&mut self, _: Refresh, _: &mut Self::Context) -> Self::Result {
        let services = self.services.clone();
        let reading = async move { services.directory().await };
        Box::pin(wrap_future::<_, Self>(reading).map(|outcome, directory, _| {
            directory.apply(outcome?);
            Ok(())
        }))
    }
}
