//! The widget as a release: minified, compressed twice, and fetched by a name that changes with its content.

use actix_web::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, ETAG,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::{Value, json};

use super::pages::RESOURCE_POLICY;
use super::problem::Problem;
use crate::code::ErrorCode;

/// One file of the release, as `build.rs` made it.
struct Built {
    path: &'static str,
    /// For `integrity="…"`: SHA-384 of the plain bytes.
    integrity: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

static FILES: &[Built] = include!(concat!(env!("OUT_DIR"), "/widget.rs"));

/// The file whose name never changes, and whose content does.
const LOADER: &str = "/v1/widget.js";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_NOW: HeaderValue = HeaderValue::from_static("public, max-age=300");

impl Built {
    /// Named by its digest, so that it never changes.
    fn is_versioned(&self) -> bool {
        self.path.starts_with("/widget/")
    }

    /// The smallest form that the client reads (RFC 9110 §12.5.3; a weight of 0 refuses).
    fn best(&self, accepted: &str) -> (Option<&'static str>, &'static [u8]) {
        let takes = |coding: &str| {
            accepted.split(',').any(|entry| {
                let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
                let is_refused = weight
                    .trim()
                    .strip_prefix("q=")
                    .is_some_and(|weight| weight.chars().all(|letter| matches!(letter, '0' | '.')));
                name.trim().eq_ignore_ascii_case(coding) && !is_refused
            })
        };
        if takes("br") {
            (Some("br"), self.brotli)
        } else if takes("gzip") {
            (Some("gzip"), self.gzip)
        } else {
            (None, self.plain)
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let header =
            |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let accepted = header(ACCEPT_ENCODING).unwrap_or_default();
        let (coding, bytes) = self.best(accepted);
        let tag = format!("\"{}{}\"", self.integrity, coding.unwrap_or_default());
        let mut response = if header(IF_NONE_MATCH) == Some(&tag) {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        response
            .content_type("text/javascript; charset=utf-8")
            .insert_header((CACHE_CONTROL, if self.is_versioned() { FOREVER } else { FOR_NOW }))
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .insert_header((RESOURCE_POLICY, "cross-origin"))
            .insert_header((VARY, "accept-encoding"))
            .insert_header((ETAG, tag.clone()));
        if let Some(coding) = coding {
            response.insert_header((CONTENT_ENCODING, coding));
        }
        if header(IF_NONE_MATCH) == Some(&tag) { response.finish() } else { response.body(bytes) }
    }
}

fn found(request: &HttpRequest, path: &str) -> Result<HttpResponse, Problem> {
    let file = FILES.iter().find(|file| file.path == path).ok_or(ErrorCode::NotFound)?;
    Ok(file.answer(request))
}

/// The loader, at the address that snippets name.
#[get("/v1/widget.js")]
pub(super) async fn loader(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, LOADER)
}

/// The parts of a release.
#[get("/widget/{version:[0-9a-f]{16}}/{name}")]
pub(super) async fn part(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, request.path())
}

/// Scripts that answer other vendors' calls.
#[get("/v1/compat/{name}")]
pub(super) async fn shim(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, request.path())
}

/// Chatwoot's own address.
#[get("/packs/js/sdk.js")]
pub(super) async fn chatwoot(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, "/v1/compat/chatwoot.js")
}

/// Crisp's own address.
#[get("/l.js")]
pub(super) async fn crisp(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, "/v1/compat/crisp.js")
}

/// Zendesk's own address.
#[get("/ekr/snippet.js")]
pub(super) async fn zendesk(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, "/v1/compat/zendesk.js")
}

/// Intercom's own address, which ends in the application's name.
#[get("/widget/{widget:wgt_[0-9a-f]{32}}")]
pub(super) async fn intercom(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, "/v1/compat/intercom.js")
}

/// tawk.to's own address: a property, then the widget.
#[get("/{property:[0-9A-Za-z_-]{1,64}}/{widget:wgt_[0-9a-f]{32}}")]
pub(super) async fn tawk(request: HttpRequest) -> Result<HttpResponse, Problem> {
    found(&request, "/v1/compat/tawk.js")
}

/// What the release consists of: addresses, digests for `integrity`, and sizes in bytes.
#[get("/v1/widget.json")]
pub(super) async fn manifest() -> HttpResponse {
    let files: Vec<Value> = FILES
        .iter()
        .map(|file| {
            json!({
                "path": file.path, "integrity": file.integrity, "bytes": file.plain.len(),
                "gzip": file.gzip.len(), "brotli": file.brotli.len(),
            })
        })
        .collect();
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, FOR_NOW))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(json!({ "files": files }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_form_that_is_accepted_is_sent_and_a_refused_one_is_not() {
        let file = FILES.iter().find(|built| built.path == LOADER).expect("a loader");
        assert_eq!(file.best("gzip, deflate, br").0, Some("br"));
        assert_eq!(file.best("gzip;q=0.8, br;q=0").0, Some("gzip"));
        assert_eq!(file.best("deflate").0, None);
        assert_eq!(file.best("").0, None);
    }
}
