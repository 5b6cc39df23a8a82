//! What tenants have spent on models: sums for a day, a provider and a model. Nothing in them leads to a person.

use jiff::civil::Date;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::audit::{Action, Deed, Objects};
use crate::domain::budget::{Money, Spend, Window};
use crate::id::{Id, TenantId};

const RECORD: Statement =
    Statement::application("select record_spending($1, $2, $3, $4, $5, $6, $7, $8)");
const SINCE: Statement = Statement::application("select * from spending_since($1, $2)");
const LINES: Statement = Statement::application(
    "select day, provider, model, requests, input_tokens, output_tokens, micros from spending \
     where tenant_id = $1 and day between $2 and $3 and requests > 0 order by day, provider, model",
);

pub(super) const STATEMENTS: &[Statement] = &[RECORD, SINCE, LINES];

/// One line of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingLine {
    /// Whose.
    pub tenant: TenantId,
    /// On which day (UTC).
    pub day: Date,
    /// Who was asked; empty for what a node had under way when it last wrote, which replaces what it wrote before.
    pub provider: String,
    /// Which model; for what was under way, which node.
    pub model: String,
    /// How much.
    pub spend: Spend,
}

impl Store {
    /// Adds lines to the books, all or none. No two of them are of the same tenant, day, provider and model.
    pub async fn record_spending(&self, lines: &[SpendingLine]) -> Result<(), StoreError> {
        let column = |number: fn(&Spend) -> u64| -> Vec<i64> {
            lines
                .iter()
                .map(|line| i64::try_from(number(&line.spend)).unwrap_or(i64::MAX))
                .collect()
        };
        let tenants: Vec<Uuid> = lines.iter().map(|line| line.tenant.uuid()).collect();
        let days: Vec<Date> = lines.iter().map(|line| line.day).collect();
        let providers: Vec<&str> = lines.iter().map(|line| line.provider.as_str()).collect();
        let models: Vec<&str> = lines.iter().map(|line| line.model.as_str()).collect();
        let requests = column(|spend| spend.requests);
        let inputs = column(|spend| spend.input_tokens);
        let outputs = column(|spend| spend.output_tokens);
        let costs = column(|spend| spend.money.micros());
        let client = self.application().await?;
        client
            .row(
                RECORD,
                &[&tenants, &days, &providers, &models, &requests, &inputs, &outputs, &costs],
            )
            .await?;
        Ok(())
    }

    /// What each tenant has spent today, and since the first of the month.
    pub async fn spending_since(
        &self,
        today: Date,
        first: Date,
    ) -> Result<Vec<(TenantId, Spend, Spend)>, StoreError> {
        let client = self.application().await?;
        let rows = client.rows(SINCE, &[&today, &first]).await?;
        let sums =
            |row: &Row| (Id::from_uuid(row.get("tenant_id")), spend(row, ""), spend(row, "month_"));
        Ok(rows.iter().map(sums).collect())
    }

    /// A tenant's lines from one day to another, both included.
    pub async fn spending(
        &self,
        tenant: TenantId,
        from: Date,
        to: Date,
    ) -> Result<Vec<SpendingLine>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LINES, &[&tenant.uuid(), &from, &to]).await?;
        transaction.commit().await?;
        let line = |row: &Row| SpendingLine {
            tenant,
            day: row.get("day"),
            provider: row.get("provider"),
            model: row.get("model"),
            spend: spend(row, ""),
        };
        Ok(rows.iter().map(line).collect())
    }

    /// Writes into the audit log that a tenant's budget is used up.
    pub async fn note_budget_reached(
        &self,
        tenant: TenantId,
        window: Window,
    ) -> Result<(), StoreError> {
        let amount = match window {
            Window::Conversation => 0,
            Window::Day => 1,
            Window::Month => 2,
        };
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let deed = Deed { action: Action::BudgetReached, objects: Objects::None, amount };
        self.record(&transaction, tenant, &deed).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn spend(row: &Row, prefix: &str) -> Spend {
    let number = |name: &str| {
        u64::try_from(row.get::<_, i64>(format!("{prefix}{name}").as_str())).unwrap_or_default()
    };
    Spend {
        requests: number("requests"),
        input_tokens: number("input_tokens"),
        output_tokens: number("output_tokens"),
        money: Money::from_micros(number("micros")),
    }
}
