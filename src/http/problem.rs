//! Every refusal over HTTP: a problem document (RFC 9457) made from one row of the error table.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::ErrorCode;
use crate::domain::language::Language;

/// The largest request body, in bytes.
const MOST_BYTES: usize = 16 * 1024;

/// A problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The stable name; see the table in docs/PROTOCOL.md.
    #[schema(value_type = String)]
    code: ErrorCode,
    /// A sentence for people that holds nothing of theirs.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// When trying again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem in a visitor's language.
    pub fn new(code: ErrorCode, language: Language) -> Self {
        let title = language.pick(code.chinese(), code.english());
        Self {
            code,
            title,
            status: code.status(),
            retry_after_ms: code.is_retryable().then_some(1_000),
        }
    }

    /// The problem, with the time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        self
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, Language::En)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after_ms {
            response.insert_header((RETRY_AFTER, wait.div_ceil(1000).to_string()));
        }
        let body = serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned());
        response.content_type("application/problem+json").body(body)
    }
}

/// The answer where there is nothing.
pub(super) async fn not_found() -> Problem {
    ErrorCode::NotFound.into()
}

impl actix_web::Responder for Problem {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

/// JSON bodies: small, and a broken one is a problem document like any other.
pub(super) fn json_limits() -> web::JsonConfig {
    web::JsonConfig::default().limit(MOST_BYTES).error_handler(|error, _| {
        use actix_web::error::JsonPayloadError::{Overflow, OverflowKnownLength};
        let is_too_large = matches!(error, Overflow { .. } | OverflowKnownLength { .. });
        let code = if is_too_large { ErrorCode::Oversize } else { ErrorCode::BadRequest };
        Problem::from(code).into()
    })
}

/// A query that cannot be read is a problem document like any other.
pub(super) fn query_errors() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|_, _| Problem::from(ErrorCode::BadRequest).into())
}
