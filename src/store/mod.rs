//! PostgreSQL: the only room that contains SQL. One file per aggregate.
//!
//! Every statement runs as a role that owns nothing, and every statement about a tenant's rows runs inside a transaction
//! that names the tenant first, so that row-level security has the last word. The hot path, [`lane`], is one call of a
//! function that judges each row by itself.

mod answering;
pub mod api_keys;
pub mod archive;
pub mod audit;
pub mod children;
mod connect;
pub mod consents;
pub mod conversations;
pub mod documents;
pub mod holds;
pub mod installation;
pub mod instructions;
pub mod lane;
pub mod migrate;
pub mod provider_keys;
pub mod purging;
pub mod restoring;
pub mod spending;
mod statement;
pub mod tenants;
pub mod turns;
pub mod unanswered;
pub mod visitors;
mod widgets;

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError, Transaction};
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;

use crate::code::{Coded, ErrorCode};
use crate::id::TenantId;

use statement::Runs;

pub use connect::{Address, AddressError};
pub use statement::{Role, Statement, all_statements};

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or too busy; nothing was changed, or the same call may be repeated.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused the statement itself: a defect of ours.
    #[error("the database refused a statement ({})", .0.code().map_or("no code", SqlState::code))]
    Refused(#[source] tokio_postgres::Error),
    /// A row that cannot be what this program wrote.
    #[error("a stored row is not readable: {0}")]
    Unreadable(&'static str),
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Refused(_) | Self::Unreadable(_) => ErrorCode::Internal,
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        // Classes 08 (connection), 53 (out of disk, memory, connections), 57 (shut down, cancelled), 58 (system error),
        // 40 (rolled back by a conflict) and 25006 (read-only) pass by themselves.
        let passes = error.code().is_none_or(|state| {
            ["08", "53", "57", "58", "40"].iter().any(|class| state.code().starts_with(class))
                || *state == SqlState::READ_ONLY_SQL_TRANSACTION
                || *state == SqlState::LOCK_NOT_AVAILABLE
        });
        if passes { Self::Unavailable(Box::new(error)) } else { Self::Refused(error) }
    }
}

impl From<PoolError> for StoreError {
    /// Whatever keeps a connection from being made passes by itself: a database that starts, stops or refuses callers.
    fn from(error: PoolError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// The database as the rest of the house sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    application: Pool,
    purge: Pool,
    lane: lane::Lane,
    witness: audit::Witness,
}

/// How the store is set up.
#[derive(Debug, Clone, Copy)]
pub struct StoreSettings {
    /// Connections of the application.
    pub connections: usize,
    /// How long to wait for a connection, and for a statement.
    pub timeout: Duration,
}

impl Store {
    /// Opens the pools; every connection's driver lives on `runtime`, so a busy worker slows nobody else down.
    pub fn open(
        address: &Address,
        runtime: &Handle,
        settings: StoreSettings,
    ) -> Result<Self, StoreError> {
        let application = connect::pool(address, Role::Application, runtime, settings)?;
        let few = StoreSettings { connections: 3, ..settings };
        let purge = connect::pool(address, Role::Purge, runtime, few)?;
        let lane = lane::Lane::start(application.clone(), runtime, settings.timeout);
        Ok(Self { application, purge, lane, witness: audit::Witness::default() })
    }

    /// Where turns are appended.
    pub fn lane(&self) -> &lane::Lane {
        &self.lane
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.application().await?.simple_query("").await?;
        Ok(())
    }

    /// Closes the pools; connections in use end when they come back.
    pub fn close(&self) {
        self.application.close();
        self.purge.close();
    }

    async fn application(&self) -> Result<Object, StoreError> {
        Ok(self.application.get().await?)
    }

    async fn purge(&self) -> Result<Object, StoreError> {
        Ok(self.purge.get().await?)
    }

    /// A client of the given role, for the test that prepares every statement.
    pub async fn client(&self, role: Role) -> Result<Object, StoreError> {
        match role {
            Role::Application => self.application().await,
            Role::Purge => self.purge().await,
        }
    }
}

/// Begins a transaction that sees one tenant and no other. The setting ends with the transaction, so a pooled connection
/// never carries it to the next user.
async fn begin(client: &mut Object, tenant: TenantId) -> Result<Transaction<'_>, StoreError> {
    let transaction = client.transaction().await?;
    transaction.run(statement::NAME_TENANT, &[&tenant.uuid().to_string()]).await?;
    Ok(transaction)
}
