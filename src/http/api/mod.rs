//! The public interface, one file per area.

pub(super) mod answering;
pub(super) mod certificates;
pub(super) mod children;
pub(super) mod documents;
pub(super) mod health;
pub(super) mod instructions;
pub(super) mod privacy;
pub(super) mod provider_keys;
pub(super) mod questions;
pub(super) mod session;
pub(super) mod socket;
pub(super) mod widgets;

use actix_web::{HttpResponse, get};

/// The description of the interface.
#[get("/openapi.json")]
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(super::openapi())
}
