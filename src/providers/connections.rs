//! Connections to providers (HTTP/1.1, RFC 9112). Each worker's thread keeps its own, and an answer is read in the task
//! that wants it: what has arrived together is taken together, and no other task has to wake first.
//!
//! Redirects and proxies are not followed, because a key sent to the wrong host cannot be taken back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Request, Uri, http};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// How long a connection may take to come about, the name's resolution and the handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nothing is asked over.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection is used at most, so that a name that moved is looked up again.
const LIFETIME: Duration = Duration::from_mins(10);
/// How many connections a thread keeps for one place that nothing is asked over.
const MOST_IDLE: usize = 128;

/// No answer, or not all of it, came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// Nobody was reached in time.
    #[error("no connection within {} s", CONNECT.as_secs())]
    Late,
    /// The address names no place.
    #[error("no such address")]
    Address,
    /// The place was not reached.
    #[error("no connection")]
    Unreachable(#[from] std::io::Error),
    /// What came is not HTTP, or broke off.
    #[error("the connection was lost")]
    Broken(#[from] hyper::Error),
}

/// An answer's head, and its body as it comes. Dropping it before the end closes the connection.
#[derive(Debug)]
pub(super) struct Answer {
    /// Status and headers.
    pub(super) head: http::response::Parts,
    body: Incoming,
    /// None once the connection is at its end or given back.
    connection: Option<Connection>,
}

impl Answer {
    /// The next bytes of the body; none after the last.
    pub(super) fn poll_bytes(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Lost>>> {
        loop {
            let mut found = Pin::new(&mut self.body).poll_frame(context);
            if found.is_pending() {
                self.advance(context);
                found = Pin::new(&mut self.body).poll_frame(context);
            }
            match found {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => {
                    if let Some(connection) = self.connection.take() {
                        connection.rest();
                    }
                    return Poll::Ready(None);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        let is_at_its_end = |connection: &mut Connection| connection.advance(context).is_ready();
        if self.connection.as_mut().is_some_and(is_at_its_end) {
            self.connection = None;
        }
    }
}

/// Sends a request and waits for the head of its answer. A connection that had ended unseen is replaced by a new one once.
pub(super) async fn send(
    request: Request<Full<Bytes>>,
    tls: &Arc<ClientConfig>,
) -> Result<Answer, Lost> {
    let (place, mut request) = Place::of(request)?;
    while let Some(connection) = Connection::rested(&place).await {
        match connection.ask(request).await {
            Ok(answer) => return Ok(answer),
            Err((_, Some(unsent))) => request = unsent,
            Err((error, None)) => return Err(error.into()),
        }
    }
    let connection =
        timeout(CONNECT, Connection::open(place, tls)).await.map_err(|_| Lost::Late)??;
    connection.ask(request).await.map_err(|(error, _)| error.into())
}

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    is_sealed: bool,
    host: String,
    port: u16,
}

impl Place {
    /// The place that a request is for, and the request as that place wants to read it (RFC 9112 §3.2.1).
    fn of(mut request: Request<Full<Bytes>>) -> Result<(Self, Request<Full<Bytes>>), Lost> {
        let uri = std::mem::take(request.uri_mut());
        let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme()) else {
            return Err(Lost::Address);
        };
        let is_sealed = *scheme != Scheme::HTTP;
        let port = authority.port_u16().unwrap_or(if is_sealed { 443 } else { 80 });
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let named = authority.as_str().rsplit('@').next().unwrap_or_default();
        let named = HeaderValue::from_str(named).map_err(|_| Lost::Address)?;
        request.headers_mut().insert(HOST, named);
        let path = uri.path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Ok((Self { is_sealed, host, port }, request))
    }
}

/// What reads and writes a connection, whenever it is polled.
type Driver = Pin<Box<dyn Future<Output = ()>>>;

struct Connection {
    place: Place,
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    opened: Instant,
    rested: Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("place", &self.place).finish_non_exhaustive()
    }
}

thread_local! {
    /// What rests, last used last.
    static RESTING: RefCell<HashMap<Place, Vec<Connection>>> = RefCell::default();
}

impl Connection {
    async fn open(place: Place, tls: &Arc<ClientConfig>) -> Result<Self, Lost> {
        let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
        // Without it a long prompt waits for the acknowledgement of its first part.
        stream.set_nodelay(true)?;
        if !place.is_sealed {
            return Self::over(place, stream).await;
        }
        let name = ServerName::try_from(place.host.clone()).map_err(|_| Lost::Address)?;
        let stream = TlsConnector::from(tls.clone()).connect(name, stream).await?;
        Self::over(place, stream).await
    }

    async fn over(
        place: Place,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    ) -> Result<Self, Lost> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ended is told to whoever reads the body.
        let driver = Box::pin(async move { drop(connection.await) });
        let now = Instant::now();
        Ok(Self { place, sender, driver, opened: now, rested: now })
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.driver.as_mut().poll(context)
    }

    /// Asks, and hands the request back if none of it was sent.
    async fn ask(
        mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, (hyper::Error, Option<Request<Full<Bytes>>>)> {
        let mut asking = std::pin::pin!(self.sender.try_send_request(request));
        let mut is_open = true;
        let answered = poll_fn(|context| {
            if is_open {
                is_open = self.driver.as_mut().poll(context).is_pending();
            }
            asking.as_mut().poll(context)
        })
        .await;
        match answered {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Answer { head, body, connection: is_open.then_some(self) })
            }
            Err(mut refused) => {
                let unsent = refused.take_message();
                Err((refused.into_error(), unsent))
            }
        }
    }

    /// A connection to a place over which nothing is asked and that is still open, the last used first.
    async fn rested(place: &Place) -> Option<Self> {
        loop {
            let mut connection =
                RESTING.with_borrow_mut(|resting| resting.get_mut(place)?.pop())?;
            let is_ready = poll_fn(|context| {
                let is_open = connection.advance(context).is_pending();
                Poll::Ready(is_open && connection.sender.is_ready())
            })
            .await;
            if is_ready && connection.is_young(Instant::now()) {
                return Some(connection);
            }
        }
    }

    /// Keeps the connection for the next request, and lets go of those that were kept too long.
    fn rest(mut self) {
        let now = Instant::now();
        self.rested = now;
        RESTING.with_borrow_mut(|resting| {
            resting.retain(|_, connections| {
                connections.retain(|connection| connection.is_young(now));
                !connections.is_empty()
            });
            let connections = resting.entry(self.place.clone()).or_default();
            if connections.len() < MOST_IDLE {
                connections.push(self);
            }
        });
    }

    fn is_young(&self, now: Instant) -> bool {
        now - self.rested < IDLE && now - self.opened < LIFETIME
    }
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
