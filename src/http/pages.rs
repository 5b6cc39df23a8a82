//! What a browser reads: the widget's files, the demo site, and the documents from which the demo is answered.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderName, IF_NONE_MATCH,
};
use actix_web::{HttpRequest, HttpResponse, get, web};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::caller::widget_of;
use super::headers::policy;
use super::problem::Problem;
use crate::code::ErrorCode;
use crate::domain::language::Language;
use crate::services::demo::{PAGES, anchor};

#[derive(RustEmbed)]
#[folder = "static/widget/"]
struct WidgetFiles;

#[derive(RustEmbed)]
#[folder = "static/demo/"]
struct DemoFiles;

#[derive(RustEmbed)]
#[folder = "static/app/"]
struct AppFiles;

pub(super) const RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

fn file(
    request: &HttpRequest,
    name: &str,
    found: Option<EmbeddedFile>,
) -> Result<HttpResponse, Problem> {
    let found = found.ok_or(ErrorCode::NotFound)?;
    let tag = found
        .metadata
        .sha256_hash()
        .iter()
        .take(12)
        .fold(String::from("\""), |tag, byte| tag + &format!("{byte:02x}"))
        + "\"";
    let is_known = request
        .headers()
        .get(IF_NONE_MATCH)
        .is_some_and(|given| given.as_bytes() == tag.as_bytes());
    if is_known {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).finish());
    }
    let kind = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(found.data.into_owned()))
}

/// The widget's modules as they stand, to develop it; what customers are sent is in [`super::bundle`].
#[get("/widget/{name}")]
pub(super) async fn widget_file(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let mut response = file(&request, &name, WidgetFiles::get(&name))?;
    let headers = response.headers_mut();
    let anyone = actix_web::http::header::HeaderValue::from_static("*");
    headers.insert(actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    headers
        .insert(RESOURCE_POLICY, actix_web::http::header::HeaderValue::from_static("cross-origin"));
    Ok(response)
}

/// The demo site.
#[get("/")]
pub(super) async fn home(request: HttpRequest) -> Result<HttpResponse, Problem> {
    file(&request, "index.html", DemoFiles::get("index.html"))
}

/// Its files.
#[get("/demo/{name}")]
pub(super) async fn demo_file(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    file(&request, &name, DemoFiles::get(&name))
}

/// The files of the hosted chat and of the configurator.
#[get("/app/{name}")]
pub(super) async fn app_file(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    file(&request, &name, AppFiles::get(&name))
}

/// Where a customer dresses the widget and copies the lines for their page. It changes nothing on the server.
#[get("/configure")]
pub(super) async fn configure(request: HttpRequest) -> Result<HttpResponse, Problem> {
    file(&request, "configure.html", AppFiles::get("configure.html"))
}

/// A widget's chat as a page of its own; sites on the widget's list may frame it, and no others.
#[get("/chat/{widget_id}")]
pub(super) async fn chat(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (widget, gate) = widget_of(&request).ok_or(ErrorCode::NotFound)?;
    let found = AppFiles::get("chat.html").ok_or(ErrorCode::NotFound)?;
    let html = std::str::from_utf8(&found.data).map_err(|_| ErrorCode::Internal)?;
    let name = escaped(&gate.tenant.snapshot.borrow().display_name);
    let html = html.replace("__WIDGET__", &widget.to_string()).replace("__NAME__", &name);
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, policy(gate.origins.iter())))
        .body(html))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One document.
#[get("/pages/{language}/{slug}")]
pub(super) async fn page(path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (language, slug) = path.into_inner();
    let (slug, language, markdown) = PAGES
        .iter()
        .find(|(known, tongue, _)| *known == slug && tongue.as_str() == language)
        .ok_or(ErrorCode::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(render(slug, *language, markdown)))
}

fn render(slug: &str, language: Language, markdown: &str) -> String {
    let title = markdown.lines().next().unwrap_or(slug).trim_start_matches('#').trim();
    let other = language.pick(Language::En, Language::Zh);
    let start = language.pick("首页", "Home");
    let switch = language.pick("English", "中文");
    let tag = language.pick("zh-CN", "en");
    let (code, other) = (language.as_str(), other.as_str());
    let article = body(markdown);
    format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · VeetFlow</title>\
         <link rel=\"icon\" href=\"/demo/favicon.svg\"><link rel=\"stylesheet\" href=\"/demo/page.css\"></head>\
         <body><main class=\"page\"><nav><a href=\"/?lang={code}\">{start}</a> \
         <a href=\"/pages/{other}/{slug}\" hreflang=\"{other}\">{switch}</a></nav><article>{article}</article></main>\
         </body></html>"
    )
}

/// The document as HTML, its headings with the anchors that citations lead to.
fn body(markdown: &str) -> String {
    use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};
    let events: Vec<Event<'_>> = Parser::new(markdown).collect();
    let mut output = Vec::with_capacity(events.len());
    for (position, event) in events.iter().enumerate() {
        let Event::Start(Tag::Heading { level, classes, attrs, .. }) = event else {
            output.push(event.clone());
            continue;
        };
        let words: String = events
            .iter()
            .skip(position + 1)
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| {
                let (Event::Text(text) | Event::Code(text)) = event else { return None };
                Some(text.as_ref())
            })
            .collect();
        output.push(Event::Start(Tag::Heading {
            level: *level,
            id: Some(CowStr::from(anchor(&words))),
            classes: classes.clone(),
            attrs: attrs.clone(),
        }));
    }
    let mut rendered = String::new();
    html::push_html(&mut rendered, output.into_iter());
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::demo;

    #[test]
    fn every_address_a_citation_can_name_is_an_anchor_of_its_page() {
        for (slug, language, markdown) in demo::PAGES {
            let rendered = render(slug, *language, markdown);
            for heading in markdown.lines().filter_map(|line| line.strip_prefix("## ")) {
                let wanted = format!("id=\"{}\"", anchor(heading));
                assert!(rendered.contains(&wanted), "{slug} has no {wanted}");
            }
        }
    }
}
