//! The edge: requests in, problems out. Every route of the server is on this page.

mod api;
mod bundle;
mod caller;
mod headers;
mod pages;
pub mod problem;
mod tenant_caller;
mod trace;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

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
    /// How often an address calls for a tenant.
    pub calls: Arc<Arrivals>,
    /// Whether the node is going away.
    pub is_draining: Arc<AtomicBool>,
}

/// The description of the public interface.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "VeetFlow",
        description = "AI customer-service chat: sessions for widgets, the socket protocol veetflow.v1, and a tenant's documents.",
    ),
    paths(
        api::answering::show,
        api::answering::choose,
        api::answering::spending,
        api::provider_keys::list,
        api::provider_keys::set,
        api::provider_keys::remove,
        api::instructions::list,
        api::instructions::show,
        api::instructions::add,
        api::instructions::rollback,
        api::instructions::diff,
        api::certificates::list,
        api::children::report,
        api::documents::add,
        api::documents::list,
        api::documents::versions,
        api::documents::rollback,
        api::documents::remove,
        api::questions::unanswered,
        api::privacy::receipt,
        api::privacy::restrict,
        api::privacy::global_privacy_control,
        api::widgets::list,
        api::widgets::dress,
        api::session::open_session,
        api::socket::open_socket,
        api::health::healthz,
        api::health::readyz
    ),
    components(schemas(problem::Problem)),
    modifiers(&ApiKeys)
)]
struct Api;

/// Says how a tenant's own programs show who they are.
struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", scheme);
    }
}

/// The `OpenAPI` document, as served and printed.
pub fn openapi() -> String {
    Api::openapi().to_pretty_json().unwrap_or_else(|_| "{}".to_owned())
}

/// Every route.
pub fn routes(config: &mut ServiceConfig, has_demo: bool) {
    config
        .app_data(problem::json_limits())
        .app_data(problem::query_errors())
        .service(api::health::healthz)
        .service(api::health::readyz)
        .service(api::openapi)
        .service(api::socket::open_socket)
        .service(api::privacy::global_privacy_control)
        .service(
            web::scope("/v1/widget/{widget_id}")
                .wrap(from_fn(headers::cross_origin))
                .service(api::session::open_session)
                .service(api::privacy::receipt)
                .service(api::privacy::restrict)
                .service(api::session::preflight),
        )
        .service(
            web::scope("/v1/tenant")
                .service(api::answering::show)
                .service(api::answering::choose)
                .service(api::answering::spending)
                .service(api::provider_keys::list)
                .service(api::provider_keys::set)
                .service(api::provider_keys::remove)
                .service(api::instructions::list)
                .service(api::instructions::add)
                .service(api::instructions::rollback)
                .service(api::instructions::diff)
                .service(api::instructions::show)
                .service(api::certificates::list)
                .service(api::children::report)
                .service(api::documents::add)
                .service(api::documents::list)
                .service(api::documents::versions)
                .service(api::documents::rollback)
                .service(api::documents::remove)
                .service(api::questions::unanswered)
                .service(api::widgets::list)
                .service(api::widgets::dress),
        )
        .service(bundle::loader)
        .service(bundle::manifest)
        .service(bundle::shim)
        .service(bundle::part)
        .service(bundle::chatwoot)
        .service(bundle::crisp)
        .service(bundle::zendesk)
        .service(bundle::intercom)
        .service(pages::chat)
        .service(pages::configure)
        .service(pages::app_file)
        .service(bundle::tawk)
        .service(pages::widget_file);
    if has_demo {
        config.service(pages::home).service(pages::page).service(pages::demo_file);
    }
    config.default_service(web::to(problem::not_found));
}
