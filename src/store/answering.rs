//! How tenants' visitors are answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::answering::{AnswerSettings, Answering, Grant, Instruction};
use crate::domain::audit::{Action, Deed, Objects};
use crate::id::TenantId;

const ALL: Statement = Statement::application(
    "select tenant_id, answering, granted, instruction_version from tenant_answering()",
);
const ONE: Statement = Statement::application(
    "select answering, granted, instruction_version from tenant where tenant_id = $1",
);
const CHOOSE: Statement =
    Statement::application("update tenant set answering = $2 where tenant_id = $1");
const GRANT: Statement =
    Statement::application("update tenant set granted = $2 where tenant_id = $1");

pub(super) const STATEMENTS: &[Statement] = &[ALL, ONE, CHOOSE, GRANT];

impl Store {
    /// The rules of all tenants that have some; of the instruction only the version.
    pub(super) async fn all_answering(&self) -> Result<HashMap<Uuid, Arc<Answering>>, StoreError> {
        let client = self.application().await?;
        let rows = client.rows(ALL, &[]).await?;
        Ok(rows.iter().map(|row| (row.get("tenant_id"), Arc::new(rules(row)))).collect())
    }

    /// The rules of one tenant; of the instruction only the version.
    pub async fn answering(&self, tenant: TenantId) -> Result<Option<Answering>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(ONE, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(rules))
    }

    /// Stores what a tenant chose; false when there is no such tenant.
    pub async fn set_answering(
        &self,
        tenant: TenantId,
        settings: &AnswerSettings,
    ) -> Result<bool, StoreError> {
        self.set(tenant, CHOOSE, settings.to_stored(), Action::AnsweringChanged).await
    }

    /// Stores what the operator grants; false when there is no such tenant.
    pub async fn set_grant(&self, tenant: TenantId, grant: Grant) -> Result<bool, StoreError> {
        self.set(tenant, GRANT, grant.to_stored(), Action::GrantChanged).await
    }

    async fn set(
        &self,
        tenant: TenantId,
        statement: Statement,
        stored: String,
        action: Action,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let changed = transaction.run(statement, &[&tenant.uuid(), &stored]).await?;
        if changed == 1 {
            let deed = Deed { action, objects: Objects::None, amount: 1 };
            self.record(&transaction, tenant, &deed).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }
}

fn rules(row: &Row) -> Answering {
    let version = row.get("instruction_version");
    Answering {
        settings: AnswerSettings::from_stored(row.get("answering")),
        grant: Grant::from_stored(row.get("granted")),
        instruction: Arc::new(Instruction { version, ..Instruction::default() }),
        keys: BTreeMap::default(),
    }
}
