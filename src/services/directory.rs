//! All tenants with their widgets, for whoever looks after them.

use super::Services;

pub use crate::store::StoreError as DirectoryError;
pub use crate::store::tenants::TenantRow;

impl Services {
    /// The tenants as the database now has them.
    pub async fn directory(&self) -> Result<Vec<TenantRow>, DirectoryError> {
        self.store.tenant_directory().await
    }
}
