//! Answers from a tenant's own documents, without a network: by itself as a provider, and as the ground on which a model
//! stands.

pub mod compose;
mod excerpt;
mod grounded;
pub mod index;
mod library;
mod passages;
pub mod reading;
pub mod segment;
mod vocabulary;

use std::sync::Arc;

use futures_util::StreamExt;

use super::{Delta, Deltas, Provider, ProviderError};
use crate::domain::language::Language;
use crate::domain::prompt::{Passage, Prompt};
use crate::domain::turn::StopReason;
use crate::id::TenantId;
use crate::privacy::disclosure::Disclosed;

use compose::Reply;

pub use grounded::Grounded;
pub use library::{Library, Shelved};

/// A tenant's documents as a provider.
#[derive(Debug, Clone)]
pub struct Knowledge {
    library: Arc<Library>,
    tenant: TenantId,
}

impl Knowledge {
    /// The provider of one tenant.
    pub fn new(library: Arc<Library>, tenant: TenantId) -> Self {
        Self { library, tenant }
    }

    fn passages(&self, prompt: &Prompt) -> Vec<Passage> {
        self.library.find(self.tenant, prompt.question(), prompt.language)
    }

    fn look_up(&self, query: &str, language: Language) -> Vec<Passage> {
        self.library.find(self.tenant, query, language)
    }

    fn way_to_a_person(&self, prompt: &Prompt) -> String {
        self.library.way_to_a_person(self.tenant, language_of(prompt))
    }
}

impl Provider for Knowledge {
    fn name(&self) -> &'static str {
        "knowledge"
    }

    fn model(&self) -> &'static str {
        "bm25"
    }

    fn label(&self, language: Language) -> String {
        language.pick(
            "知识库自动回答，并非真人".to_owned(),
            "Automatic answers from our documents, not a person".to_owned(),
        )
    }

    fn processor(&self, language: Language) -> String {
        language.pick("本服务自己的知识库".to_owned(), "our own knowledge base".to_owned())
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let prompt = prompt.into_inner();
        let language = language_of(&prompt);
        let deltas = match self.library.reply(self.tenant, prompt.question(), language) {
            Reply::Answered { paragraphs, citations } => {
                let mut deltas = spoken(&paragraphs.join("\n\n"));
                if !citations.is_empty() {
                    deltas.push(Delta::Citations(citations));
                }
                deltas.push(Delta::Stop(StopReason::Complete));
                deltas
            }
            Reply::Abstained { text } => {
                let mut deltas = spoken(&text);
                deltas.push(Delta::Stop(StopReason::Abstained));
                deltas
            }
        };
        paced(deltas)
    }
}

fn language_of(prompt: &Prompt) -> Language {
    if prompt.question().trim().is_empty() {
        prompt.language
    } else {
        compose::detect_language(prompt.question())
    }
}

fn spoken(text: &str) -> Vec<Delta> {
    compose::pieces(text).into_iter().map(Delta::Text).collect()
}

/// Gives the words one after another at a pace that can be read, so that a long answer can be stopped like any other.
fn paced(deltas: Vec<Delta>) -> Deltas {
    const PACE: std::time::Duration = std::time::Duration::from_millis(12);
    futures_util::stream::iter(deltas)
        .then(|delta| async move {
            if matches!(delta, Delta::Text(_)) {
                tokio::time::sleep(PACE).await;
            }
            Ok::<_, ProviderError>(delta)
        })
        .boxed_local()
}
