//! A tenant's own program, by the API key it shows. A handler that takes a [`TenantCaller`] acts for that tenant and for
//! no other: there is no other way to name one.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::Edge;
use super::problem::Problem;
use crate::code::{Coded, ErrorCode};
use crate::domain::api_key::ApiSecret;
use crate::domain::audit::Actor;
use crate::domain::tenant::TenantState;
use crate::id::{ApiKeyId, TenantId};
use crate::services::Services;

/// The holder of a valid key of a tenant that is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantCaller {
    /// The tenant.
    pub(super) tenant: TenantId,
    /// The key, for logs.
    pub(super) key: ApiKeyId,
}

impl TenantCaller {
    /// The services on behalf of this key: what is done through them is written down as its doing.
    pub(super) fn services(&self, edge: &Edge) -> Services {
        edge.house.services.by(Actor::ApiKey(self.key))
    }
}

/// The secret of `Authorization: Bearer vfk_…`.
fn secret(request: &HttpRequest) -> Option<ApiSecret> {
    let given = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| ApiSecret::parse(token.trim())).flatten()
}

async fn admit(request: HttpRequest) -> Result<TenantCaller, Problem> {
    let edge = request.app_data::<web::Data<Edge>>().ok_or(ErrorCode::Internal)?;
    // Before the look-up: a flood of wrong keys must not become a flood of statements.
    edge.calls.check(&request)?;
    let secret = secret(&request).ok_or(ErrorCode::Unauthorized)?;
    let holder = edge.house.services.key_holder(&secret).await;
    let holder = holder.map_err(|error| Problem::from(error.code()))?;
    let holder = holder.ok_or(ErrorCode::Unauthorized)?;
    match holder.state {
        TenantState::Active => Ok(TenantCaller { tenant: holder.tenant, key: holder.key }),
        TenantState::Suspended => Err(ErrorCode::TenantSuspended.into()),
        TenantState::Closed => Err(ErrorCode::TenantGone.into()),
    }
}

impl FromRequest for TenantCaller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request.clone()).boxed_local()
    }
}
