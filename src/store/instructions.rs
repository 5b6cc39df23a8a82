//! What tenants tell models of their part, version by version. A version is never changed.

use jiff::Timestamp;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::answering::Instruction;
use crate::domain::audit::{Action, Deed, Objects};
use crate::id::TenantId;

const LOCK: Statement = Statement::application(
    "select instruction_version from tenant where tenant_id = $1 for no key update",
);
const ADD: Statement = Statement::application(
    "insert into instruction (tenant_id, version, zh, en, created_at) \
     select $1, coalesce(max(version), 0) + 1, $2, $3, $4 from instruction where tenant_id = $1 returning version",
);
const CHOOSE: Statement = Statement::application(
    "update tenant set instruction_version = $2 where tenant_id = $1 \
     and ($2 = 0 or exists (select 1 from instruction where tenant_id = $1 and version = $2))",
);
const LIST: Statement = Statement::application(
    "select i.version, i.created_at, i.version = t.instruction_version as is_current \
     from instruction i join tenant t using (tenant_id) where i.tenant_id = $1 order by i.version",
);
const ONE: Statement = Statement::application(
    "select version, zh, en from instruction where tenant_id = $1 and version = $2",
);

pub(super) const STATEMENTS: &[Statement] = &[LOCK, ADD, CHOOSE, LIST, ONE];

/// A version as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionRow {
    /// Its number.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is in force.
    pub is_current: bool,
}

impl Store {
    /// Adds a version and puts it in force; gives its number, or `None` when there is no such tenant.
    pub async fn add_instruction(
        &self,
        tenant: TenantId,
        instruction: &Instruction,
        at: Timestamp,
    ) -> Result<Option<i32>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        if transaction.row_if_any(LOCK, &[&tenant.uuid()]).await?.is_none() {
            return Ok(None);
        }
        let Instruction { zh, en, .. } = instruction;
        let row = transaction.row(ADD, &[&tenant.uuid(), zh, en, &at]).await?;
        let version: i32 = row.get("version");
        transaction.run(CHOOSE, &[&tenant.uuid(), &version]).await?;
        self.record(&transaction, tenant, &chosen(version)).await?;
        transaction.commit().await?;
        Ok(Some(version))
    }

    /// Puts an earlier version in force, 0 for the program's own words; false when there is none of that number.
    pub async fn choose_instruction(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let changed = transaction.run(CHOOSE, &[&tenant.uuid(), &version]).await?;
        if changed == 1 {
            self.record(&transaction, tenant, &chosen(version)).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// All versions, oldest first.
    pub async fn instructions(&self, tenant: TenantId) -> Result<Vec<InstructionRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        let listed = |row: &tokio_postgres::Row| InstructionRow {
            version: row.get("version"),
            created_at: row.get("created_at"),
            is_current: row.get("is_current"),
        };
        Ok(rows.iter().map(listed).collect())
    }

    /// The words of one version.
    pub async fn instruction(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<Option<Instruction>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(ONE, &[&tenant.uuid(), &version]).await?;
        transaction.commit().await?;
        Ok(row.map(|row| Instruction {
            version: row.get("version"),
            zh: row.get("zh"),
            en: row.get("en"),
        }))
    }
}

fn chosen(version: i32) -> Deed {
    Deed { action: Action::InstructionChosen, objects: Objects::None, amount: version.into() }
}
