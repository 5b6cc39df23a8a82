//! Brings a database to this program's schema. The migrations are compiled in; an advisory lock lets many nodes start at
//! once.

use tokio_postgres::Client;

use super::StoreError;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Any number, the same in every version of the program.
const MIGRATION_LOCK: i64 = 0x7665_6574_666c_6f77;

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database is away or refused the lock.
    #[error("the database could not be prepared for migration")]
    Store(#[from] StoreError),
    /// A migration failed; it was rolled back.
    #[error("a migration failed and was rolled back: {0}")]
    Migration(#[from] refinery::Error),
}

/// Applies what is missing and says how many migrations that was.
pub async fn migrate(client: &mut Client) -> Result<usize, MigrateError> {
    client
        .execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(StoreError::from)?;
    let report = embedded::migrations::runner().run_async(client).await;
    client
        .execute("select pg_advisory_unlock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(StoreError::from)?;
    Ok(report?.applied_migrations().len())
}
