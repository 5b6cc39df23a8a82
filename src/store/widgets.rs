//! What tenants chose for their widgets.

use std::collections::HashMap;

use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::tenants::WidgetRow;
use super::{Store, StoreError, begin};
use crate::domain::origin::Origin;
use crate::domain::widget::WidgetSettings;
use crate::id::{Id, TenantId, WidgetId};

const ALL_SETTINGS: Statement =
    Statement::application("select widget_id, settings from widget_settings()");
const LIST: Statement = Statement::application(
    "select widget_id, origins, settings from widget where tenant_id = $1 order by widget_id",
);
const SET: Statement = Statement::application(
    "update widget set settings = $3 where tenant_id = $1 and widget_id = $2",
);

pub(super) const STATEMENTS: &[Statement] = &[ALL_SETTINGS, LIST, SET];

impl Store {
    /// The settings of all widgets that have some.
    pub(super) async fn all_widget_settings(
        &self,
    ) -> Result<HashMap<Uuid, WidgetSettings>, StoreError> {
        let client = self.application().await?;
        let rows = client.rows(ALL_SETTINGS, &[]).await?;
        let entry = |row: &tokio_postgres::Row| {
            let stored: String = row.get("settings");
            (row.get("widget_id"), WidgetSettings::from_stored(&stored))
        };
        Ok(rows.iter().map(entry).collect())
    }

    /// A tenant's widgets.
    pub async fn widgets(&self, tenant: TenantId) -> Result<Vec<WidgetRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        let widget = |row: &tokio_postgres::Row| {
            let (origins, stored): (Vec<String>, String) =
                (row.get("origins"), row.get("settings"));
            WidgetRow {
                id: Id::from_uuid(row.get::<_, Uuid>("widget_id")),
                origins: origins.iter().filter_map(|origin| Origin::parse(origin).ok()).collect(),
                settings: WidgetSettings::from_stored(&stored),
            }
        };
        Ok(rows.iter().map(widget).collect())
    }

    /// Replaces a widget's settings; false when the tenant has no such widget.
    pub async fn set_widget_settings(
        &self,
        tenant: TenantId,
        widget: WidgetId,
        settings: &WidgetSettings,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let stored = settings.to_stored();
        let changed = transaction.run(SET, &[&tenant.uuid(), &widget.uuid(), &stored]).await?;
        transaction.commit().await?;
        Ok(changed == 1)
    }
}
