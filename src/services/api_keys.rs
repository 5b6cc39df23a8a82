//! API keys of tenants: made once, shown once, looked up by their digest.

use jiff::Timestamp;

use super::Services;
use crate::domain::api_key::{ApiSecret, LabelError, parse_label};
use crate::id::{ApiKeyId, Ids, TenantId};
use crate::store::api_keys::NewApiKey;
use crate::store::{Store, StoreError};

pub use crate::store::api_keys::KeyHolder;

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// What it should be called.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The machine gives no randomness.
    #[error("this machine gives no random numbers")]
    Randomness,
    /// The database.
    #[error("the key could not be stored")]
    Store(#[from] StoreError),
}

/// Makes a key. The secret is given back once and kept nowhere.
pub async fn create(
    store: &Store,
    ids: &Ids,
    tenant: TenantId,
    label: &str,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<(ApiKeyId, ApiSecret), KeyError> {
    let label = parse_label(label)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| KeyError::Randomness)?;
    let secret = ApiSecret::of(random);
    let id = ids.next();
    let digest = secret.digest();
    store
        .create_api_key(&NewApiKey { id, tenant, digest, label, created_at: now, expires_at })
        .await?;
    Ok((id, secret))
}

impl Services {
    /// Whose key this is; `None` when it opens nothing now.
    pub async fn key_holder(&self, secret: &ApiSecret) -> Result<Option<KeyHolder>, StoreError> {
        self.store.holder_of_key(secret.digest(), self.clock.now()).await
    }
}
