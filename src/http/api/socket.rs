//! The upgrade: one ticket, one socket.

use std::sync::atomic::Ordering;

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::code::ErrorCode;
use crate::conversation::socket;
use crate::http::Edge;
use crate::http::caller::{PrivacySignal, TicketHolder};
use crate::http::problem::Problem;
use crate::services::session::Session;

/// Opens a socket that speaks `veetflow.v1`; see docs/PROTOCOL.md.
#[utoipa::path(
    params((
        "Sec-WebSocket-Protocol" = String, Header,
        description = "veetflow.v1, ticket.<the one-use ticket of a session>",
    )),
    responses(
        (status = 101, description = "Speaking veetflow.v1"),
        (status = 401, description = "No ticket, or one that was used or has expired", body = Problem),
        (status = 403, description = "The origin is not on the widget's list", body = Problem),
    ),
)]
#[get("/v1/socket")]
pub(in crate::http) async fn open_socket(
    holder: TicketHolder,
    signal: PrivacySignal,
    request: HttpRequest,
    payload: web::Payload,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, actix_web::Error> {
    if edge.is_draining.load(Ordering::Relaxed) {
        return Err(Problem::new(ErrorCode::Draining, holder.session.language).into());
    }
    let has_signalled = holder.session.has_signalled || signal.0;
    let session = Session { has_signalled, ..holder.session };
    socket::start(edge.house.clone(), holder.gate.tenant, session, &request, payload)
}
