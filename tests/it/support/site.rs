//! A customer's site: pages on an origin of their own, with or without a content policy.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use veetflow::domain::origin::Origin;
use veetflow::domain::tenant::{Period, TenantSlug};
use veetflow::id::{TenantId, WidgetId};

use super::TestApp;

/// A page by its path, without the first slash; a name that ends in `.js` is a script.
pub type Page = (&'static str, String);

/// A site that runs until the test ends, and the widget that it may show.
pub struct Site {
    pub origin: String,
    pub widget: String,
}

impl Site {
    /// Opens a site whose pages are made of the chat server's address and the widget's name.
    pub async fn open(
        app: &TestApp,
        policy: Option<String>,
        pages: impl Fn(&str, &str) -> Vec<Page>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let (tenant, widget): (TenantId, WidgetId) =
            (app.services.ids.next(), app.services.ids.next());
        let slug = TenantSlug::parse("site").expect("a slug");
        let store = app.store();
        let period = Period::DEFAULT;
        assert!(store.create_tenant(tenant, &slug, "Site", period, app.now()).await.expect("made"));
        let origins = [Origin::parse(&origin).expect("an origin")];
        assert!(store.create_widget(tenant, widget, &origins, app.now()).await.expect("made"));
        app.refresh_tenants().await;
        let pages = pages(&app.origin(), &widget.to_string());
        drop(actix_web::rt::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                answer(connection, &pages, policy.as_deref()).await;
            }
        }));
        Self { origin, widget: widget.to_string() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }
}

async fn answer(mut connection: TcpStream, pages: &[Page], policy: Option<&str>) {
    let mut request = [0_u8; 4096];
    let Ok(length) = connection.read(&mut request).await else { return };
    let request = String::from_utf8_lossy(&request[..length]);
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let found = pages.iter().find(|(name, _)| *name == path);
    let is_asked_by_itself = path == "favicon.ico";
    let status = if found.is_some() || is_asked_by_itself { "200 OK" } else { "404 Not Found" };
    let body = found.map_or("", |(_, text)| text.as_str());
    let is_script = std::path::Path::new(&path).extension().is_some_and(|ending| ending == "js");
    let kind = if is_script { "text/javascript" } else { "text/html" };
    let policy =
        policy.map(|policy| format!("content-security-policy: {policy}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n{policy}\r\n",
        body.len()
    );
    drop(connection.write_all(format!("{head}{body}").as_bytes()).await);
}
