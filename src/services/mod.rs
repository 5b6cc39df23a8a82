//! What a handler or a conversation may ask for: everything below the actors, in one place.

pub mod consent;
pub mod demo;
pub mod directory;
pub mod notice;
pub mod recording;
pub mod session;

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::id::{Ids, NodeId};
use crate::store::Store;
use crate::vault::Vault;

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
    /// The runtime for work that would block a worker.
    pub runtime: Handle,
}
