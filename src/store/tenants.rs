//! Tenants and their widgets.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::answering::Answering;
use crate::domain::audit::{Action, Deed, Objects};
use crate::domain::origin::Origin;
use crate::domain::tenant::{Period, TenantSlug, TenantState};
use crate::domain::widget::WidgetSettings;
use crate::id::{Id, TenantId, WidgetId};

const DIRECTORY: Statement = Statement::application("select * from tenant_directory()");
const CREATE: Statement = Statement::application(
    "insert into tenant (tenant_id, slug, display_name, state, retention_months, retention_days, created_at) \
     values ($1, $2, $3, 'active', $4, $5, $6) on conflict do nothing",
);
const SET_RETENTION: Statement = Statement::application(
    "update tenant set retention_months = $2, retention_days = $3 where tenant_id = $1",
);
const SET_STATE: Statement =
    Statement::application("update tenant set state = $2 where tenant_id = $1");
const CREATE_WIDGET: Statement = Statement::application(
    "insert into widget (tenant_id, widget_id, origins, created_at) values ($1, $2, $3, $4) on conflict do nothing",
);

pub(super) const STATEMENTS: &[Statement] =
    &[DIRECTORY, CREATE, SET_RETENTION, SET_STATE, CREATE_WIDGET];

/// One tenant as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Identifier.
    pub id: TenantId,
    /// Short name.
    pub slug: String,
    /// The organisation's name, as visitors see it.
    pub display_name: String,
    /// Whether it is served.
    pub state: TenantState,
    /// How long conversations are kept.
    pub retention: Period,
    /// How its visitors are answered; of the instruction only the version.
    pub answering: Arc<Answering>,
    /// Its widgets.
    pub widgets: Vec<WidgetRow>,
}

/// One widget and the sites that may show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WidgetRow {
    /// Identifier.
    pub id: WidgetId,
    /// Exact origins.
    pub origins: Vec<Origin>,
    /// What its tenant chose for it.
    pub settings: WidgetSettings,
}

impl Store {
    /// All tenants with their widgets.
    pub async fn tenant_directory(&self) -> Result<Vec<TenantRow>, StoreError> {
        let mut settings = self.all_widget_settings().await?;
        let mut answering = self.all_answering().await?;
        let client = self.application().await?;
        let rows = client.query(DIRECTORY.sql, &[]).await?;
        let mut tenants: Vec<TenantRow> = Vec::new();
        for row in rows {
            let widget = widget_of(&row, &mut settings);
            let id: Uuid = row.get("tenant_id");
            match tenants.last_mut().filter(|last| last.id.uuid() == id) {
                Some(last) => last.widgets.extend(widget),
                None => tenants.push(TenantRow {
                    id: Id::from_uuid(id),
                    slug: row.get("slug"),
                    display_name: row.get("display_name"),
                    state: TenantState::from_stored(row.get("state")),
                    retention: Period::from_stored(
                        row.get("retention_months"),
                        row.get("retention_days"),
                    ),
                    answering: answering.remove(&id).unwrap_or_default(),
                    widgets: widget.into_iter().collect(),
                }),
            }
        }
        Ok(tenants)
    }

    /// Makes a tenant; false when the identifier or short name is taken.
    pub async fn create_tenant(
        &self,
        id: TenantId,
        slug: &TenantSlug,
        display_name: &str,
        retention: Period,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (months, days) = retention.to_stored();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, id).await?;
        let made = transaction
            .run(CREATE, &[&id.uuid(), &slug.as_str(), &display_name, &months, &days, &at])
            .await?;
        if made == 1 {
            self.record(&transaction, id, &Deed::on(Action::TenantCreated, id.uuid())).await?;
        }
        transaction.commit().await?;
        Ok(made == 1)
    }

    /// Changes how long a tenant's conversations are kept; acts on old rows too.
    pub async fn set_retention(&self, id: TenantId, retention: Period) -> Result<bool, StoreError> {
        let (months, days) = retention.to_stored();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, id).await?;
        let changed = transaction.run(SET_RETENTION, &[&id.uuid(), &months, &days]).await?;
        if changed == 1 {
            let amount = i64::from(months) * 31 + i64::from(days);
            let action = Action::RetentionChanged;
            self.record(&transaction, id, &Deed { action, objects: Objects::None, amount }).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Suspends, closes or restores a tenant.
    pub async fn set_tenant_state(
        &self,
        id: TenantId,
        state: TenantState,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, id).await?;
        let changed = transaction.run(SET_STATE, &[&id.uuid(), &state.as_str()]).await?;
        if changed == 1 {
            let amount = match state {
                TenantState::Active => 1,
                TenantState::Suspended => 2,
                TenantState::Closed => 3,
            };
            let action = Action::StateChanged;
            self.record(&transaction, id, &Deed { action, objects: Objects::None, amount }).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Makes a widget; false when the identifier is taken.
    pub async fn create_widget(
        &self,
        tenant: TenantId,
        widget: WidgetId,
        origins: &[Origin],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let origins: Vec<&str> = origins.iter().map(Origin::as_str).collect();
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let made = transaction
            .run(CREATE_WIDGET, &[&tenant.uuid(), &widget.uuid(), &origins, &at])
            .await?;
        if made == 1 {
            let deed = Deed::on(Action::WidgetCreated, widget.uuid());
            self.record(&transaction, tenant, &deed).await?;
        }
        transaction.commit().await?;
        Ok(made == 1)
    }
}

fn widget_of(row: &Row, settings: &mut HashMap<Uuid, WidgetSettings>) -> Option<WidgetRow> {
    let id: Option<Uuid> = row.get("widget_id");
    let origins: Option<Vec<String>> = row.get("origins");
    let origins = origins.unwrap_or_default();
    id.map(|uuid| WidgetRow {
        id: Id::from_uuid(uuid),
        origins: origins.iter().filter_map(|origin| Origin::parse(origin).ok()).collect(),
        settings: settings.remove(&uuid).unwrap_or_default(),
    })
}
