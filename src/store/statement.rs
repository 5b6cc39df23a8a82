//! The list of all statements, so that a test can prepare each of them against a migrated database.

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use crate::store::{
    answering, api_keys, audit, children, consents, conversations, documents, holds, installation,
    instructions, lane, provider_keys, purging, restoring, spending, tenants, turns, unanswered,
    visitors, widgets,
};

/// Which role runs a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Requests.
    Application,
    /// The purge, the only one that may delete.
    Purge,
}

impl Role {
    /// The database role.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Application => "veetflow_app",
            Self::Purge => "veetflow_purge",
        }
    }
}

/// One statement.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// Who runs it.
    pub role: Role,
    /// The text.
    pub sql: &'static str,
}

impl Statement {
    pub(super) const fn application(sql: &'static str) -> Self {
        Self { role: Role::Application, sql }
    }

    pub(super) const fn purge(sql: &'static str) -> Self {
        Self { role: Role::Purge, sql }
    }
}

pub(super) const NAME_TENANT: Statement =
    Statement::application("select set_config('veetflow.tenant', $1, true)");

/// Every statement of the program.
pub fn all_statements() -> Vec<Statement> {
    [
        &[NAME_TENANT][..],
        answering::STATEMENTS,
        api_keys::STATEMENTS,
        audit::STATEMENTS,
        children::STATEMENTS,
        consents::STATEMENTS,
        conversations::STATEMENTS,
        documents::STATEMENTS,
        holds::STATEMENTS,
        installation::STATEMENTS,
        instructions::STATEMENTS,
        lane::STATEMENTS,
        provider_keys::STATEMENTS,
        purging::STATEMENTS,
        restoring::STATEMENTS,
        spending::STATEMENTS,
        tenants::STATEMENTS,
        turns::STATEMENTS,
        unanswered::STATEMENTS,
        visitors::STATEMENTS,
        widgets::STATEMENTS,
    ]
    .concat()
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Runs statements of the list, each prepared once a connection.
pub(super) trait Runs {
    /// All rows.
    async fn rows(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Error>;

    /// Exactly one row.
    async fn row(&self, statement: Statement, parameters: Parameters<'_>) -> Result<Row, Error>;

    /// One row or none.
    async fn row_if_any(
        &self,
        statement: Statement,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, Error>;

    /// The number of rows changed.
    async fn run(&self, statement: Statement, parameters: Parameters<'_>) -> Result<u64, Error>;
}

macro_rules! runs {
    ($($client:ty),*) => {$(
        impl Runs for $client {
            async fn rows(&self, statement: Statement, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
                let prepared = GenericClient::prepare_cached(self, statement.sql).await?;
                self.query(&prepared, parameters).await
            }

            async fn row(&self, statement: Statement, parameters: Parameters<'_>) -> Result<Row, Error> {
                let prepared = GenericClient::prepare_cached(self, statement.sql).await?;
                self.query_one(&prepared, parameters).await
            }

            async fn row_if_any(
                &self,
                statement: Statement,
                parameters: Parameters<'_>,
            ) -> Result<Option<Row>, Error> {
                let prepared = GenericClient::prepare_cached(self, statement.sql).await?;
                self.query_opt(&prepared, parameters).await
            }

            async fn run(&self, statement: Statement, parameters: Parameters<'_>) -> Result<u64, Error> {
                let prepared = GenericClient::prepare_cached(self, statement.sql).await?;
                self.execute(&prepared, parameters).await
            }
        }
    )*};
}

runs!(Transaction<'_>, deadpool_postgres::Client);
