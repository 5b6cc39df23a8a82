//! A tenant's widgets, dressed by its own programs: see them, choose their looks, pause them.

use actix_web::{HttpResponse, get, put, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::{Coded, ErrorCode};
use crate::domain::widget::WidgetSettings;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::id::WidgetId;
use crate::services::widgets::WidgetInfo;

/// A list of widgets.
#[derive(Debug, Serialize, ToSchema)]
struct Widgets {
    widgets: Vec<WidgetInfo>,
}

/// Lists the tenant's widgets with what was chosen for them.
#[utoipa::path(
    path = "/v1/tenant/widgets",
    responses(
        (status = 200, description = "The widgets", body = Widgets),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/widgets")]
pub(in crate::http) async fn list(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let widgets = edge.house.services.widgets(caller.tenant).await;
    let widgets = widgets.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Widgets { widgets }))
}

/// Replaces what was chosen for a widget. Visitors who come within the next seconds may still see the former settings.
#[utoipa::path(
    path = "/v1/tenant/widgets/{id}/settings",
    params(("id" = String, Path, description = "The widget, wgt_…")),
    request_body = WidgetSettings,
    responses(
        (status = 200, description = "The settings as they are now", body = WidgetSettings),
        (status = 400, description = "A colour that is none, words too long, or an unknown setting", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "The tenant has no such widget", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[put("/widgets/{id}/settings")]
pub(in crate::http) async fn dress(
    caller: TenantCaller,
    id: web::Path<String>,
    settings: web::Json<WidgetSettings>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let widget: WidgetId = id.parse().map_err(|_| ErrorCode::NotFound)?;
    let settings = settings.into_inner().checked().map_err(|_| ErrorCode::BadRequest)?;
    let dressed = edge.house.services.dress_widget(caller.tenant, widget, &settings).await;
    if dressed.map_err(|error| Problem::from(error.code()))? {
        Ok(HttpResponse::Ok().json(settings))
    } else {
        Err(ErrorCode::NotFound.into())
    }
}
