//! How a command reaches a tenant's documents. Their keys belong to one process, so a command never opens them beside a
//! server: it asks the server that runs, over the same interface as the tenant's own programs, with a key made for this
//! one errand. Where none runs, the command is the server for as long as it takes, at a port of this machine alone.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::SignedDuration;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use super::admin;
use crate::app::{App, Company, Ground, HouseNumber, configured_providers};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::api_key::ApiSecret;
use crate::embedded::EmbeddedError;
use crate::id::{ApiKeyId, Ids, TenantId};
use crate::services::api_keys;
use crate::store::Store;
use crate::vault::VaultError;

/// How long the key of an errand is valid at most.
const ERRAND: SignedDuration = SignedDuration::from_hours(1);
/// Longer than any command takes.
const NOT_NOW: u64 = 365 * 24 * 3600;

/// A tenant's side of the interface.
#[derive(Debug)]
pub(super) struct Desk {
    client: Client,
    base: Url,
    tenant: TenantId,
    key: ApiKeyId,
    secret: ApiSecret,
}

/// Runs an errand for the tenant of this short name.
pub(super) fn at_desk(
    config: &Config,
    slug: &str,
    errand: impl AsyncFnOnce(&Desk) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&config.telemetry);
    actix_web::rt::System::new().block_on(async {
        let folder = config.data_dir.clone();
        match open_house(config.clone()).await {
            Ok(app) => {
                let address = app.address.to_string();
                let store = app.foundation.services.store.by(super::operator());
                let outcome = run(&store, &address, slug, errand).await;
                app.drain().await;
                outcome
            }
            Err(error) if is_taken(&error) => {
                let address = HouseNumber::read(&folder)
                    .context("a server is starting or stopping; try again in a moment")?;
                let ground = Ground::prepare(config, Company::Welcome).await?;
                let store = ground.store.by(super::operator());
                let outcome = run(&store, &address.to_string(), slug, errand).await;
                ground.close().await;
                outcome
            }
            Err(error) => Err(error),
        }
    })
}

/// A house for this errand alone, which purges nothing and greets nobody.
async fn open_house(mut config: Config) -> anyhow::Result<App> {
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.workers = 1;
    config.http.demo = false;
    config.http.api_per_minute = 0;
    config.purge.first_seconds = NOT_NOW;
    config.purge.interval_seconds = NOT_NOW;
    let providers = configured_providers(&config);
    let (app, server) = App::build(config, Arc::new(SystemClock), providers).await?;
    drop(actix_web::rt::spawn(server));
    Ok(app)
}

/// Whether a running server has what we wanted.
pub(super) fn is_taken(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(EmbeddedError::InUse(_)))
            || matches!(cause.downcast_ref(), Some(VaultError::KeyringBusy { .. }))
    })
}

async fn run(
    store: &Store,
    address: &str,
    slug: &str,
    errand: impl AsyncFnOnce(&Desk) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let tenant = admin::find(store, slug).await?.id;
    let (ids, now) = (Ids::new(Arc::new(SystemClock)), SystemClock.now());
    let label = "a command of the operator";
    let (key, secret) =
        api_keys::create(store, &ids, tenant, label, now, Some(now + ERRAND)).await?;
    let desk = Desk {
        client: Client::builder().no_proxy().build()?,
        base: Url::parse(&format!("http://{address}/v1/tenant/"))?,
        tenant,
        key,
        secret,
    };
    let outcome = errand(&desk).await;
    store.discard_api_key(desk.tenant, desk.key).await?;
    outcome
}

impl Desk {
    /// A request to a path below the tenant's.
    pub(super) fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client.request(method, url).bearer_auth(self.secret.reveal())
    }

    /// A request that only looks.
    pub(super) fn look(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::GET, path, &[])
    }

    /// Sends it and gives what was answered, or says the refusal's sentence and code.
    pub(super) async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
        let response = request.send().await.context("the server could not be reached")?;
        let is_success = response.status().is_success();
        let body = response.bytes().await.context("the server broke off")?;
        if is_success {
            let body = if body.is_empty() { b"null".as_slice() } else { &body };
            return serde_json::from_slice(body).context("the server's answer cannot be read");
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let said = |name: &str| problem.get(name).and_then(|word| word.as_str()).map(str::to_owned);
        match (said("title"), said("code")) {
            (Some(title), Some(code)) => bail!("{title} ({code})"),
            _ => bail!("the server refused without a reason"),
        }
    }
}
