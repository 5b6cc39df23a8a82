//! Tenants' own keys for providers. What was set is never shown again: not in logs, not in errors, not in the interface.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Services;
use crate::code::{Coded, ErrorCode};
use crate::domain::answering::{ProviderKey, is_fit_for_key};
use crate::id::{ProviderKeyId, TenantId};
use crate::store::StoreError;
use crate::store::provider_keys::ProviderKeyRow;
use crate::vault::{Place, Scope, SealedColumn, VaultError};

/// The keys of tenants as they are used, each opened once and forgotten when its row is gone.
#[derive(Debug, Default)]
pub struct OpenedKeys(Mutex<HashMap<ProviderKeyId, SecretString>>);

/// Why a key was not set or removed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderKeyError {
    /// No such provider, or no key to remove.
    #[error("there is no such provider or key")]
    Missing,
    /// A text that is no key.
    #[error("this is no key: 8 to 512 printable characters without spaces")]
    Unfit,
    /// The database.
    #[error("the key could not be stored")]
    Store(#[from] StoreError),
    /// The keys.
    #[error("the key could not be sealed")]
    Vault(#[from] VaultError),
}

impl Coded for ProviderKeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::NotFound,
            Self::Unfit => ErrorCode::BadRequest,
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }
}

/// A provider as a tenant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderInfo {
    /// Its name.
    pub name: String,
    /// The model that is asked.
    pub model: String,
    /// Whether the operator has set it up, so that a grant is enough.
    pub is_set_up: bool,
    /// When the tenant set a key of its own, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub own_key_set_at: Option<Timestamp>,
}

fn place(tenant: TenantId, id: ProviderKeyId) -> Place {
    let conversation = Scope::of_provider_key(tenant, id).conversation;
    Place { column: SealedColumn::ProviderKey, tenant, conversation, record: id.uuid(), kind: 0 }
}

impl Services {
    /// The providers that a tenant can be answered by, and for which it has a key.
    pub async fn providers_of(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<ProviderInfo>, ProviderKeyError> {
        let rows = self.store.provider_keys(tenant).await?;
        let models = self.config.providers.models();
        let info = |(name, model): (&str, &crate::config::Model)| ProviderInfo {
            name: name.to_owned(),
            model: model.model.clone(),
            is_set_up: model.is_set_up(),
            own_key_set_at: rows.iter().find(|row| row.provider == name).map(|row| row.set_at),
        };
        Ok(models.into_iter().map(info).collect())
    }

    /// Seals a tenant's key for a provider; a former one is destroyed.
    pub async fn set_provider_key(
        &self,
        tenant: TenantId,
        provider: &str,
        secret: SecretString,
    ) -> Result<(), ProviderKeyError> {
        if !self.config.providers.models().iter().any(|(name, _)| *name == provider) {
            return Err(ProviderKeyError::Missing);
        }
        if !is_fit_for_key(secret.expose_secret()) {
            return Err(ProviderKeyError::Unfit);
        }
        let id: ProviderKeyId = self.ids.next();
        let sealed = self
            .with_vault(move |vault| {
                let key = vault.mint(Scope::of_provider_key(tenant, id))?;
                key.seal(place(tenant, id), &secret.expose_secret().to_owned())
            })
            .await?;
        let (provider, set_at) = (provider.to_owned(), self.clock.now());
        let row = ProviderKeyRow { tenant, provider, id, sealed, set_at };
        match self.store.set_provider_key(&row).await? {
            Some(former) => Ok(self.destroy_provider_key(tenant, former).await?),
            None => Ok(()),
        }
    }

    /// Destroys a tenant's key for a provider.
    pub async fn remove_provider_key(
        &self,
        tenant: TenantId,
        provider: &str,
    ) -> Result<(), ProviderKeyError> {
        let rows = self.store.provider_keys(tenant).await?;
        let row = rows.into_iter().find(|row| row.provider == provider);
        let row = row.ok_or(ProviderKeyError::Missing)?;
        self.destroy_provider_key(tenant, row.id).await?;
        Ok(self.store.delete_provider_key(tenant, provider, row.id).await?)
    }

    async fn destroy_provider_key(
        &self,
        tenant: TenantId,
        id: ProviderKeyId,
    ) -> Result<(), VaultError> {
        self.opened_keys.forget(id);
        let now = self.clock.now();
        self.with_vault(move |vault| vault.revoke(Scope::of_provider_key(tenant, id), now)).await
    }

    /// The keys of all tenants, opened. One that cannot be opened is left out: its tenant is answered without it.
    pub(super) async fn opened_provider_keys(
        &self,
    ) -> Result<HashMap<TenantId, BTreeMap<String, ProviderKey>>, StoreError> {
        let rows = self.store.all_provider_keys().await?;
        self.opened_keys.retain(&rows);
        let mut keys: HashMap<TenantId, BTreeMap<String, ProviderKey>> = HashMap::new();
        for row in rows {
            let (tenant, provider, id) = (row.tenant, row.provider.clone(), row.id);
            let secret = match self.opened_keys.of(id) {
                Some(known) => known,
                None => match self.open_provider_key(row).await {
                    Ok(secret) => secret,
                    Err(error) => {
                        tracing::warn!(key = %id, error = %error, "a provider's key cannot be opened");
                        continue;
                    }
                },
            };
            keys.entry(tenant).or_default().insert(provider, ProviderKey { id, secret });
        }
        Ok(keys)
    }

    async fn open_provider_key(&self, row: ProviderKeyRow) -> Result<SecretString, VaultError> {
        let ProviderKeyRow { tenant, id, sealed, .. } = row;
        let opened: String = self
            .with_vault(move |vault| {
                vault.key(Scope::of_provider_key(tenant, id))?.open(place(tenant, id), &sealed)
            })
            .await?;
        let secret = SecretString::from(opened);
        self.opened_keys.keep(id, secret.clone());
        Ok(secret)
    }
}

impl OpenedKeys {
    fn of(&self, id: ProviderKeyId) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, id: ProviderKeyId, secret: SecretString) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, secret);
    }

    fn forget(&self, id: ProviderKeyId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn retain(&self, rows: &[ProviderKeyRow]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| rows.iter().any(|row| row.id == *id));
    }
}
