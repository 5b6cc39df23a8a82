//! One request to a key service and its answer, on a thread and a runtime of its own: whoever asks may be on any thread.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::vault::VaultError;

/// How long a service may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer about one key.
const MOST_BYTES: usize = 64 * 1024;

/// Where the service is and who we are there.
#[derive(Debug)]
pub(super) struct Exchange {
    client: Client,
    base: Url,
    token: SecretString,
}

pub(super) fn unavailable(reason: impl std::fmt::Display) -> VaultError {
    VaultError::Unavailable { reason: format!("the key service: {reason}") }
}

impl Exchange {
    /// Over TLS unless the service is on this machine; `roots` are trusted instead of the public ones.
    pub(super) fn new(
        base: &str,
        token: SecretString,
        roots: Option<&Path>,
    ) -> Result<Self, VaultError> {
        let base =
            Url::parse(base).map_err(|_| unavailable("vault.transit.address is no address"))?;
        let is_here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if base.scheme() != "https" && !(base.scheme() == "http" && is_here) {
            return Err(unavailable(
                "vault.transit.address must begin with https:// unless the service is on this machine",
            ));
        }
        Ok(Self { client: client(roots)?, base, token })
    }

    /// Asks, and gives the status with the body, which is `null` where there is none.
    pub(super) fn ask(
        &self,
        method: &Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), VaultError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| unavailable("vault.transit.address is no address"))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        let request = self
            .client
            .request(method.clone(), url)
            .header("X-Vault-Token", self.token.expose_secret())
            .timeout(PATIENCE);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(unavailable)?;
                runtime.block_on(answer(request))
            });
            asking.join().map_err(|_| unavailable("the request broke off"))?
        })
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), VaultError> {
    let failed = |refusal: reqwest::Error| unavailable(refusal.without_url());
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let mut body = zeroize::Zeroizing::new(Vec::new());
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(piece.len()) > MOST_BYTES {
            return Err(unavailable("its answer is too long"));
        }
        body.extend_from_slice(&piece);
    }
    if body.is_empty() {
        return Ok((status, Value::Null));
    }
    let body = serde_json::from_slice(&body).map_err(|_| unavailable("its answer is no JSON"))?;
    Ok((status, body))
}

fn client(own_roots: Option<&Path>) -> Result<Client, VaultError> {
    let mut roots = rustls::RootCertStore::empty();
    match own_roots {
        Some(path) => {
            let unreadable = |_| unavailable(format_args!("{} is no PEM file", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                roots.add(certificate.map_err(unreadable)?).map_err(unavailable)?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unavailable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|refusal| unavailable(refusal.without_url()))
}
