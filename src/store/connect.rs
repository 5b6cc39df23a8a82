//! How a connection is made: on which runtime it lives, as which role it acts, and when plain text is acceptable.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::statement::Role;
use super::{StoreError, StoreSettings};

/// Where the database is and how to sign in.
#[derive(Debug, Clone)]
pub struct Address {
    config: Config,
}

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not a PostgreSQL address.
    #[error("VEETFLOW__DATABASE__URL is not a PostgreSQL address such as postgres://user@host/db")]
    Unreadable,
    /// Text would cross a network in clear (policy §5: TLS 1.2 or later).
    #[error("the database is on another machine, so its address must say sslmode=require")]
    PlainText,
}

impl Address {
    /// Reads an address. A host that is not this machine must be reached over TLS.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let config = Config::from_str(url).map_err(|_| AddressError::Unreadable)?;
        let is_local = config.get_hosts().iter().all(|host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        });
        if !is_local && config.get_ssl_mode() != SslMode::Require {
            return Err(AddressError::PlainText);
        }
        Ok(Self { config })
    }

    /// The embedded cluster behind its Unix socket.
    pub fn embedded(socket_dir: &std::path::Path, user: &str, password: &str) -> Self {
        let mut config = Config::new();
        config.host_path(socket_dir).user(user).password(password).dbname("postgres");
        Self { config }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(mut self, name: &str) -> Self {
        self.config.dbname(name);
        self
    }

    /// Connects as the signed-in user, for migrations and operator commands.
    pub async fn connect_as_operator(
        &self,
    ) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let mut config = self.config.clone();
        config.application_name("veetflow-operator").connect_timeout(Duration::from_secs(5));
        open(config, &Handle::current()).await
    }
}

pub(super) fn pool(
    address: &Address,
    role: Role,
    runtime: &Handle,
    settings: StoreSettings,
) -> Result<Pool, StoreError> {
    let milliseconds = settings.timeout.as_millis();
    let mut config = address.config.clone();
    let given = config.get_options().unwrap_or_default();
    let options = format!(
        "{given} -c role={} -c search_path=veetflow -c timezone=UTC -c statement_timeout={milliseconds} \
         -c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout={}",
        role.name(),
        milliseconds.saturating_mul(2),
    );
    config
        .options(options.trim())
        .application_name(role.name())
        .connect_timeout(settings.timeout)
        .tcp_user_timeout(Duration::from_secs(20))
        .keepalives_idle(Duration::from_secs(30));
    let manager = Manager::from_connect(
        config,
        OnRuntime(runtime.clone()),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    Pool::builder(manager)
        .max_size(settings.connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.timeout))
        .create_timeout(Some(settings.timeout))
        .recycle_timeout(Some(Duration::from_secs(1)))
        .build()
        .map_err(|error| StoreError::Unavailable(Box::new(error)))
}

/// Opens every connection on one fixed runtime, so that its driver never lives on an actix worker: there, one blocked
/// worker would hold up every other worker's statements on that connection.
#[derive(Debug)]
struct OnRuntime(Handle);

impl Connect for OnRuntime {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let (runtime, config) = (self.0.clone(), config.clone());
        Box::pin(async move {
            let driver = runtime.clone();
            match runtime.spawn(async move { open(config, &driver).await }).await {
                Ok(opened) => opened,
                Err(_) => Err(tokio_postgres::Error::__private_api_timeout()),
            }
        })
    }
}

async fn open(
    config: Config,
    runtime: &Handle,
) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    if config.get_ssl_mode() == SslMode::Require {
        let (client, connection) = config.connect(tls()).await?;
        return Ok((client, runtime.spawn(drive(connection))));
    }
    let (client, connection) = config.connect(NoTls).await?;
    Ok((client, runtime.spawn(drive(connection))))
}

/// Runs a connection to its end. Its error reaches every waiting caller through the client; here it needs no second line.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if connection.await.is_err() {
        tracing::debug!("a database connection ended");
    }
}

fn tls() -> MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    MakeRustlsConnect::new(config)
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    /// Policy §5: data in transit is encrypted.
    #[test]
    fn a_database_on_another_machine_must_be_reached_over_tls() {
        assert!(matches!(
            Address::parse("postgres://u@db.example/x"),
            Err(AddressError::PlainText)
        ));
        assert!(matches!(
            Address::parse("postgres://u@db.example/x?sslmode=prefer"),
            Err(AddressError::PlainText)
        ));
        assert!(Address::parse("postgres://u@db.example/x?sslmode=require").is_ok());
        assert!(Address::parse("postgres://u@127.0.0.1/x").is_ok());
        assert!(matches!(Address::parse("mysql://u@h/x"), Err(AddressError::Unreadable)));
    }
}
