//! Who calls. A handler's arguments are its access rule: these extractors are how a caller gets past the edge.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::{Ready, ready};
use std::hash::BuildHasher;

use actix_web::dev::Payload;
use actix_web::http::header::{HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{FromRequest, HttpRequest, web};
use governor::DefaultKeyedRateLimiter;
use governor::clock::{Clock, DefaultClock};

use super::Edge;
use super::problem::Problem;
use crate::code::ErrorCode;
use crate::conversation::gate::{self, WidgetGate};
use crate::domain::origin::Origin;
use crate::id::{VisitorId, WidgetId};
use crate::services::session::Session;

/// A page that may show the widget named in the path.
#[derive(Debug, Clone)]
pub(super) struct WidgetCaller {
    /// The widget.
    pub(super) widget: WidgetId,
    /// The tenant behind it.
    pub(super) gate: WidgetGate,
}

/// The holder of a ticket, on a page that may show the ticket's widget.
#[derive(Debug, Clone)]
pub(super) struct TicketHolder {
    /// Who.
    pub(super) session: Session,
    /// The tenant.
    pub(super) gate: WidgetGate,
}

/// The visitor token, in its header. Never in an address, where logs would keep it.
#[derive(Debug, Clone)]
pub(super) struct VisitorToken(pub(super) Option<String>);

/// Whether the browser sends Global Privacy Control: the header once, with the value `1` and no other (its specification
/// has no second value).
#[derive(Debug, Clone, Copy)]
pub(super) struct PrivacySignal(pub(super) bool);

/// The visitor of a valid token, on a page that may show the widget of the path.
#[derive(Debug, Clone)]
pub(super) struct KnownVisitor {
    /// Who.
    pub(super) visitor: VisitorId,
    /// The tenant.
    pub(super) gate: WidgetGate,
}

/// One more session from an address that has not opened too many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival;

/// How many sessions each address opens, or how often it calls, by a digest that ends with the process.
pub struct Arrivals {
    limiter: Option<DefaultKeyedRateLimiter<u64>>,
    hasher: RandomState,
    clock: DefaultClock,
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Arrivals").finish_non_exhaustive()
    }
}

impl Arrivals {
    /// So many a minute; 0 means any number.
    pub fn new(per_minute: u32) -> Self {
        let clock = DefaultClock::default();
        let limiter = (per_minute > 0).then(|| {
            let rate = gate::rate(per_minute, (per_minute / 4).max(5));
            DefaultKeyedRateLimiter::dashmap_with_clock(rate, clock.clone())
        });
        Self { limiter, hasher: RandomState::new(), clock }
    }

    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let (Some(limiter), Some(peer)) = (&self.limiter, request.peer_addr()) else {
            return Ok(());
        };
        if limiter.len() > 100_000 {
            limiter.retain_recent();
        }
        let wait = match limiter.check_key(&self.hasher.hash_one(peer.ip())) {
            Ok(()) => return Ok(()),
            Err(refused) => refused.wait_time_from(self.clock.now()),
        };
        Err(Problem::from(ErrorCode::RateLimited).after(wait))
    }
}

/// Whether the page that sent this request may show the widget: its origin is on the widget's list, or it is a page of
/// this server.
pub(super) fn allowed_origin(request: &HttpRequest, gate: &WidgetGate) -> Option<Origin> {
    let given = request.headers().get(ORIGIN)?.to_str().ok()?;
    let origin = Origin::parse(given).ok()?;
    let own = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own =
        origin.as_str().split_once("://").is_some_and(|(_, host)| host.eq_ignore_ascii_case(own));
    (is_own || gate.origins.contains(&origin)).then_some(origin)
}

/// The widget of the path, if there is one.
pub(super) fn widget_of(request: &HttpRequest) -> Option<(WidgetId, WidgetGate)> {
    let edge = request.app_data::<web::Data<Edge>>()?;
    let widget: WidgetId = request.match_info().get("widget_id")?.parse().ok()?;
    edge.gates.widget(widget).map(|gate| (widget, gate))
}

impl FromRequest for WidgetCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some((widget, gate)) = widget_of(request) else {
            return ready(Err(ErrorCode::NotFound.into()));
        };
        if allowed_origin(request, &gate).is_none() {
            return ready(Err(ErrorCode::OriginRefused.into()));
        }
        ready(Ok(Self { widget, gate }))
    }
}

fn ticket(request: &HttpRequest) -> Option<&str> {
    let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered.split(',').find_map(|protocol| protocol.trim().strip_prefix("ticket."))
}

impl FromRequest for TicketHolder {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let held = || {
            let edge = request.app_data::<web::Data<Edge>>().ok_or(ErrorCode::Internal)?;
            let services = &edge.house.services;
            let session = ticket(request)
                .and_then(|ticket| services.door.redeem(ticket, services.clock.now()))
                .ok_or(ErrorCode::TicketInvalid)?;
            let gate = edge.gates.widget(session.widget).ok_or(ErrorCode::NotFound)?;
            allowed_origin(request, &gate).ok_or(ErrorCode::OriginRefused)?;
            Ok(Self { session, gate })
        };
        ready(held().map_err(|code: ErrorCode| code.into()))
    }
}

impl FromRequest for VisitorToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token =
            request.headers().get("x-veetflow-visitor").and_then(|value| value.to_str().ok());
        ready(Ok(Self(token.filter(|token| token.len() <= 256).map(str::to_owned))))
    }
}

impl FromRequest for PrivacySignal {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all("sec-gpc");
        let is_one = values.next().is_some_and(|value| value.as_bytes() == b"1");
        ready(Ok(Self(is_one && values.next().is_none())))
    }
}

impl FromRequest for KnownVisitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut known = || -> Result<Self, Problem> {
            let edge = request.app_data::<web::Data<Edge>>().ok_or(ErrorCode::Internal)?;
            let services = &edge.house.services;
            let caller = WidgetCaller::from_request(request, payload).into_inner()?;
            let token = request.headers().get("x-veetflow-visitor");
            let visitor = token
                .and_then(|token| token.to_str().ok())
                .filter(|token| token.len() <= 256)
                .and_then(|token| services.door.visitor(token, caller.widget, services.clock.now()))
                .ok_or(ErrorCode::NotFound)?;
            Ok(Self { visitor, gate: caller.gate })
        };
        ready(known())
    }
}

impl FromRequest for Arrival {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(edge) = request.app_data::<web::Data<Edge>>() else {
            return ready(Err(ErrorCode::Internal.into()));
        };
        ready(edge.arrivals.check(request).map(|()| Self))
    }
}
