//! Tenants' own keys for providers, sealed.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::audit::{Action, Deed};
use crate::id::{Id, ProviderKeyId, TenantId};
use crate::vault::Sealed;

const ALL: Statement = Statement::application(
    "select tenant_id, provider, key_id, sealed, set_at from tenant_provider_keys()",
);
const LIST: Statement = Statement::application(
    "select tenant_id, provider, key_id, sealed, set_at from provider_key where tenant_id = $1 order by provider",
);
const FORMER: Statement = Statement::application(
    "select key_id from provider_key where tenant_id = $1 and provider = $2 for update",
);
const SET: Statement = Statement::application(
    "insert into provider_key (tenant_id, provider, key_id, sealed, set_at) values ($1, $2, $3, $4, $5) \
     on conflict (tenant_id, provider) do update \
     set key_id = excluded.key_id, sealed = excluded.sealed, set_at = excluded.set_at",
);
const DELETE: Statement = Statement::purge(
    "delete from provider_key where tenant_id = $1 and provider = $2 and key_id = $3",
);

pub(super) const STATEMENTS: &[Statement] = &[ALL, LIST, FORMER, SET, DELETE];

/// A key as it is stored.
#[derive(Debug)]
pub struct ProviderKeyRow {
    /// Whose.
    pub tenant: TenantId,
    /// For which provider.
    pub provider: String,
    /// Which.
    pub id: ProviderKeyId,
    /// The secret.
    pub sealed: Sealed<String>,
    /// When it was set.
    pub set_at: Timestamp,
}

impl Store {
    /// The keys of all tenants.
    pub async fn all_provider_keys(&self) -> Result<Vec<ProviderKeyRow>, StoreError> {
        let client = self.application().await?;
        Ok(client.rows(ALL, &[]).await?.iter().map(key).collect())
    }

    /// The keys of one tenant, by provider.
    pub async fn provider_keys(&self, tenant: TenantId) -> Result<Vec<ProviderKeyRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(key).collect())
    }

    /// Stores a key in place of a former one, whose identifier it gives.
    pub async fn set_provider_key(
        &self,
        row: &ProviderKeyRow,
    ) -> Result<Option<ProviderKeyId>, StoreError> {
        let ProviderKeyRow { tenant, provider, id, sealed, set_at } = row;
        let mut client = self.application().await?;
        let transaction = begin(&mut client, *tenant).await?;
        let former = transaction.row_if_any(FORMER, &[&tenant.uuid(), provider]).await?;
        transaction
            .run(SET, &[&tenant.uuid(), provider, &id.uuid(), &sealed.as_bytes(), set_at])
            .await?;
        let deed = Deed::on(Action::ProviderKeySet, id.uuid());
        self.record(&transaction, *tenant, &deed).await?;
        transaction.commit().await?;
        Ok(former.map(|row| Id::from_uuid(row.get("key_id"))))
    }

    /// Deletes the row of a key.
    pub async fn delete_provider_key(
        &self,
        tenant: TenantId,
        provider: &str,
        id: ProviderKeyId,
    ) -> Result<(), StoreError> {
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let deleted = transaction.run(DELETE, &[&tenant.uuid(), &provider, &id.uuid()]).await?;
        if deleted == 1 {
            let deed = Deed::on(Action::ProviderKeyRemoved, id.uuid());
            self.record_by_purge(&transaction, tenant, &deed).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn key(row: &Row) -> ProviderKeyRow {
    ProviderKeyRow {
        tenant: Id::from_uuid(row.get("tenant_id")),
        provider: row.get("provider"),
        id: Id::from_uuid(row.get("key_id")),
        sealed: Sealed::from_stored(row.get("sealed")),
        set_at: row.get("set_at"),
    }
}
