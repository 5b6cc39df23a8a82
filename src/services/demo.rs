//! The demo tenant: its identifiers, and its documents, which are the service's own pages.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::answering::Grant;
use crate::domain::language::Language;
use crate::domain::origin::Origin;
use crate::domain::tenant::{Period, TenantSlug};
use crate::id::{Id, TenantId, WidgetId};
use crate::providers::knowledge::Library;
use crate::providers::knowledge::compose::Manner;
use crate::providers::knowledge::index::Document;
use crate::store::{Store, StoreError};

pub use crate::providers::knowledge::index::anchor;

/// The demo tenant.
pub const TENANT: TenantId = Id::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_0000));
/// Its widget, as `static/demo` embeds it.
pub const WIDGET: WidgetId = Id::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_0001));

/// One page: path segment, language, Markdown.
pub const PAGES: &[(&str, Language, &str)] = &[
    ("product", Language::Zh, include_str!("../../static/knowledge/zh/product.md")),
    ("privacy", Language::Zh, include_str!("../../static/knowledge/zh/privacy.md")),
    ("retention", Language::Zh, include_str!("../../static/knowledge/zh/retention.md")),
    ("product", Language::En, include_str!("../../static/knowledge/en/product.md")),
    ("privacy", Language::En, include_str!("../../static/knowledge/en/privacy.md")),
    ("retention", Language::En, include_str!("../../static/knowledge/en/retention.md")),
];

/// The documents from which the demo tenant's questions are answered.
pub fn documents() -> Vec<Document> {
    PAGES
        .iter()
        .map(|(slug, language, markdown)| Document {
            slug: (*slug).to_owned(),
            title: markdown
                .lines()
                .next()
                .unwrap_or(slug)
                .trim_start_matches('#')
                .trim()
                .to_owned(),
            url: format!("/pages/{}/{slug}", language.as_str()),
            language: *language,
            markdown: (*markdown).to_owned(),
        })
        .collect()
}

/// Puts the demo tenant's documents on its shelf; they are part of the program and no rows.
pub fn furnish(library: &Library) {
    let manner = Manner {
        contact: Some("privacy@veetflow.com".to_owned()),
        topics: Some((
            "比如隐私、数据保留与删除以及产品使用：“聊天记录保留多久？”、“怎么撤回同意？”。",
            "I know about privacy, data retention and deletion, and how the product works: “How long are my chats kept?”, \
             “How do I withdraw my consent?”",
        )),
    };
    library.furnish(TENANT, &documents(), manner);
}

/// Makes the demo tenant where it is missing. Its widget may be shown by pages of this server itself.
pub async fn ensure(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let Ok(slug) = TenantSlug::parse("demo") else { return Ok(()) };
    if store.create_tenant(TENANT, &slug, "VeetFlow", Period::DEFAULT, now).await? {
        store.set_grant(TENANT, Grant { operator_keys: true, ..Grant::default() }).await?;
    }
    let none: [Origin; 0] = [];
    store.create_widget(TENANT, WIDGET, &none, now).await?;
    Ok(())
}
