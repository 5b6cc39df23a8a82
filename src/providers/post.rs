//! A request to a provider as its protocol words it, and the one client with which a worker's thread sends it.
//!
//! The client reads an answer in the task that wants it: what has arrived together is taken together, and no other task
//! has to wake first. Redirects and proxies are off, because a key sent to the wrong host cannot be taken back.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use actix_service::ServiceExt;
use actix_tls::connect::{Connector as TcpConnector, Resolver};
use awc::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use awc::{Client, ClientBuilder, Connector, SendClientRequest};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;

/// How long a connection may take to come about, the name's resolution and the handshake each included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nothing is asked over.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection is used at most, so that a name that moved is looked up again.
const LIFETIME: Duration = Duration::from_mins(10);

/// A request with a body.
#[derive(Debug)]
pub(super) struct Post {
    address: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Post {
    /// A `POST` whose body is a JSON document.
    pub(super) fn to(address: String, body: &impl Serialize) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // A body that were no JSON would be refused by the provider; none of the wire types can fail.
        Self { address, headers, body: serde_json::to_vec(body).unwrap_or_default() }
    }

    /// The same with one more header, marked so that nothing prints it.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name), HeaderValue::from_str(value))
        {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// Sends it over this thread's connections.
    pub(super) fn send(self, tls: &Arc<ClientConfig>) -> SendClientRequest {
        let mut request = client(tls).post(self.address);
        *request.headers_mut() = self.headers;
        request.send_body(self.body)
    }
}

fn client(tls: &Arc<ClientConfig>) -> Client {
    thread_local! {
        static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
    }
    CLIENT.with_borrow_mut(|client| client.get_or_insert_with(|| new_client(tls.clone())).clone())
}

fn new_client(tls: Arc<ClientConfig>) -> Client {
    let at_once = TcpConnector::new(Resolver::default()).service().map(
        |connection: actix_tls::connect::Connection<_, actix_rt::net::TcpStream>| {
            // Without it a long prompt waits for the acknowledgement of its first part.
            drop(connection.io_ref().set_nodelay(true));
            connection
        },
    );
    let connector = Connector::new()
        .connector(at_once)
        .rustls_0_23(tls)
        .timeout(CONNECT)
        .handshake_timeout(CONNECT)
        .conn_keep_alive(IDLE)
        .conn_lifetime(LIFETIME)
        .limit(0);
    ClientBuilder::new()
        .connector(connector)
        .no_default_headers()
        .disable_redirects()
        .disable_timeout()
        .finish()
}

/// How providers are trusted: by the roots compiled in, so that it works on a machine without any.
pub(super) fn tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}
