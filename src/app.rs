//! The composition root: builds the house from its settings, and takes it down in order. The only file that knows
//! everyone.

mod keys;
mod listener;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use tokio::runtime::{Handle, Runtime};

use crate::clock::SharedClock;
use crate::config::Config;
use crate::conversation::actor::Command;
use crate::conversation::gate::Gates;
use crate::conversation::hub::Hub;
use crate::conversation::socket::House;
use crate::domain::language::Language;
use crate::embedded::{Cluster, Settings};
use crate::http::{Arrivals, Edge};
use crate::id::Ids;
use crate::providers::Providers;
use crate::providers::knowledge::Library;
use crate::services::session::Door;
use crate::services::{Services, demo, notice};
use crate::store::{Address, Store, StoreSettings, migrate};
use crate::supervision::Tree;
use crate::supervision::purge::Cease;
use crate::supervision::tenants::Refresh;

pub use keys::FirstStart;

/// Makes the providers of one worker thread.
pub type ProvidersFactory = Arc<dyn Fn(Arc<Library>) -> anyhow::Result<Providers> + Send + Sync>;

/// Everything below the actors, and what it stands on.
#[derive(Debug)]
pub struct Foundation {
    /// The services.
    pub services: Services,
    /// What was made at the very first start.
    pub first_start: Option<FirstStart>,
    cluster: Option<Cluster>,
    threads: Threads,
}

/// The threads of database connections. A runtime must not be dropped inside another one; this lets it go instead.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("veetflow-io")
            .enable_all()
            .build()
            .context("the threads for database connections could not be started")?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> Handle {
        self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
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
}

impl Foundation {
    /// Starts the database if it is ours, migrates it, and opens the keyring that belongs to it.
    pub async fn lay(config: Config, clock: SharedClock) -> anyhow::Result<Self> {
        // A second installation is refused by the library and changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let threads = Threads::start()?;
        let runtime = threads.handle();
        let (address, cluster) = database(&config, &runtime).await?;
        let (mut operator, driver) =
            address.connect_as_operator().await.context("the database could not be reached")?;
        migrate::migrate(&mut operator).await.context("the database could not be migrated")?;
        drop(operator);
        driver.abort();
        let settings = StoreSettings {
            connections: config.database.connections,
            timeout: Duration::from_secs(config.database.timeout_seconds.max(1)),
        };
        let store = Store::open(&address, &runtime, settings)?;
        let now = clock.now();
        let (vault, first_start) = keys::open(&config, &store, now).await?;
        publish_notice(&store, now).await?;
        if config.http.demo {
            demo::ensure(&store, now).await?;
        }
        let ids = Ids::new(clock.clone());
        let door = Arc::new(Door::new(vault.signer("visitor token")));
        let services = Services {
            node: ids.next(),
            clock,
            ids,
            config: Arc::new(config),
            store,
            vault,
            door,
            runtime,
        };
        Ok(Self { services, first_start, cluster, threads })
    }

    /// The process of the embedded database, if there is one.
    pub fn database_pid(&self) -> Option<u32> {
        self.cluster.as_ref().and_then(Cluster::pid)
    }

    /// Closes the connections, then the database.
    pub async fn close(self) {
        self.services.store.close();
        drop(self.threads);
        if let Some(cluster) = self.cluster {
            let stopping =
                tokio::task::spawn_blocking(move || cluster.stop(Duration::from_secs(10)));
            if stopping.await.is_err() {
                tracing::error!("the embedded database could not be stopped in order");
            }
        }
    }
}

async fn database(config: &Config, runtime: &Handle) -> anyhow::Result<(Address, Option<Cluster>)> {
    let url = config.database.url.expose_secret();
    if !url.is_empty() {
        return Ok((Address::parse(url)?, None));
    }
    std::fs::create_dir_all(&config.data_dir).with_context(|| {
        format!("the data folder {} could not be made", config.data_dir.display())
    })?;
    open_to_passers_by(&config.data_dir)?;
    let mut settings = Settings::new(&config.data_dir);
    settings.binaries =
        Some(config.database.binaries.clone()).filter(|folder| !folder.as_os_str().is_empty());
    let cluster = runtime.spawn_blocking(move || Cluster::start(settings)).await??;
    let address = Address::embedded(cluster.socket_dir(), cluster.user(), cluster.password());
    Ok((address, Some(cluster)))
}

/// The database's account must be able to walk through the data folder, and to list nothing in it.
fn open_to_passers_by(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(folder).context("the data folder could not be looked at")?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o011 != 0o011 {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode | 0o011))
            .context("the data folder's permissions could not be set")?;
    }
    Ok(())
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
    Arc::new(move |library| Ok(Providers::new(&settings, library)?))
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
        let (hub, gates) = (Arc::new(Hub::default()), Arc::new(Gates::default()));
        let tree = Tree::start(&services, &hub, &gates);
        if let Some(directory) = tree.tenants.address() {
            directory.send(Refresh).await??;
        }
        let shelves = config.http.demo.then(|| (demo::TENANT, demo::documents()));
        let library = Arc::new(
            foundation.services.runtime.spawn_blocking(move || Library::new(shelves)).await?,
        );
        // Once here, so that a wrong setting stops the start instead of a worker.
        providers(library.clone())?;
        let is_draining = Arc::new(AtomicBool::new(false));
        let arrivals = Arc::new(Arrivals::new(config.http.sessions_per_minute));
        let edge = {
            let (hub, is_draining) = (hub.clone(), is_draining.clone());
            move || -> anyhow::Result<Edge> {
                Ok(Edge {
                    house: House {
                        services: services.clone(),
                        hub: hub.clone(),
                        providers: providers(library.clone())?,
                    },
                    gates: gates.clone(),
                    arrivals: arrivals.clone(),
                    is_draining: is_draining.clone(),
                })
            }
        };
        let (server, address) = listener::listen(&config.http, edge)?;
        let app = Self { foundation, tree, hub, address, is_draining, server: server.handle() };
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
            if self.hub.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
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
