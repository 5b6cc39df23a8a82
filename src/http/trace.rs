//! One line a request: method, route pattern, status, duration. Never the address, the agent, the path or the query.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Logs a request when it has been answered.
pub async fn traced<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let method = request.method().clone();
    let began = tokio::time::Instant::now();
    let response = next.call(request).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "(none)".to_owned());
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    if status >= 500 {
        tracing::warn!(%method, route, status, duration_ms = milliseconds, "request");
    } else {
        tracing::debug!(%method, route, status, duration_ms = milliseconds, "request");
    }
    Ok(response)
}
