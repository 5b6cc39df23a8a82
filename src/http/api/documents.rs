//! A tenant's documents, managed by its own programs: add, list, choose a version, remove.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::code::{Coded, ErrorCode};
use crate::domain::document::{DocumentSlug, Format, parse_language, parse_title, parse_url};
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::documents::{DocumentError, DocumentInfo, Upload};

/// What is said about a file beside it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AddQuery {
    /// The document's short name; one that exists gets a new version.
    slug: String,
    /// Its title; without one, the file's own, else the short name.
    title: Option<String>,
    /// Where readers find it, https://…; citations lead there.
    url: Option<String>,
    /// `zh` or `en`; without one, that of its words.
    language: Option<String>,
    /// `text`, `markdown`, `html`, `pdf` or `docx`; without one, the content type says it.
    format: Option<String>,
}

/// A list of documents or versions.
#[derive(Debug, Serialize, ToSchema)]
struct Documents {
    documents: Vec<DocumentInfo>,
}

/// Which version questions shall be answered from.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct RollbackRequest {
    version: i32,
}

/// One line in the log for the operator, with the code; the caller gets a problem document.
fn refused(caller: TenantCaller, error: &DocumentError) -> Problem {
    let code = error.code();
    if code.status() >= 500 {
        tracing::error!(tenant.id = %caller.tenant, key.id = %caller.key, code = code.as_str(), error = %error,
            "a document could not be handled");
    }
    code.into()
}

fn slug_of(text: &str) -> Result<DocumentSlug, Problem> {
    DocumentSlug::parse(text).map_err(|_| ErrorCode::BadRequest.into())
}

/// The format a caller names, by parameter or content type.
fn format_of(request: &HttpRequest, named: Option<&str>) -> Result<Format, Problem> {
    let by_name = |word: &str| word.parse().ok();
    let by_type = || {
        let given = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        Format::of_media_type(given)
    };
    named.map_or_else(by_type, by_name).ok_or_else(|| ErrorCode::UnsupportedFormat.into())
}

/// The body, refused as soon as it is longer than allowed.
async fn body(mut payload: web::Payload, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Problem::from(ErrorCode::BadRequest))?;
        if bytes.len() + piece.len() > most {
            return Err(ErrorCode::DocumentTooLarge.into());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Adds a document, or a new version of one. The file is the body.
#[utoipa::path(
    path = "/v1/tenant/documents",
    params(AddQuery),
    request_body(
        description = "The file; its content type says what it is",
        content(
            (Vec<u8> = "text/plain"),
            (Vec<u8> = "text/markdown"),
            (Vec<u8> = "text/html"),
            (Vec<u8> = "application/pdf"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ),
    ),
    responses(
        (status = 201, description = "In force; questions are answered from it", body = DocumentInfo),
        (status = 400, description = "A parameter is wrong, or the encoding is not known", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 409, description = "The tenant's limit is reached", body = Problem),
        (status = 413, description = "The file or its text is too large", body = Problem),
        (status = 415, description = "The format is not known", body = Problem),
        (status = 422, description = "Encrypted, broken, or without text", body = Problem),
        (status = 429, description = "Too many calls from this address", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[post("/documents")]
pub(in crate::http) async fn add(
    caller: TenantCaller,
    request: HttpRequest,
    query: web::Query<AddQuery>,
    payload: web::Payload,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = caller.services(&edge);
    let is_wrong = |_| Problem::from(ErrorCode::BadRequest);
    let query = query.into_inner();
    let upload = Upload {
        slug: slug_of(&query.slug)?,
        title: query.title.as_deref().map(parse_title).transpose().map_err(is_wrong)?,
        url: query.url.as_deref().map(parse_url).transpose().map_err(is_wrong)?.unwrap_or_default(),
        language: query.language.as_deref().map(parse_language).transpose().map_err(is_wrong)?,
        format: format_of(&request, query.format.as_deref())?,
        bytes: body(payload, services.config.knowledge.upload_bytes).await?,
    };
    let added = services.add_document(caller.tenant, upload).await;
    let added = added.map_err(|error| refused(caller, &error))?;
    Ok(HttpResponse::Created().json(added))
}

/// Lists all documents, each with the version in force.
#[utoipa::path(
    path = "/v1/tenant/documents",
    responses(
        (status = 200, description = "All documents", body = Documents),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/documents")]
pub(in crate::http) async fn list(
    caller: TenantCaller,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let documents = edge.house.services.documents(caller.tenant).await;
    let documents = documents.map_err(|error| refused(caller, &error))?;
    Ok(HttpResponse::Ok().json(Documents { documents }))
}

/// Lists the versions of a document, newest first.
#[utoipa::path(
    path = "/v1/tenant/documents/{slug}/versions",
    params(("slug" = String, Path, description = "The document's short name")),
    responses(
        (status = 200, description = "Its versions", body = Documents),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such document", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/documents/{slug}/versions")]
pub(in crate::http) async fn versions(
    caller: TenantCaller,
    slug: web::Path<String>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let versions = edge.house.services.versions(caller.tenant, &slug_of(&slug)?).await;
    let documents = versions.map_err(|error| refused(caller, &error))?;
    Ok(HttpResponse::Ok().json(Documents { documents }))
}

/// Puts an earlier version in force, or a later one again.
#[utoipa::path(
    path = "/v1/tenant/documents/{slug}/rollback",
    params(("slug" = String, Path, description = "The document's short name")),
    request_body = RollbackRequest,
    responses(
        (status = 200, description = "In force; questions are answered from it", body = DocumentInfo),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such document or version", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[post("/documents/{slug}/rollback")]
pub(in crate::http) async fn rollback(
    caller: TenantCaller,
    slug: web::Path<String>,
    request: web::Json<RollbackRequest>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let slug = slug_of(&slug)?;
    let services = caller.services(&edge);
    let chosen = services.choose_version(caller.tenant, &slug, request.version).await;
    Ok(HttpResponse::Ok().json(chosen.map_err(|error| refused(caller, &error))?))
}

/// Removes a document with all its versions, for good.
#[utoipa::path(
    path = "/v1/tenant/documents/{slug}",
    params(("slug" = String, Path, description = "The document's short name")),
    responses(
        (status = 204, description = "Its key is destroyed and its rows are deleted"),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 404, description = "No such document", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[delete("/documents/{slug}")]
pub(in crate::http) async fn remove(
    caller: TenantCaller,
    slug: web::Path<String>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let removed = caller.services(&edge).remove_document(caller.tenant, &slug_of(&slug)?).await;
    removed.map_err(|error| refused(caller, &error))?;
    Ok(HttpResponse::NoContent().finish())
}
