//! All tenants with their widgets, for whoever looks after them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Services;
use crate::domain::answering::Instruction;
use crate::id::TenantId;

pub use crate::store::StoreError as DirectoryError;
pub use crate::store::tenants::TenantRow;

/// The instructions in force. A version is never changed, so that each is read once.
#[derive(Debug, Default)]
pub struct Instructions(Mutex<HashMap<TenantId, Arc<Instruction>>>);

impl Instructions {
    fn of(&self, tenant: TenantId, version: i32) -> Option<Arc<Instruction>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&tenant).filter(|known| known.version == version).cloned()
    }

    fn keep(&self, tenant: TenantId, instruction: Arc<Instruction>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, instruction);
    }
}

impl Services {
    /// The tenants as the database now has them.
    pub async fn directory(&self) -> Result<Vec<TenantRow>, DirectoryError> {
        let mut rows = self.store.tenant_directory().await?;
        let mut keys = self.opened_provider_keys().await?;
        for row in &mut rows {
            let version = row.answering.instruction.version;
            if version > 0 {
                let instruction = self.instruction_in_force(row.id, version).await?;
                Arc::make_mut(&mut row.answering).instruction = instruction;
            }
            if let Some(keys) = keys.remove(&row.id) {
                Arc::make_mut(&mut row.answering).keys = keys;
            }
        }
        Ok(rows)
    }

    async fn instruction_in_force(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<Arc<Instruction>, DirectoryError> {
        if let Some(known) = self.instructions.of(tenant, version) {
            return Ok(known);
        }
        let read = self.store.instruction(tenant, version).await?;
        let read = Arc::new(read.ok_or(DirectoryError::Unreadable("an instruction in force"))?);
        self.instructions.keep(tenant, read.clone());
        Ok(read)
    }
}
