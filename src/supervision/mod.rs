//! Who is alive. actix restarts an actor that stopped, not one that panicked: there the mailbox closes for good. So work
//! that may panic runs behind a [`guard`], and a [`keeper`] looks at each ward every heartbeat and builds it anew if its
//! mailbox has closed.

pub mod auditor;
pub mod bookkeeper;
pub mod caretaker;
pub mod guard;
pub mod keeper;
pub mod librarian;
pub mod purge;
pub mod tenants;

use std::sync::Arc;

use actix::Addr;

use crate::conversation::gate::Gates;
use crate::conversation::hub::Hub;
use crate::services::Services;

use auditor::Auditor;
use bookkeeper::Bookkeeper;
use caretaker::Caretaker;
use keeper::{Keeper, Post};
use librarian::Librarian;
use purge::PurgeSupervisor;
use tenants::TenantDirectory;

type Keepers = (
    Addr<Keeper<PurgeSupervisor>>,
    Addr<Keeper<TenantDirectory>>,
    Addr<Keeper<Caretaker>>,
    Addr<Keeper<Librarian>>,
    Addr<Keeper<Auditor>>,
    Addr<Keeper<Bookkeeper>>,
);

/// The supervisors of one node.
#[derive(Debug)]
pub struct Tree {
    /// Where the purge supervisor is found.
    pub purge: Post<PurgeSupervisor>,
    /// Where the tenant directory is found.
    pub tenants: Post<TenantDirectory>,
    /// Where the librarian is found.
    pub librarian: Post<Librarian>,
    _keepers: Keepers,
}

impl Tree {
    /// Starts the supervisors on this thread's arbiter.
    pub fn start(services: &Services, hub: &Arc<Hub>, gates: &Arc<Gates>) -> Self {
        let (tenants, directory) = {
            let (services, gates) = (services.clone(), gates.clone());
            Keeper::watch("tenant directory", move || {
                TenantDirectory::new(services.clone(), gates.clone())
            })
        };
        let (purge, purging) = {
            let (services, hub) = (services.clone(), hub.clone());
            Keeper::watch("purge", move || PurgeSupervisor::new(services.clone(), hub.clone()))
        };
        let (_, caretaking) = {
            let (services, hub) = (services.clone(), hub.clone());
            Keeper::watch("caretaker", move || Caretaker::new(services.clone(), hub.clone()))
        };
        let (librarian, shelving) = {
            let services = services.clone();
            Keeper::watch("librarian", move || Librarian::new(services.clone()))
        };
        let (_, auditing) = {
            let services = services.clone();
            Keeper::watch("auditor", move || Auditor::new(services.clone()))
        };
        let (_, bookkeeping) = {
            let services = services.clone();
            Keeper::watch("bookkeeper", move || Bookkeeper::new(services.clone()))
        };
        let keepers = (purging, directory, caretaking, shelving, auditing, bookkeeping);
        Self { purge, tenants, librarian, _keepers: keepers }
    }
}
