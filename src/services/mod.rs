//! What a handler or a conversation may ask for: everything below the actors, in one place.

pub mod answering;
pub mod api_keys;
pub mod audit;
pub mod backups;
pub mod certificates;
pub mod checkpoint;
pub mod children;
pub mod consent;
pub mod demo;
pub mod directory;
pub mod documents;
pub mod note;
pub mod notice;
pub mod provider_keys;
pub mod questions;
pub mod receipt;
pub mod recording;
pub mod restoring;
pub mod session;
pub mod shelving;
pub mod spending;
pub mod widgets;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::id::{Ids, NodeId};
use crate::ledger::Ledger;
use crate::providers::Accounts;
use crate::store::Store;
use crate::vault::{Vault, VaultError};

/// Everything below the actors.
#[derive(Debug, Clone)]
pub struct Services {
    /// The time.
    pub clock: SharedClock,
    /// New identifiers.
    pub ids: Ids,
    /// This process.
    pub node: NodeId,
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The keys.
    pub vault: Vault,
    /// Visitors at the door: tokens, tickets, the age gate.
    pub door: Arc<session::Door>,
    /// Tenants' documents in memory.
    pub shelving: Arc<shelving::Shelving>,
    /// What tenants have spent on models, and may yet.
    pub accounts: Arc<Accounts>,
    /// What tenants tell models, as far as it was read.
    pub instructions: Arc<directory::Instructions>,
    /// Tenants' own keys for providers, as far as they were opened.
    pub opened_keys: Arc<provider_keys::OpenedKeys>,
    /// Rung when something waits for the purge that should not wait for its hour.
    pub purge_bell: Arc<Notify>,
    /// What was erased, on record outside the database.
    pub ledger: Arc<Ledger>,
    /// The runtime for work that would block a worker.
    pub runtime: Handle,
}

impl Services {
    /// The same services, used on behalf of somebody: what is done through them is written down as theirs.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { store: self.store.by(actor), ..self.clone() }
    }

    /// Runs work with keys on a thread that may wait for the disk.
    async fn with_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let vault = self.vault.clone();
        match self.runtime.spawn_blocking(move || work(&vault)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(VaultError::Unavailable { reason: "the keyring thread ended".to_owned() })
            }
        }
    }
}
