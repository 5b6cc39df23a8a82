//! A tenant's own keys for providers: set, seen that they are set, removed. None is ever shown.

use actix_web::{HttpResponse, delete, get, put, web};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::Coded;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::provider_keys::ProviderInfo;

/// A key to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyToKeep {
    /// As the provider gave it.
    #[schema(value_type = String)]
    key: SecretString,
}

/// The providers.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderList {
    providers: Vec<ProviderInfo>,
}

/// Lists the providers, and for which of them the tenant has a key of its own.
#[utoipa::path(
    path = "/v1/tenant/providers",
    responses(
        (status = 200, description = "The providers", body = ProviderList),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/providers")]
pub(in crate::http) async fn list(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let providers = caller.services(&edge).providers_of(caller.tenant).await;
    let providers = providers.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(ProviderList { providers }))
}

/// Keeps the tenant's own key for a provider, sealed; a former one is destroyed. From the next answers on it is used instead
/// of the operator's.
#[utoipa::path(
    path = "/v1/tenant/providers/{name}/key",
    params(("name" = String, Path, description = "The provider")),
    request_body = KeyToKeep,
    responses(
        (status = 204, description = "It is kept"),
        (status = 400, description = "This is no key", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such provider", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[put("/providers/{name}/key")]
pub(in crate::http) async fn set(
    caller: TenantCaller,
    name: web::Path<String>,
    body: web::Json<KeyToKeep>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = caller.services(&edge);
    let kept = services.set_provider_key(caller.tenant, &name, body.into_inner().key).await;
    kept.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Destroys the tenant's own key for a provider.
#[utoipa::path(
    path = "/v1/tenant/providers/{name}/key",
    params(("name" = String, Path, description = "The provider")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "There was none", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[delete("/providers/{name}/key")]
pub(in crate::http) async fn remove(
    caller: TenantCaller,
    name: web::Path<String>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let removed = caller.services(&edge).remove_provider_key(caller.tenant, &name).await;
    removed.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::NoContent().finish())
}
