//! How a tenant's visitors are answered, by its own programs: models, restarts, caps, and what was spent.

use actix_web::{HttpResponse, get, put, web};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::code::{Coded, ErrorCode};
use crate::domain::answering::AnswerSettings;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::answering::AnsweringInfo;
use crate::services::spending::Spending;

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct MonthQuery {
    /// `2026-11`; the present one if absent.
    month: Option<String>,
}

/// Shows how visitors are answered: what the tenant chose, what it is granted, and which models there are.
#[utoipa::path(
    path = "/v1/tenant/answering",
    responses(
        (status = 200, description = "The rules", body = AnsweringInfo),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/answering")]
pub(in crate::http) async fn show(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let rules = caller.services(&edge).answering(caller.tenant).await;
    let rules = rules.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(rules))
}

/// Replaces what the tenant chose. Caps hold from the next answers on; another order of models for chats that open from
/// then on, because visitors were told who answers.
#[utoipa::path(
    path = "/v1/tenant/answering",
    request_body = AnswerSettings,
    responses(
        (status = 200, description = "What is chosen now", body = AnswerSettings),
        (status = 400, description = "A model that is not set up or named twice, an amount that is none, or an unknown setting", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[put("/answering")]
pub(in crate::http) async fn choose(
    caller: TenantCaller,
    settings: web::Json<AnswerSettings>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = caller.services(&edge);
    let chosen = services.choose_answering(caller.tenant, settings.into_inner()).await;
    Ok(HttpResponse::Ok().json(chosen.map_err(|error| Problem::from(error.code()))?))
}

/// What the tenant has spent on models in a month, by day, provider and model. It is a second old at most.
#[utoipa::path(
    path = "/v1/tenant/spending",
    params(MonthQuery),
    responses(
        (status = 200, description = "The books of the month", body = Spending),
        (status = 400, description = "No month", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/spending")]
pub(in crate::http) async fn spending(
    caller: TenantCaller,
    query: web::Query<MonthQuery>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = &edge.house.services;
    let month: Date = match &query.month {
        None => services.accounts.today(),
        Some(month) => format!("{month}-01").parse().map_err(|_| ErrorCode::BadRequest)?,
    };
    let books = services.spending(caller.tenant, month).await;
    let books = books.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(books))
}
