//! Visitors: what they answered about age and what they allow.

use tokio_postgres::Row;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::age::AgeBracket;
use crate::domain::consent::{Purposes, Standing};
use crate::id::{TenantId, VisitorId};
use crate::privacy::retention::Stamped;

pub(super) const READ: Statement = Statement::application(
    "select age_bracket, policy_version, granted, consent_epoch, gpc, restricted, objected from visitor \
     where tenant_id = $1 and visitor_id = $2",
);
pub(super) const APPEAR: Statement = Statement::application(
    "insert into visitor (tenant_id, visitor_id, retention_class, anchor_at) values ($1, $2, $3, $4) \
     on conflict (tenant_id, visitor_id) do update set anchor_at = greatest(visitor.anchor_at, excluded.anchor_at)",
);
const SET_AGE: Statement = Statement::application(
    "update visitor set age_bracket = $3 where tenant_id = $1 and visitor_id = $2",
);
pub(super) const STATEMENTS: &[Statement] = &[READ, APPEAR, SET_AGE];

/// What is known about a visitor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VisitorRow {
    /// The age bracket, if answered.
    pub age: Option<AgeBracket>,
    /// What is granted.
    pub standing: Standing,
    /// Whether their browser once sent Global Privacy Control.
    pub has_signalled: bool,
    /// Whether they asked for restriction.
    pub is_restricted: bool,
    /// What they objected to.
    pub objected: Purposes,
}

pub(super) fn visitor_from(row: &Row) -> VisitorRow {
    VisitorRow {
        age: AgeBracket::from_stored(row.get("age_bracket")),
        standing: Standing {
            policy_version: row.get("policy_version"),
            granted: Purposes::from_stored(row.get("granted")),
            epoch: row.get("consent_epoch"),
        },
        has_signalled: row.get("gpc"),
        is_restricted: row.get("restricted"),
        objected: Purposes::from_stored(row.get("objected")),
    }
}

impl Store {
    /// What is known about a visitor; a visitor never seen has answered nothing and allowed nothing.
    pub async fn visitor(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<VisitorRow, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(READ, &[&tenant.uuid(), &visitor.uuid()]).await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(visitor_from).unwrap_or_default())
    }

    /// Records the age bracket.
    pub async fn record_age(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
        age: Stamped<AgeBracket>,
    ) -> Result<(), StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let class = age.class().as_str();
        transaction.run(APPEAR, &[&tenant.uuid(), &visitor.uuid(), &class, &age.anchor()]).await?;
        transaction
            .run(SET_AGE, &[&tenant.uuid(), &visitor.uuid(), &age.get().to_stored()])
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
