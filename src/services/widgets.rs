//! A tenant's widgets, as its own programs see and dress them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Services;
use crate::domain::widget::WidgetSettings;
use crate::id::{TenantId, WidgetId};
use crate::store::StoreError;

/// One widget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WidgetInfo {
    /// Which.
    #[schema(value_type = String)]
    pub id: WidgetId,
    /// The sites that may show it, besides pages of this server itself.
    pub origins: Vec<String>,
    /// What was chosen for it.
    pub settings: WidgetSettings,
}

impl Services {
    /// A tenant's widgets, oldest first.
    pub async fn widgets(&self, tenant: TenantId) -> Result<Vec<WidgetInfo>, StoreError> {
        let rows = self.store.widgets(tenant).await?;
        let info = |row: crate::store::tenants::WidgetRow| WidgetInfo {
            id: row.id,
            origins: row.origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            settings: row.settings,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Dresses a widget; false when the tenant has no such widget. Every node shows it at its next look.
    pub async fn dress_widget(
        &self,
        tenant: TenantId,
        widget: WidgetId,
        settings: &WidgetSettings,
    ) -> Result<bool, StoreError> {
        self.store.set_widget_settings(tenant, widget, settings).await
    }
}
