//! A house for one test.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use figment::value::Value;
use jiff::SignedDuration;
use tokio::sync::oneshot;
use veetflow::app::{App, ProvidersFactory, configured_providers};
use veetflow::clock::{Clock, MovableClock};
use veetflow::config::{Config, Layers};
use veetflow::providers::{Provider, Providers};
use veetflow::purge::Report;
use veetflow::services::Services;
use veetflow::store::Store;
use veetflow::supervision::purge::Activate;
use veetflow::supervision::tenants::Refresh;

use super::{Scripted, cluster, logs, provider::Behaviour};

/// What no log line may ever hold. Every visitor's words in the tests contain it.
pub const CANARY: &str = "canary-7f3a9b";

/// How often a test looks whether something has come about, and how long it waits between two looks.
const LOOKS: u32 = 400;
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(50);

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct TestApp {
    app: Option<App>,
    pub clock: Arc<MovableClock>,
    pub services: Services,
    pub address: std::net::SocketAddr,
    pub database: String,
    pub data_dir: PathBuf,
}

/// How a house differs from the usual one.
pub struct Plan {
    pub settings: Vec<(&'static str, Value)>,
    pub provider: Arc<dyn Provider>,
    /// Whether the provider answers; else the documents alone do.
    pub has_model: bool,
    pub clock: Arc<MovableClock>,
    pub database: Option<(String, String)>,
    pub data_dir: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            provider: Scripted::new(Behaviour::Speak, &["Hel", "lo, ", "你", "好", "!"]),
            has_model: true,
            clock: Arc::default(),
            database: None,
            data_dir: None,
        }
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::build(Plan::default()).await
    }

    pub async fn with(provider: Arc<dyn Provider>) -> Self {
        Self::build(Plan { provider, ..Plan::default() }).await
    }

    pub async fn build(plan: Plan) -> Self {
        logs::listen();
        let (url, database) = match plan.database.clone() {
            Some(given) => given,
            None => cluster::database().await,
        };
        let data_dir = plan.data_dir.clone().unwrap_or_else(fresh_folder);
        let config = configuration(&url, &data_dir, &plan.settings);
        let provider = plan.provider.clone();
        let providers: ProvidersFactory = if plan.has_model {
            Arc::new(move |library, accounts| {
                Ok(Providers::with_model(provider.clone(), library, accounts))
            })
        } else {
            configured_providers(&config)
        };
        let (app, server) =
            App::build(config, plan.clock.clone(), providers).await.expect("the house is built");
        drop(actix_web::rt::spawn(server));
        let (services, address) = (app.foundation.services.clone(), app.address);
        Self { app: Some(app), clock: plan.clock, services, address, database, data_dir }
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().expect("running")
    }

    pub fn store(&self) -> &Store {
        &self.services.store
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A client with all rights, to look where the application may not.
    pub async fn operator(&self) -> tokio_postgres::Client {
        let client = cluster::operator(&self.database).await;
        client.batch_execute("set search_path = veetflow").await.expect("set");
        client
    }

    /// Counts rows with all rights.
    pub async fn count(&self, table: &str) -> i64 {
        let client = self.operator().await;
        client
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .expect("counted")
            .get(0)
    }

    /// Waits until a table holds so many rows.
    pub async fn until_count(&self, table: &str, rows: i64) {
        for _ in 0..LOOKS {
            if self.count(table).await >= rows {
                return;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        panic!("{table} never held {rows} rows");
    }

    /// Waits until no conversation is in memory.
    pub async fn until_asleep(&self) {
        for _ in 0..LOOKS {
            if self.app().hub.is_empty() {
                return;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        panic!("a conversation stayed in memory");
    }

    /// Lets time pass while nothing runs.
    pub fn jump(&self, distance: SignedDuration) {
        self.clock.travel(distance);
    }

    /// Lets days pass on a running server, which looks once a day.
    pub async fn travel(&self, days: i64) -> i64 {
        let mut erased = 0;
        for _ in 0..days {
            self.clock.travel(SignedDuration::from_hours(24));
            erased += self.purge().await.conversations();
        }
        erased
    }

    pub async fn purge(&self) -> Report {
        self.purge_with(false).await.expect("the pass ends")
    }

    pub async fn purge_with(
        &self,
        clock_is_vouched_for: bool,
    ) -> Result<Report, veetflow::purge::PurgeError> {
        let (report, reported) = oneshot::channel();
        let supervisor = self.app().tree.purge.address().expect("a purge supervisor");
        supervisor.do_send(Activate { report: Some(report), clock_is_vouched_for });
        reported.await.expect("the pass is not lost")
    }

    pub async fn refresh_tenants(&self) {
        let directory = self.app().tree.tenants.address().expect("a directory");
        directory.send(Refresh).await.expect("alive").expect("read");
    }

    pub async fn drain(mut self) {
        self.app.take().expect("running").drain().await;
    }

    /// What a second node on the same database needs: the same master key and keyring.
    pub fn beside(&self) -> Plan {
        let url =
            secrecy::ExposeSecret::expose_secret(&self.services.config.database.url).to_owned();
        Plan {
            clock: self.clock.clone(),
            database: Some((url, self.database.clone())),
            data_dir: Some(fresh_copy_of(&self.data_dir)),
            ..Plan::default()
        }
    }

    /// Ends as a crash would; gives what the next start needs.
    pub async fn crash(mut self) -> Plan {
        self.app.take().expect("running").abandon().await;
        self.services.store.close();
        self.beside()
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(!logs::text().contains(CANARY), "personal data in the log");
        }
    }
}

pub fn fresh_folder() -> PathBuf {
    cluster::folder(&format!("data-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// The keyring file stays locked by the process that crashed in name only, so the next start gets a copy.
fn fresh_copy_of(data_dir: &std::path::Path) -> PathBuf {
    let copy = fresh_folder();
    for entry in std::fs::read_dir(data_dir).expect("a folder").flatten() {
        if entry.file_type().expect("a type").is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
        }
    }
    copy
}

pub fn configuration(
    url: &str,
    data_dir: &std::path::Path,
    settings: &[(&'static str, Value)],
) -> Config {
    let usual: Vec<(&str, Value)> = vec![
        ("http.listen", "127.0.0.1:0".into()),
        ("http.workers", 2.into()),
        ("http.sessions_per_minute", 0.into()),
        ("http.api_per_minute", 0.into()),
        ("knowledge.reader", env!("CARGO_BIN_EXE_veetflow").into()),
        ("database.url", url.into()),
        ("database.connections", 4.into()),
        ("data_dir", data_dir.display().to_string().into()),
        ("conversation.burst", 100.into()),
        ("conversation.per_minute", 1000.into()),
        ("conversation.drain_seconds", 3.into()),
        ("purge.first_seconds", 100_000.into()),
        ("purge.max_clock_skew_seconds", Value::from(100_000_000_000_i64)),
    ];
    Layers::with(usual.into_iter().chain(settings.iter().cloned())).read().expect("settings")
}
