//! The ground: a database that can be used, ours or a given one, and the threads of its connections.

use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::runtime::{Handle, Runtime};

use crate::config::Config;
use crate::embedded::{Cluster, EmbeddedError, Guest, Settings};
use crate::store::{Address, Store, StoreSettings, migrate};

/// Whether a command may use the database of a server that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// The database must be ours alone, as the keyring is.
    Alone,
    /// A running server's database will do.
    Welcome,
}

/// A database that can be used.
#[derive(Debug)]
pub struct Ground {
    /// The store.
    pub store: Store,
    /// Where it is.
    pub address: Address,
    pub(super) cluster: Option<Cluster>,
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

impl Ground {
    /// Starts or reaches the database and brings it to this program's schema.
    pub async fn prepare(config: &Config, company: Company) -> anyhow::Result<Self> {
        // A second installation is refused by the library and changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let threads = Threads::start()?;
        let runtime = threads.handle();
        let (address, cluster) = database(config, company, &runtime).await?;
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
        Ok(Self { store, address, cluster, threads })
    }

    /// The runtime of the connections, for work that would block a worker.
    pub fn runtime(&self) -> Handle {
        self.threads.handle()
    }

    /// Closes the connections, then the database if it is ours.
    pub async fn close(self) {
        self.store.close();
        drop(self.threads);
        let Some(cluster) = self.cluster else { return };
        let stopping = tokio::task::spawn_blocking(move || cluster.stop(Duration::from_secs(10)));
        if stopping.await.is_err() {
            tracing::error!("the embedded database could not be stopped in order");
        }
    }
}

async fn database(
    config: &Config,
    company: Company,
    runtime: &Handle,
) -> anyhow::Result<(Address, Option<Cluster>)> {
    let url = config.database.url.expose_secret();
    if !url.is_empty() {
        return Ok((Address::parse(url)?, None));
    }
    let mut settings = Settings::new(&config.data_dir);
    settings.binaries =
        Some(config.database.binaries.clone()).filter(|folder| !folder.as_os_str().is_empty());
    match runtime.spawn_blocking(move || Cluster::start(settings)).await? {
        Ok(cluster) => {
            let address =
                Address::embedded(cluster.socket_dir(), cluster.user(), cluster.password());
            Ok((address, Some(cluster)))
        }
        Err(EmbeddedError::InUse(_)) if company == Company::Welcome => {
            let guest = Guest::of(&config.data_dir)?;
            Ok((Address::embedded(guest.socket_dir(), guest.user(), guest.password()), None))
        }
        Err(error) => Err(error.into()),
    }
}
