//! The books: what tenants have spent on models is written down once a second, and read back at a start.
//!
//! What was under way when a node wrote last stands in a line of its own with the most that it can cost. After a crash that
//! line stays, so that a budget errs on the side of the tenant's purse.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::Services;
use crate::domain::budget::{Caps, Spend};
use crate::id::TenantId;
use crate::providers::Unwritten;
use crate::store::StoreError;
use crate::store::spending::SpendingLine;

/// What a tenant has spent in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Spending {
    /// The currency of all amounts.
    pub currency: String,
    /// The month, `2026-11`.
    pub month: String,
    /// What may be spent: of the operator's and the tenant's own caps the smaller ones.
    pub caps: Caps,
    /// In the whole month, with what was under way or lost.
    pub total: Spend,
    /// By day, provider and model.
    pub lines: Vec<SpendingRow>,
}

/// One day, one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpendingRow {
    /// The day (UTC).
    #[schema(value_type = String)]
    pub day: Date,
    /// Who was asked; empty for requests under way, or under way when a server was killed, with the most they can cost.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// How much.
    pub spend: Spend,
}

impl Services {
    /// Reads what was spent before this start.
    pub async fn open_books(&self) -> Result<(), StoreError> {
        let today = self.accounts.today();
        for (tenant, day, month) in self.store.spending_since(today, today.first_of_month()).await?
        {
            self.accounts.restore(tenant, day, month);
        }
        Ok(())
    }

    /// Writes down what was spent since the last time. What cannot be written now is written the next time.
    pub async fn keep_books(&self) -> Result<(), StoreError> {
        let taken = self.accounts.take_unwritten();
        if taken.is_empty() {
            return Ok(());
        }
        let lines: Vec<SpendingLine> =
            taken.iter().flat_map(|(tenant, unwritten)| self.lines(*tenant, unwritten)).collect();
        let recorded =
            if lines.is_empty() { Ok(()) } else { self.store.record_spending(&lines).await };
        if let Err(error) = recorded {
            for (tenant, unwritten) in taken {
                self.accounts.give_back(tenant, unwritten);
            }
            return Err(error);
        }
        let mut failed = Ok(());
        for (tenant, unwritten) in taken {
            for window in unwritten.reached {
                tracing::warn!(tenant = %tenant, window = window.as_str(), "a budget is used up");
                if let Err(error) = self.store.note_budget_reached(tenant, window).await {
                    let untold = Unwritten { reached: vec![window], ..Unwritten::default() };
                    self.accounts.give_back(tenant, untold);
                    failed = Err(error);
                }
            }
        }
        failed
    }

    fn lines(&self, tenant: TenantId, unwritten: &Unwritten) -> Vec<SpendingLine> {
        let spent = unwritten.spent.iter().map(|(entry, spend)| SpendingLine {
            tenant,
            day: entry.day,
            provider: entry.provider.to_owned(),
            model: entry.model.clone(),
            spend: *spend,
        });
        let open = unwritten.open.iter().map(|(day, spend)| SpendingLine {
            tenant,
            day: *day,
            provider: String::new(),
            model: self.node.to_string(),
            spend: *spend,
        });
        spent.chain(open).collect()
    }

    /// What a tenant has spent in the month of a day.
    pub async fn spending(&self, tenant: TenantId, month: Date) -> Result<Spending, StoreError> {
        let rules = self.store.answering(tenant).await?.unwrap_or_default();
        report(&self.store, tenant, rules.caps(), month, &self.config.providers.currency).await
    }
}

/// The same for a command beside a server.
pub async fn report(
    store: &crate::store::Store,
    tenant: TenantId,
    caps: Caps,
    month: Date,
    currency: &str,
) -> Result<Spending, StoreError> {
    let lines = store.spending(tenant, month.first_of_month(), month.last_of_month()).await?;
    let total = lines.iter().fold(Spend::default(), |sum, line| sum.plus(line.spend));
    let row = |line: SpendingLine| SpendingRow {
        day: line.day,
        provider: line.provider,
        model: line.model,
        spend: line.spend,
    };
    Ok(Spending {
        currency: currency.to_owned(),
        month: month.strftime("%Y-%m").to_string(),
        caps,
        total,
        lines: lines.into_iter().map(row).collect(),
    })
}
