//! A tenant of its own: a widget, a key, documents, and visitors who ask.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use veetflow::domain::origin::Origin;
use veetflow::domain::tenant::{Period, TenantSlug};
use veetflow::id::{ApiKeyId, TenantId, WidgetId};
use veetflow::services::api_keys;

use super::app::Plan;
use super::visitor::uuid;
use super::{TestApp, Visitor};

pub const MARKDOWN: &str = "text/markdown";

/// A shop in a house.
pub struct Shop {
    pub address: String,
    pub tenant: TenantId,
    pub widget: String,
    pub key_id: ApiKeyId,
    pub key: String,
}

/// A house in which documents alone answer.
pub async fn house() -> TestApp {
    TestApp::build(Plan { has_model: false, ..Plan::default() }).await
}

impl Shop {
    pub async fn open(app: &TestApp, slug: &str) -> Self {
        let (store, ids, now) = (app.store(), &app.services.ids, app.now());
        let (tenant, widget): (TenantId, WidgetId) = (ids.next(), ids.next());
        let short = TenantSlug::parse(slug).expect("a slug");
        assert!(
            store.create_tenant(tenant, &short, slug, Period::DEFAULT, now).await.expect("made")
        );
        let none: [Origin; 0] = [];
        assert!(store.create_widget(tenant, widget, &none, now).await.expect("made"));
        let (key_id, secret) =
            api_keys::create(store, ids, tenant, "test", now, None).await.expect("a key");
        app.refresh_tenants().await;
        let key = secret.reveal().to_owned();
        Self { address: app.address.to_string(), tenant, widget: widget.to_string(), key_id, key }
    }

    /// Calls the interface with this shop's key.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, Value) {
        let response = reqwest::Client::new()
            .request(method, format!("http://{}/v1/tenant/{path}", self.address))
            .bearer_auth(&self.key)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Adds a document that must be taken.
    pub async fn add(&self, query: &str, kind: &str, body: impl Into<reqwest::Body>) -> Value {
        let (status, added) =
            self.call(Method::POST, &format!("documents?{query}"), kind, body).await;
        assert_eq!(status, 201, "{added}");
        added
    }

    /// Adds a document that must be refused, and gives status and code.
    pub async fn refuses(
        &self,
        query: &str,
        kind: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let (status, problem) =
            self.call(Method::POST, &format!("documents?{query}"), kind, body).await;
        (status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, "text/plain", "").await
    }

    /// The short names of all documents.
    pub async fn slugs(&self) -> Vec<String> {
        let (status, list) = self.get("documents").await;
        assert_eq!(status, 200, "{list}");
        let documents = list["documents"].as_array().expect("a list");
        documents.iter().map(|one| one["slug"].as_str().expect("text").to_owned()).collect()
    }

    pub async fn rollback(&self, slug: &str, version: i32) -> (StatusCode, Value) {
        let body = json!({"version": version}).to_string();
        let path = format!("documents/{slug}/rollback");
        self.call(Method::POST, &path, "application/json", body).await
    }

    pub async fn remove(&self, slug: &str) -> StatusCode {
        self.call(Method::DELETE, &format!("documents/{slug}"), "text/plain", "").await.0
    }

    /// A visitor of this shop who has agreed.
    pub async fn visitor(&self) -> Visitor {
        let mut visitor = Visitor::stranger(&self.address);
        visitor.widget.clone_from(&self.widget);
        visitor.connect().await;
        visitor.say(&json!({"type": "open"})).await;
        visitor.ready().await;
        visitor.agree().await;
        visitor
    }

    /// A new visitor asks; the whole answer and its last frame.
    pub async fn ask(&self, question: &str) -> (String, Value) {
        let mut visitor = self.visitor().await;
        visitor.say(&json!({"type": "send", "id": uuid(), "text": question})).await;
        visitor.answer().await
    }

    /// A question that must be answered with these words and a citation of this title.
    pub async fn answers(&self, question: &str, words: &str, title: &str) {
        let (text, done) = self.ask(question).await;
        assert!(text.contains(words), "{question}: {text}");
        assert_eq!(done["stop_reason"], "complete", "{done}");
        let cited = done["citations"].to_string();
        assert!(cited.contains(title), "{cited} does not cite {title}");
    }

    /// A question that must not be answered.
    pub async fn abstains(&self, question: &str) {
        let (text, done) = self.ask(question).await;
        assert_eq!(done["stop_reason"], "abstained", "{question}: {text}");
        assert!(!text.contains("veetflow"), "somebody else's address: {text}");
    }
}
