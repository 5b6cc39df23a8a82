//! The one HTTP client with which a worker talks to providers.
//!
//! The roots are compiled in, so that it works on a machine without any; redirects and proxies are off, because a key
//! sent to the wrong host cannot be taken back.

use std::time::Duration;

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// TLS could not be set up.
    #[error("TLS towards providers could not be set up")]
    Tls(#[from] rustls::Error),
    /// The client could not be made.
    #[error("the HTTP client for providers could not be made")]
    Client(#[from] reqwest::Error),
}

/// A client for one worker's runtime.
pub(super) fn client() -> Result<reqwest::Client, EgressError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_mins(1))
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?)
}
