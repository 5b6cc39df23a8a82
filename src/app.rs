//! The composition root: builds the house from its settings, and takes it down in order. The only file that knows
//! everyone.

mod ground;
mod house_number;
mod keys;
mod listener;
mod quarantine;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use anyhow::bail;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::conversation::actor::Command;
use crate::conversation::gate::Gates;
use crate::conversation::hub::Hub;
use crate::conversation::pace::Pace;
use crate::conversation::socket::House;
use crate::domain::language::Language;
use crate::embedded::Cluster;
use crate::http::{Arrivals, Edge};
use crate::id::Ids;
use crate::ledger::Ledger;
use crate::providers::knowledge::Library;
use crate::providers::{Accounts, Health, Providers};
use crate::services::session::Door;
use crate::services::shelving::Shelving;
use crate::services::{Services, demo, notice};
use crate::store::{Address, Store};
use crate::supervision::Tree;
use crate::supervision::librarian::CatchUp;
use crate::supervision::purge::Cease;
use crate::supervision::tenants::Refresh;

pub use ground::{Company, Ground};
pub use house_number::HouseNumber;
pub use keys::FirstStart;
pub(crate) use keys::master_source;
pub use quarantine::Gate;

/// How long a start waits for the documents.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Makes the providers of one worker thread.
pub type ProvidersFactory =
    Arc<dyn Fn(Arc<Library>, Arc<Accounts>) -> anyhow::Result<Providers> + Send + Sync>;

/// Everything below the actors, and what it stands on.
#[derive(Debug)]
pub struct Foundation {
    /// The services.
    pub services: Services,
    /// What was made at the very first start.
    pub first_start: Option<FirstStart>,
    /// What was erased, on record outside the database.
    pub ledger: Arc<Ledger>,
    ground: Ground,
}

/// The running house.
#[derive(Debug)]
pub struct App {
    /// Everything below the actors.
    pub foundation: Foundation,
    /// The supervisors.
    pub tree: Tree,
    /// The live conversations.
    pub hub: Arc<Hub>,
    /// Where it listens.
    pub address: SocketAddr,
    is_draining: Arc<AtomicBool>,
    server: ServerHandle,
    /// Taken down with the house.
    _number: HouseNumber,
}

impl Foundation {
    /// Prepares the ground and opens the keyring that belongs to it.
    pub async fn lay(config: Config, clock: SharedClock) -> anyhow::Result<Self> {
        Self::lay_behind(config, clock, Gate::Closed).await
    }

    /// The same for a command that sets right what keeps the gate closed.
    pub async fn lay_behind(
        config: Config,
        clock: SharedClock,
        gate: Gate,
    ) -> anyhow::Result<Self> {
        let ground = Ground::prepare(&config, Company::Alone).await?;
        let store = ground.store.at_time_of(clock.clone());
        let now = clock.now();
        let (vault, first_start) = keys::open(&config, &store, now).await?;
        let ledger = quarantine::pass(&config, &store, &vault, gate, now).await?;
        publish_notice(&store, now).await?;
        if config.http.demo {
            demo::ensure(&store, now).await?;
        }
        let shelving = furnish(&config, &ground).await?;
        let ids = Ids::new(clock.clone());
        let door = Arc::new(Door::new(vault.signer("visitor token")));
        let services = Services {
            node: ids.next(),
            accounts: Arc::new(Accounts::new(clock.clone())),
            instructions: Arc::default(),
            opened_keys: Arc::default(),
            clock,
            ids,
            config: Arc::new(config),
            store,
            vault,
            door,
            shelving: Arc::new(shelving),
            purge_bell: Arc::default(),
            ledger: ledger.clone(),
            runtime: ground.runtime(),
        };
        Ok(Self { services, first_start, ledger, ground })
    }

    /// Where the database is.
    pub fn address(&self) -> &Address {
        &self.ground.address
    }

    /// The process of the embedded database, if there is one.
    pub fn database_pid(&self) -> Option<u32> {
        self.ground.cluster.as_ref().and_then(Cluster::pid)
    }

    /// Closes the connections, then the database.
    pub async fn close(self) {
        self.ground.close().await;
    }
}

/// The library with what is part of the program; loading its dictionary takes a moment.
async fn furnish(config: &Config, ground: &Ground) -> anyhow::Result<Shelving> {
    let (has_demo, reader) = (config.http.demo, config.knowledge.reader.clone());
    let furnishing = ground.runtime().spawn_blocking(move || {
        let library = Library::new();
        if has_demo {
            demo::furnish(&library);
        }
        Shelving::new(library, &reader)
    });
    Ok(furnishing.await?)
}

