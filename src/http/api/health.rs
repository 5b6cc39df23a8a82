//! Whether the process lives, and whether it should be sent visitors.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::ErrorCode;
use crate::http::Edge;
use crate::http::problem::Problem;

/// The answer of both.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`
    status: &'static str,
}

/// Says that the process lives.
#[utoipa::path(responses((status = 200, description = "The process lives", body = Health)))]
#[get("/healthz")]
pub(in crate::http) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Says whether the node takes visitors: not while it drains, and not without its database.
#[utoipa::path(responses(
    (status = 200, description = "Ready", body = Health),
    (status = 503, description = "Not ready", body = Problem),
))]
#[get("/readyz")]
pub(in crate::http) async fn readyz(edge: web::Data<Edge>) -> Result<HttpResponse, Problem> {
    if edge.is_draining.load(Ordering::Relaxed) {
        return Err(ErrorCode::Draining.into());
    }
    edge.house.services.store.ping().await.map_err(|_| Problem::from(ErrorCode::Unavailable))?;
    Ok(HttpResponse::Ok().json(Health { status: "ok" }))
}
