//! What visitors asked in vain, for the tenant whose documents were silent.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::code::{Coded, ErrorCode};
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::http::tenant_caller::TenantCaller;
use crate::services::questions::QuestionInfo;

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct QuestionsQuery {
    /// So many days, 1 to 2556; 30 without it.
    days: Option<u16>,
}

/// The report.
#[derive(Debug, Serialize, ToSchema)]
struct Questions {
    questions: Vec<QuestionInfo>,
}

/// Lists the questions that the documents did not answer, most frequent first. They are the words of visitors: what is
/// read here is personal data, and it is gone when the conversation is.
#[utoipa::path(
    path = "/v1/tenant/questions",
    params(QuestionsQuery),
    responses(
        (status = 200, description = "Unanswered questions", body = Questions),
        (status = 401, description = "No valid API key", body = Problem),
    ),
    security(("api_key" = [])),
)]
#[get("/questions")]
pub(in crate::http) async fn unanswered(
    caller: TenantCaller,
    query: web::Query<QuestionsQuery>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let days = query.days.unwrap_or(30);
    if !(1..=2556).contains(&days) {
        return Err(ErrorCode::BadRequest.into());
    }
    let report = caller.services(&edge).unanswered(caller.tenant, days).await;
    let questions = report.map_err(|error| Problem::from(error.code()))?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(Questions { questions }))
}
