//! What a tenant tells models of their part: versions that are added, compared and taken back, and never changed.

use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Coded, ErrorCode};
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::answering::{InstructionInfo, instruction};

/// The words of an instruction. One language is enough.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Words {
    /// In Chinese.
    #[serde(default)]
    zh: String,
    /// In English.
    #[serde(default)]
    en: String,
}

/// A version's number.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Chosen {
    version: i32,
}

/// The versions.
#[derive(Debug, Serialize, ToSchema)]
struct Instructions {
    instructions: Vec<InstructionInfo>,
}

/// Lists the versions, oldest first.
#[utoipa::path(
    path = "/v1/tenant/instructions",
    responses(
        (status = 200, description = "The versions", body = Instructions),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/instructions")]
pub(in crate::http) async fn list(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let instructions = caller.services(&edge).instructions(caller.tenant).await;
    let instructions = instructions.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().json(Instructions { instructions }))
}

/// Shows the words of a version; 0 for the program's own.
#[utoipa::path(
    path = "/v1/tenant/instructions/{version}",
    params(("version" = i32, Path, description = "The version")),
    responses(
        (status = 200, description = "The words", body = Words),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such version", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/instructions/{version}")]
pub(in crate::http) async fn show(
    caller: TenantCaller,
    version: web::Path<String>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let version: i32 = version.parse().map_err(|_| ErrorCode::NotFound)?;
    let found = instruction(&edge.house.services.store, caller.tenant, version).await;
    let found = found.map_err(|error| Problem::from(error.code()))?;
    let found = found.ok_or(ErrorCode::NotFound)?;
    Ok(HttpResponse::Ok().json(Words { zh: found.zh, en: found.en }))
}

/// Adds a version and puts it in force: answers from then on are given under it, and each records which one it had.
#[utoipa::path(
    path = "/v1/tenant/instructions",
    request_body = Words,
    responses(
        (status = 201, description = "The new version", body = Chosen),
        (status = 400, description = "No words, or characters that show nothing", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 413, description = "Too many words", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[post("/instructions")]
pub(in crate::http) async fn add(
    caller: TenantCaller,
    words: web::Json<Words>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let added = caller.services(&edge).instruct(caller.tenant, &words.zh, &words.en).await;
    let version = added.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Created().json(Chosen { version }))
}

/// Puts an earlier version in force; 0 for the program's own words.
#[utoipa::path(
    path = "/v1/tenant/instructions/current",
    request_body = Chosen,
    responses(
        (status = 200, description = "The version in force", body = Chosen),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such version", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[put("/instructions/current")]
pub(in crate::http) async fn rollback(
    caller: TenantCaller,
    chosen: web::Json<Chosen>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let put = caller.services(&edge).instruct_as_before(caller.tenant, chosen.version).await;
    put.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().json(chosen.into_inner()))
}

/// What changed from one version to another, in the unified form.
#[utoipa::path(
    path = "/v1/tenant/instructions/{from}/diff/{to}",
    params(
        ("from" = i32, Path, description = "The earlier version; 0 for the program's own words"),
        ("to" = i32, Path, description = "The later version"),
    ),
    responses(
        (status = 200, description = "The differences", body = String, content_type = "text/plain"),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such version", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/instructions/{from}/diff/{to}")]
pub(in crate::http) async fn diff(
    caller: TenantCaller,
    versions: web::Path<(String, String)>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let number = |text: &str| text.parse::<i32>().map_err(|_| ErrorCode::NotFound);
    let (from, to) = (number(&versions.0)?, number(&versions.1)?);
    let changed = caller.services(&edge).instruction_diff(caller.tenant, from, to).await;
    let changed = changed.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(changed))
}
