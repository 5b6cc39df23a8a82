//! Headers that every response carries, and those that let a widget on another site talk to us.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_SECURITY_POLICY, CROSS_ORIGIN_OPENER_POLICY, HeaderName,
    HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;

use super::caller::{allowed_origin, widget_of};
use crate::domain::origin::Origin;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
);

/// The same for a page that these origins may frame.
pub(super) fn policy<'a>(framed_by: impl Iterator<Item = &'a Origin>) -> String {
    let origins = framed_by.fold(String::new(), |list, origin| list + " " + origin.as_str());
    format!(
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'{origins}; object-src 'none'"
    )
}

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Adds what keeps a page of ours from being used against its reader.
pub async fn secure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .insert(PERMISSIONS, HeaderValue::from_static("camera=(), microphone=(), geolocation=()"));
    Ok(response)
}

/// Lets the pages on a widget's list read our answers, and no others.
pub(super) async fn cross_origin<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let allowed = widget_of(request.request())
        .and_then(|(_, gate)| allowed_origin(request.request(), &gate))
        .and_then(|origin| HeaderValue::from_str(origin.as_str()).ok());
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT"));
        let accepted = HeaderValue::from_static("content-type, x-veetflow-visitor");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, accepted);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    Ok(response)
}
