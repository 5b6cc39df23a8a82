//! A tenant reports a child: what is kept goes at once (policy §10).

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Coded, ErrorCode};
use crate::conversation::actor::Command;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::id::{ConversationId, VisitorId};

/// Who is a child: a visitor, or whoever had this conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ChildReport {
    /// The visitor, `vis_…`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    visitor_id: Option<VisitorId>,
    /// One of their conversations, `cnv_…`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    conversation_id: Option<ConversationId>,
}

/// What follows.
#[derive(Debug, Serialize, ToSchema)]
struct ChildReported {
    /// Conversations that are hidden from now on and about to be erased.
    conversations: u64,
}

/// Reports that a visitor is a child: hidden at once, erased within a minute unless a legal hold forbids it.
#[utoipa::path(
    path = "/v1/tenant/child-reports",
    request_body = ChildReport,
    responses(
        (status = 202, description = "Hidden; the erasure is under way", body = ChildReported),
        (status = 400, description = "Neither or both of the two were named", body = Problem),
        (status = 401, description = "No valid key", body = Problem),
        (status = 404, description = "Nothing is kept of such a person", body = Problem),
        (status = 503, description = "The database is away", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[post("/child-reports")]
pub(in crate::http) async fn report(
    caller: TenantCaller,
    report: web::Json<ChildReport>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = &edge.house.services;
    let visitor = match (report.visitor_id, report.conversation_id) {
        (Some(visitor), None) => Some(visitor),
        (None, Some(conversation)) => services
            .store
            .visitor_of(caller.tenant, conversation)
            .await
            .map_err(|error| Problem::from(error.code()))?,
        (Some(_), Some(_)) | (None, None) => return Err(ErrorCode::BadRequest.into()),
    };
    let visitor = visitor.ok_or(ErrorCode::NotFound)?;
    let hidden = services
        .report_child(caller.tenant, visitor)
        .await
        .map_err(|error| Problem::from(error.code()))?;
    let conversations = hidden.ok_or(ErrorCode::NotFound)?;
    edge.house.hub.tell_visitor(caller.tenant, visitor, Command::Erase);
    tracing::info!(tenant.id = %caller.tenant, key.id = %caller.key, conversations, "a child was reported");
    Ok(HttpResponse::Accepted().json(ChildReported { conversations }))
}
