//! Tenants' API keys, by their digests.

use jiff::Timestamp;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::api_key::ApiDigest;
use crate::domain::audit::{Action, Deed};
use crate::domain::tenant::TenantState;
use crate::id::{ApiKeyId, Id, TenantId};

const CREATE: Statement = Statement::application(
    "insert into api_key (tenant_id, key_id, digest, label, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)",
);
const LIST: Statement = Statement::application(
    "select key_id, label, created_at, expires_at, revoked_at from api_key where tenant_id = $1 order by key_id",
);
const REVOKE: Statement = Statement::application(
    "update api_key set revoked_at = $3 where tenant_id = $1 and key_id = $2 and revoked_at is null",
);
const DISCARD: Statement =
    Statement::purge("delete from api_key where tenant_id = $1 and key_id = $2");
const HOLDER: Statement =
    Statement::application("select tenant_id, key_id, tenant_state from holder_of_key($1, $2)");

pub(super) const STATEMENTS: &[Statement] = &[CREATE, LIST, REVOKE, DISCARD, HOLDER];

/// A key about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    /// Which.
    pub id: ApiKeyId,
    /// Whose.
    pub tenant: TenantId,
    /// What is kept of the secret.
    pub digest: ApiDigest,
    /// What the operator calls it.
    pub label: &'a str,
    /// When it is made.
    pub created_at: Timestamp,
    /// The first instant at which it opens nothing, if there is one.
    pub expires_at: Option<Timestamp>,
}

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Which.
    pub id: ApiKeyId,
    /// What the operator calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first instant at which it opens nothing, if there is one.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: ApiKeyId,
    /// Whether the tenant is served.
    pub state: TenantState,
}

impl Store {
    /// Keeps a new key.
    pub async fn create_api_key(&self, new: &NewApiKey<'_>) -> Result<(), StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, new.tenant).await?;
        transaction
            .run(
                CREATE,
                &[
                    &new.tenant.uuid(),
                    &new.id.uuid(),
                    &new.digest.as_bytes(),
                    &new.label,
                    &new.created_at,
                    &new.expires_at,
                ],
            )
            .await?;
        self.record(&transaction, new.tenant, &Deed::on(Action::ApiKeyMade, new.id.uuid())).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All keys of a tenant, revoked and expired ones included, oldest first.
    pub async fn api_keys(&self, tenant: TenantId) -> Result<Vec<ApiKeyRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        let key = |row: &tokio_postgres::Row| ApiKeyRow {
            id: Id::from_uuid(row.get::<_, Uuid>("key_id")),
            label: row.get("label"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            revoked_at: row.get("revoked_at"),
        };
        Ok(rows.iter().map(key).collect())
    }

    /// Revokes a key from `at` on; false when there is none to revoke.
    pub async fn revoke_api_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let changed = transaction.run(REVOKE, &[&tenant.uuid(), &key.uuid(), &at]).await?;
        if changed == 1 {
            self.record(&transaction, tenant, &Deed::on(Action::ApiKeyRevoked, key.uuid())).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Deletes a key that one command made for itself.
    pub async fn discard_api_key(&self, tenant: TenantId, key: ApiKeyId) -> Result<(), StoreError> {
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        transaction.run(DISCARD, &[&tenant.uuid(), &key.uuid()]).await?;
        let deed = Deed::on(Action::ApiKeyRevoked, key.uuid());
        self.record_by_purge(&transaction, tenant, &deed).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Who holds the key of this digest; `None` when it is unknown, revoked or expired.
    pub async fn holder_of_key(
        &self,
        digest: ApiDigest,
        at: Timestamp,
    ) -> Result<Option<KeyHolder>, StoreError> {
        let client = self.application().await?;
        let row = client.row_if_any(HOLDER, &[&digest.as_bytes(), &at]).await?;
        Ok(row.map(|row| KeyHolder {
            tenant: Id::from_uuid(row.get::<_, Uuid>("tenant_id")),
            key: Id::from_uuid(row.get::<_, Uuid>("key_id")),
            state: TenantState::from_stored(row.get("tenant_state")),
        }))
    }
}
