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
    /// Conversations would cross a network in clear (policy §5).
    #[error(
        "providers.openai.base_url must begin with https:// unless the server is on this machine"
    )]
    PlainText,
    /// The client could not be made.
    #[error("the HTTP client for providers could not be made")]
    Client(#[from] reqwest::Error),
}

/// Accepts an address over TLS, or one on this machine.
pub(super) fn check_address(base: &str) -> Result<(), EgressError> {
    let parsed = reqwest::Url::parse(base).map_err(|_| EgressError::PlainText)?;
    let is_here = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && is_here) {
        return Ok(());
    }
    Err(EgressError::PlainText)
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

#[cfg(test)]
mod tests {
    use super::check_address;

    /// Policy §5: data in transit is encrypted.
    #[test]
    fn a_model_on_another_machine_must_be_reached_over_tls() {
        for right in
            ["https://api.example/v1", "http://127.0.0.1:8000/v1", "http://localhost:11434/v1"]
        {
            assert!(check_address(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://10.0.0.5:8000/v1",
            "http://127.0.0.1.example/v1",
            "ftp://localhost/",
            "nonsense",
        ] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
    }
}
