//! Language models. A provider takes a disclosed prompt and gives a stream of deltas; what it is called and where it runs
//! is its own business.
//!
//! To add one: a file here, a line in [`Providers::new`].

mod egress;
pub mod knowledge;
mod openai;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;

use crate::code::{Coded, ErrorCode};
use crate::config;
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::domain::turn::{Citation, StopReason, Usage};
use crate::id::TenantId;
use crate::privacy::disclosure::Disclosed;

use knowledge::Library;

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// More words.
    Text(String),
    /// Sources of what was said.
    Citations(Vec<Citation>),
    /// What was counted.
    Usage(Usage),
    /// The provider says that it is done. A stream that ends without this was cut off.
    Stop(StopReason),
}

/// The stream of one answer. Dropping it ends the call.
pub type Deltas = BoxStream<'static, Result<Delta, ProviderError>>;

/// Why a provider gave no answer, or only a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Too much to do, there.
    #[error("the provider is overloaded")]
    Overloaded,
    /// Too many requests from here.
    #[error("the provider limits our rate")]
    RateLimited {
        /// When to try again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The key is wrong or missing.
    #[error("the provider does not accept the key")]
    Auth,
    /// The request was refused as it stands.
    #[error("the provider refused the request (status {status})")]
    Rejected {
        /// Its HTTP status.
        status: u16,
    },
    /// An answer that is not of the protocol.
    #[error("the provider's answer could not be read")]
    Malformed,
    /// The connection broke or never came about.
    #[error("the connection to the provider failed")]
    Interrupted,
    /// Nothing came in time.
    #[error("the provider was silent for too long")]
    Silent,
}

impl Coded for ProviderError {
    fn code(&self) -> ErrorCode {
        ErrorCode::ProviderUnavailable
    }
}

/// A language model.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in records.
    fn name(&self) -> &'static str;

    /// The model, as the provider calls it.
    fn model(&self) -> &str;

    /// What visitors are told about who answers.
    fn label(&self, language: Language) -> String;

    /// Who processes the words, as the consent notice names them.
    fn processor(&self, language: Language) -> String;

    /// Asks. Nothing is sent before the stream is polled.
    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas;
}

/// The providers of one worker thread: their connections live on its runtime.
#[derive(Debug, Clone)]
pub struct Providers {
    model: Option<Arc<dyn Provider>>,
    library: Arc<Library>,
}

impl Providers {
    /// Sets up what the configuration names. Without any, the tenants' own documents answer.
    pub fn new(
        settings: &config::Providers,
        library: Arc<Library>,
    ) -> Result<Self, egress::EgressError> {
        let model: Option<Arc<dyn Provider>> = if openai::is_wanted(&settings.openai) {
            if !settings.openai.base_url.is_empty() {
                egress::check_address(&settings.openai.base_url)?;
            }
            Some(Arc::new(openai::OpenAi::new(&settings.openai, egress::client()?)))
        } else {
            None
        };
        Ok(Self { model, library })
    }

    /// Providers with this model, for tests that bring one.
    pub fn with_model(model: Arc<dyn Provider>, library: Arc<Library>) -> Self {
        Self { model: Some(model), library }
    }

    /// Who answers for a tenant.
    pub fn for_tenant(&self, tenant: TenantId) -> Arc<dyn Provider> {
        let knowledge = knowledge::Knowledge::new(self.library.clone(), tenant);
        match &self.model {
            Some(model) => Arc::new(knowledge::Grounded::new(model.clone(), knowledge)),
            None => Arc::new(knowledge),
        }
    }
}
