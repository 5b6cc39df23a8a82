//! A request to a provider as its protocol words it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use serde::Serialize;

use super::connections::{self, Answer, Lost};

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
    pub(super) async fn send(self, tls: Arc<ClientConfig>) -> Result<Answer, Lost> {
        let mut request = Request::post(self.address)
            .body(Full::new(Bytes::from(self.body)))
            .map_err(|_| Lost::Address)?;
        *request.headers_mut() = self.headers;
        connections::send(request, &tls).await
    }
}
