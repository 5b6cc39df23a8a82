//! The edge: requests in, problems out. Every route of the server is on this page.

mod api;
mod caller;
mod headers;
mod pages;
pub mod problem;
mod trace;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use utoipa::OpenApi;

use crate::conversation::gate::Gates;
use crate::conversation::socket::House;

pub use caller::Arrivals;
pub use headers::secure;
pub use trace::traced;

/// What handlers are given, once for each worker.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Services, live conversations, language models.
    pub house: House,
    /// The widgets.
    pub gates: Arc<Gates>,
    /// How many chats an address opens.
    pub arrivals: Arc<Arrivals>,
    /// Whether the node is going away.
    pub is_draining: Arc<AtomicBool>,
}

/// The description of the public interface.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "VeetFlow",
        description = "AI customer-service chat: sessions for widgets, and the socket protocol veetflow.v1.",
    ),
    paths(
        api::session::open_session,
        api::socket::open_socket,
        api::health::healthz,
        api::health::readyz
    ),
    components(schemas(problem::Problem))
)]
struct Api;

/// The `OpenAPI` document, as served and printed.
pub fn openapi() -> String {
    Api::openapi().to_pretty_json().unwrap_or_else(|_| "{}".to_owned())
}

/// Every route.
pub fn routes(config: &mut ServiceConfig, has_demo: bool) {
    config
        .app_data(problem::json_limits())
        .service(api::health::healthz)
        .service(api::health::readyz)
        .service(api::openapi)
        .service(api::socket::open_socket)
        .service(
            web::scope("/v1/widget/{widget_id}")
                .wrap(from_fn(headers::cross_origin))
                .service(api::session::open_session)
                .service(api::session::preflight),
        )
        .service(pages::widget_file);
    if has_demo {
        config.service(pages::home).service(pages::page).service(pages::demo_file);
    }
    config.default_service(web::to(problem::not_found));
}