async fn publish_notice(store: &Store, now: jiff::Timestamp) -> anyhow::Result<()> {
    for language in [Language::Zh, Language::En] {
        let (digest, body) = (notice::digest(language), notice::template(language));
        let published =
            store.publish_policy(notice::POLICY_VERSION, language, &digest, body, now).await?;
        if published != digest {
            bail!(
                "the consent notice ({}) was published as version {} with other words; give the new text a new version",
                language.as_str(),
                notice::POLICY_VERSION,
            );
        }
    }
    Ok(())
}

/// The providers that the configuration names.
pub fn configured_providers(config: &Config) -> ProvidersFactory {
    let settings = config.providers.clone();
    let health = Arc::new(Health::default());
    for model in Providers::out_of_reach(&settings).unwrap_or_default() {
        tracing::warn!("{model}");
    }
    Arc::new(move |library, accounts| {
        Ok(Providers::sharing(&settings, library, health.clone(), accounts)?)
    })
}

impl App {
    /// Builds the house on its foundation and opens the door. Must run inside an actix system.
    pub async fn build(
        config: Config,
        clock: SharedClock,
        providers: ProvidersFactory,
    ) -> anyhow::Result<(Self, Server)> {
        let foundation = Foundation::lay(config, clock).await?;
        let services = foundation.services.clone();
        let config = services.config.clone();
        services.open_books().await?;
        let (hub, gates) = (Arc::new(Hub::default()), Arc::new(Gates::default()));
        let tree = Tree::start(&services, &hub, &gates);
        if let Some(directory) = tree.tenants.address() {
            directory.send(Refresh).await??;
        }
        if let Some(librarian) = tree.librarian.address() {
            // A large library goes on being read while the door is open already.
            let looking = tokio::time::timeout(FIRST_LOOK, librarian.send(CatchUp)).await;
            if looking.is_err() {
                tracing::info!("documents are still being read into memory");
            }
        }
        let library = services.shelving.library.clone();
        let accounts = services.accounts.clone();
        // Once here, so that a wrong setting stops the start instead of a worker.
        providers(library.clone(), accounts.clone())?;
        let is_draining = Arc::new(AtomicBool::new(false));
        let arrivals = Arc::new(Arrivals::new(config.http.sessions_per_minute));
        let calls = Arc::new(Arrivals::new(config.http.api_per_minute));
        let edge = {
            let (hub, is_draining) = (hub.clone(), is_draining.clone());
            move || -> anyhow::Result<Edge> {
                Ok(Edge {
                    house: House {
                        services: services.clone(),
                        hub: hub.clone(),
                        providers: providers(library.clone(), accounts.clone())?,
                        pace: Pace::default(),
                    },
                    gates: gates.clone(),
                    arrivals: arrivals.clone(),
                    calls: calls.clone(),
                    is_draining: is_draining.clone(),
                })
            }
        };
        let (server, address) = listener::listen(&config.http, edge)?;
        let number = HouseNumber::put_up(&config.data_dir, address);
        let app = Self {
            foundation,
            tree,
            hub,
            address,
            is_draining,
            server: server.handle(),
            _number: number,
        };
        Ok((app, server))
    }

    /// Takes the house down: no new visitors, answers in progress finish within their time, sockets close with 1012,
    /// the purge stops between two tenants, then the server, the connections, the database.
    pub async fn drain(self) {
        self.is_draining.store(true, Ordering::Relaxed);
        if let Some(purge) = self.tree.purge.address() {
            purge.do_send(Cease);
        }
        self.hub.tell_all(Command::Drain);
        let tenths = self.foundation.services.config.conversation.drain_seconds.saturating_mul(10);
        for _ in 0..tenths {
            self.hub.sweep();
            if self.hub.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if let Err(error) = self.foundation.services.keep_books().await {
            tracing::warn!(error = %error, "what was spent last could not be written down");
        }
        // The closing frames are on their way; the server gives them its own short time.
        self.server.stop(true).await;
        self.foundation.close().await;
    }

    /// Ends at once, as a crash would, leaving the database and the keyring to recover by themselves.
    pub async fn abandon(self) {
        self.server.stop(false).await;
    }
}
