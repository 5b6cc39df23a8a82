//! What a visitor can see and demand about the use of their data, without a socket: the receipt of their consent,
//! restriction, and that Global Privacy Control is honoured here.

use actix_web::{HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::code::{Coded, ErrorCode};
use crate::conversation::actor::Command;
use crate::domain::budget::Spend;
use crate::domain::language::Language;
use crate::http::Edge;
use crate::http::caller::KnownVisitor;
use crate::http::problem::Problem;
use crate::services::receipt::{Parties, Receipt};

/// In which words.
#[derive(Debug, Deserialize, IntoParams)]
pub(in crate::http) struct ReceiptQuery {
    /// A BCP 47 tag, as for a session.
    #[serde(default)]
    locale: Option<String>,
}

/// Gives a visitor the receipt of everything they decided, with the fields of ISO/IEC TS 27560.
#[utoipa::path(
    path = "/v1/widget/{widget_id}/consent",
    params(
        ("widget_id" = String, Path, description = "The widget, wgt_…"),
        ("X-Veetflow-Visitor" = String, Header, description = "The visitor token of a session"),
        ReceiptQuery,
    ),
    responses(
        (status = 200, description = "The receipt", body = Receipt),
        (status = 403, description = "The origin is not on the widget's list", body = Problem),
        (status = 404, description = "No such widget, or no valid token", body = Problem),
        (status = 503, description = "The database is away", body = Problem),
    ),
)]
#[get("/consent")]
pub(in crate::http) async fn receipt(
    known: KnownVisitor,
    query: web::Query<ReceiptQuery>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = &edge.house.services;
    let language = query.locale.as_deref().map_or(Language::default(), Language::from_tag);
    let tenant = known.gate.tenant.id;
    let snapshot = known.gate.tenant.snapshot.borrow().clone();
    let provider = edge.house.providers.for_tenant(tenant, &snapshot.answering, Spend::default());
    let processor = provider.processor(language);
    let parties = Parties {
        subject: known.visitor,
        controller: snapshot.display_name,
        processor,
        retention: snapshot.retention,
        language,
    };
    let receipt = services.receipt(tenant, parties).await;
    let receipt = receipt.map_err(|error| Problem::new(error.code(), language))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(receipt))
}

/// Whether.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Restriction {
    /// On or off.
    on: bool,
}

/// What is in force.
#[derive(Debug, Serialize, ToSchema)]
struct Restricted {
    on: bool,
}

/// Restricts the use of what is kept about the visitor to keeping it, or lifts that (GDPR Art. 18).
#[utoipa::path(
    path = "/v1/widget/{widget_id}/restriction",
    params(
        ("widget_id" = String, Path, description = "The widget, wgt_…"),
        ("X-Veetflow-Visitor" = String, Header, description = "The visitor token of a session"),
    ),
    request_body = Restriction,
    responses(
        (status = 200, description = "Recorded and in force", body = Restricted),
        (status = 403, description = "The origin is not on the widget's list", body = Problem),
        (status = 404, description = "No such widget, no valid token, or nothing is kept about the visitor", body = Problem),
        (status = 503, description = "The database is away", body = Problem),
    ),
)]
#[put("/restriction")]
pub(in crate::http) async fn restrict(
    known: KnownVisitor,
    wanted: web::Json<Restriction>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = &edge.house.services;
    let (tenant, visitor) = (known.gate.tenant.id, known.visitor);
    let is_known = services.is_known(tenant, visitor).await;
    if !is_known.map_err(|error| Problem::from(error.code()))? {
        return Err(ErrorCode::NotFound.into());
    }
    let restricted = services.restrict(tenant, visitor, wanted.on, services.clock.now()).await;
    restricted.map_err(|error| Problem::from(error.code()))?;
    edge.house.hub.tell_visitor(tenant, visitor, Command::Restrict(wanted.on));
    Ok(HttpResponse::Ok().json(Restricted { on: wanted.on }))
}

/// The support resource of Global Privacy Control.
#[derive(Debug, Serialize, ToSchema)]
struct Support {
    /// Whether the signal is honoured.
    gpc: bool,
    /// Since when.
    #[serde(rename = "lastUpdate")]
    last_update: &'static str,
}

/// Says that Global Privacy Control is honoured.
#[utoipa::path(
    path = "/.well-known/gpc.json",
    responses((status = 200, description = "It is honoured", body = Support)),
)]
#[get("/.well-known/gpc.json")]
pub(in crate::http) async fn global_privacy_control() -> HttpResponse {
    HttpResponse::Ok().json(Support { gpc: true, last_update: "2026-11-24" })
}
