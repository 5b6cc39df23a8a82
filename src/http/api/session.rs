//! A widget asks to come in: who is this visitor, what must be asked of them, and a ticket for one socket. Nothing is
//! stored before the end user acts.

use actix_web::{HttpResponse, options, post, web};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Coded, ErrorCode};
use crate::conversation::frame::{Ai, Retention};
use crate::domain::age::MINIMUM_AGE;
use crate::domain::budget::Spend;
use crate::domain::consent::Purpose;
use crate::domain::language::Language;
use crate::domain::tenant::TenantState;
use crate::domain::widget::WidgetSettings;
use crate::http::Edge;
use crate::http::caller::{Arrival, PrivacySignal, VisitorToken, WidgetCaller};
use crate::http::problem::Problem;
use crate::id::{ConversationId, VisitorId};
use crate::privacy::retention::{RetentionClass, is_over};
use crate::services::notice::{self, POLICY_VERSION};
use crate::services::session::Session;

/// What a widget says of itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(in crate::http) struct SessionRequest {
    /// A BCP 47 tag; `zh…` is answered in Chinese, everything else in English.
    #[serde(default)]
    locale: Option<String>,
    /// What `navigator.globalPrivacyControl` says; the `Sec-GPC` header counts as well.
    #[serde(default)]
    gpc: bool,
}

/// Everything a widget needs to begin.
#[derive(Debug, Serialize, ToSchema)]
struct SessionResponse {
    /// Who the visitor is; to be shown in `X-Veetflow-Visitor` next time. Renewed at each visit.
    visitor_token: String,
    /// Opens one socket within thirty seconds.
    ticket: String,
    /// A conversation that can be continued.
    #[schema(value_type = Option<String>)]
    conversation_id: Option<ConversationId>,
    /// Where the socket is.
    socket: &'static str,
    /// The widget.
    widget: WidgetInfo,
    /// The text in force.
    policy: PolicyInfo,
    /// Whether consent must be asked for before a message can be answered.
    consent_needed: bool,
    /// Whether Global Privacy Control is honoured for this visitor, now or since an earlier visit.
    gpc: bool,
    /// Whether the age question is open.
    age_needed: bool,
    /// The youngest age served.
    min_age: u8,
    /// How long the conversation is kept.
    retention: Retention,
    /// Who answers.
    ai: Ai,
}

#[derive(Debug, Serialize, ToSchema)]
struct WidgetInfo {
    id: String,
    /// The organisation's name.
    name: String,
    /// What the organisation chose for it; what is missing is the widget's own way.
    settings: WidgetSettings,
}

#[derive(Debug, Serialize, ToSchema)]
struct PolicyInfo {
    version: &'static str,
    url: String,
    /// The short text that is consented to.
    notice: String,
}

/// Opens a session for a visitor of a widget.
#[utoipa::path(
    path = "/v1/widget/{widget_id}/session",
    params(
        ("widget_id" = String, Path, description = "The widget, wgt_…"),
        ("X-Veetflow-Visitor" = Option<String>, Header, description = "The visitor token of an earlier session"),
    ),
    request_body = SessionRequest,
    responses(
        (status = 200, description = "Come in", body = SessionResponse),
        (status = 403, description = "The origin is not on the widget's list, or the visitor was turned away", body = Problem),
        (status = 404, description = "No such widget", body = Problem),
        (status = 429, description = "Too many sessions from this address", body = Problem),
        (status = 503, description = "The database is away", body = Problem),
    ),
)]
#[post("/session")]
pub(in crate::http) async fn open_session(
    caller: WidgetCaller,
    _arrival: Arrival,
    token: VisitorToken,
    signal: PrivacySignal,
    request: web::Json<SessionRequest>,
    edge: web::Data<Edge>,
) -> Result<HttpResponse, Problem> {
    let services = &edge.house.services;
    let now = services.clock.now();
    let language = request.locale.as_deref().map_or(Language::default(), Language::from_tag);
    let snapshot = caller.gate.tenant.snapshot.borrow().clone();
    match snapshot.state {
        TenantState::Active => {}
        TenantState::Suspended => return Err(Problem::new(ErrorCode::TenantSuspended, language)),
        TenantState::Closed => return Err(Problem::new(ErrorCode::TenantGone, language)),
    }
    if caller.gate.settings.paused {
        return Err(Problem::new(ErrorCode::WidgetPaused, language));
    }
    let known = token.0.and_then(|token| services.door.visitor(&token, caller.widget, now));
    let visitor: VisitorId = known.unwrap_or_else(|| services.ids.next());
    if services.door.is_turned_away(visitor, now) {
        return Err(Problem::new(ErrorCode::AgeRestricted, language));
    }
    let tenant = caller.gate.tenant.id;
    let (row, latest) = match known {
        Some(visitor) => services
            .recall(tenant, visitor)
            .await
            .map_err(|error| Problem::new(error.code(), language))?,
        None => Default::default(),
    };
    let period = RetentionClass::Conversation.period(snapshot.retention);
    let continued = latest.filter(|latest| {
        let is_fresh = now.duration_since(latest.anchor_at) < SignedDuration::from_hours(24)
            && now.duration_since(latest.started_at) < SignedDuration::from_hours(7 * 24);
        is_fresh && !is_over(latest.anchor_at, period, now)
    });
    let has_signalled = signal.0 || request.gpc;
    if has_signalled && known.is_some() && !row.has_signalled {
        services
            .heed_signal(tenant, visitor, now)
            .await
            .map_err(|error| Problem::new(error.code(), language))?;
    }
    let session = Session { tenant, widget: caller.widget, visitor, language, has_signalled };
    let ticket = services
        .door
        .issue_ticket(session, now)
        .ok_or_else(|| Problem::new(ErrorCode::Busy, language))?;
    let provider = edge.house.providers.for_tenant(tenant, &snapshot.answering, Spend::default());
    let label = provider.label(language);
    Ok(HttpResponse::Ok().json(SessionResponse {
        visitor_token: services.door.token(caller.widget, visitor, now),
        ticket,
        conversation_id: continued.map(|latest| latest.conversation),
        socket: "/v1/socket",
        widget: WidgetInfo {
            id: caller.widget.to_string(),
            name: snapshot.display_name,
            settings: caller.gate.settings.as_ref().clone(),
        },
        policy: PolicyInfo {
            version: POLICY_VERSION,
            url: format!("/pages/{}/privacy", language.as_str()),
            notice: notice::text(language, &provider.processor(language), period),
        },
        consent_needed: !row.standing.allows(Purpose::AiAnswer, POLICY_VERSION),
        gpc: has_signalled || row.has_signalled,
        age_needed: row.age.is_none(),
        min_age: MINIMUM_AGE,
        retention: Retention {
            class: RetentionClass::Conversation.as_str(),
            until_text: period.in_words(language),
        },
        ai: Ai { provider: provider.name(), label },
    }))
}

/// Answers a browser that asks whether it may ask; the headers come from the scope.
#[options("/{anything}")]
pub(in crate::http) async fn preflight(_caller: WidgetCaller) -> HttpResponse {
    HttpResponse::NoContent().finish()
}
