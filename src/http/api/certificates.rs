//! What the purge certified to have erased of a tenant's customers.

use actix_web::{HttpResponse, get, web};

use crate::code::Coded;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::certificates::CertificateList;

/// Lists the certificates of the purge, each a signed note that can be verified without this server.
#[utoipa::path(
    path = "/v1/tenant/purge-certificates",
    responses(
        (status = 200, description = "The newest certificates, and the key to verify them", body = CertificateList),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/purge-certificates")]
pub(in crate::http) async fn list(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let certificates = edge.house.services.certificates(caller.tenant).await;
    let certificates = certificates.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(certificates))
}
