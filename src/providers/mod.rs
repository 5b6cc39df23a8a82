//! Language models. A provider takes a disclosed prompt and gives a stream of deltas; what it is called and where it runs
//! is its own business.
//!
//! To add one: a file here with its `Protocol` (`model.rs`), and a line in [`Providers::sharing`].

mod anthropic;
mod breaker;
mod call;
mod connections;
mod egress;
mod google;
mod health;
pub mod knowledge;
mod metering;
mod model;
mod openai;
mod openai_responses;
mod post;
mod pseudonymous;
mod router;
mod sse;
mod workshop;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::LocalBoxStream;

use crate::code::{Coded, ErrorCode};
use crate::config;
use crate::domain::answering::Answering;
use crate::domain::budget::{Spend, Tariff};
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::domain::tool::LONGEST_ARGUMENTS;
use crate::domain::turn::{Citation, StopReason, Usage};
use crate::id::TenantId;
use crate::privacy::disclosure::{Disclosed, Processor};
use crate::privacy::transfer::{Region, Safeguard, Transfer};

use knowledge::Library;
use metering::Meter;
use router::{Hedge, Router};
use workshop::Workshop;

pub use health::Health;
pub use metering::{Accounts, Entry, Unwritten};

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// Who answers, before the first word, where that was decided only now.
    By(By),
    /// More words.
    Text(String),
    /// Sources of what was said.
    Citations(Vec<Citation>),
    /// What was counted.
    Usage(Usage),
    /// The model asks for a tool. Its words are not to be trusted.
    Tool(ToolRequest),
    /// What the conversation has spent by now, with the most that is under way.
    Spent(Spend),
    /// Something that the visitor is told beside the answer.
    Notice(ErrorCode),
    /// The provider says that it is done. A stream that ends without this was cut off.
    Stop(StopReason),
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The provider, in records.
    pub provider: &'static str,
    /// The model.
    pub model: String,
    /// How many requests it took, this one included.
    pub attempts: u32,
}

impl By {
    fn new(provider: &dyn Provider, attempts: u32) -> Self {
        Self { provider: provider.name(), model: provider.model().to_owned(), attempts }
    }
}

/// A model's request for a tool, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolRequest {
    /// The tool's name.
    pub name: String,
    /// Its arguments, which should be a JSON object.
    pub arguments: String,
}

impl ToolRequest {
    /// Adds a piece of the arguments. What is too long to be carried out is not collected either.
    fn push(&mut self, piece: &str) {
        if self.arguments.len() <= LONGEST_ARGUMENTS {
            self.arguments.push_str(piece);
        }
    }
}

/// The stream of one answer. Dropping it ends the call.
pub type Deltas = LocalBoxStream<'static, Result<Delta, ProviderError>>;

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
    /// The request would have been led elsewhere; it was not followed.
    #[error("the provider answered with a redirect, which is not followed")]
    Redirected,
    /// An answer that is not of the protocol.
    #[error("the provider's answer could not be read")]
    Malformed,
    /// An answer that did not come to an end within the bounds of size and time.
    #[error("the provider's answer was without end")]
    Endless,
    /// The connection broke or never came about.
    #[error("the connection to the provider failed")]
    Interrupted,
    /// Nothing came in time.
    #[error("the provider was silent for too long")]
    Silent,
}

impl ProviderError {
    /// Whether another provider, or the same one later, may answer what this one did not. A wrong key or a request that
    /// is refused as it stands is for a person to put right.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded
            | Self::RateLimited { .. }
            | Self::Malformed
            | Self::Endless
            | Self::Interrupted
            | Self::Silent => true,
            Self::Auth | Self::Rejected { .. } | Self::Redirected => false,
        }
    }
}

impl ProviderError {
    /// Whether a request that ended so before its first word may be on the provider's bill.
    fn may_cost(&self) -> bool {
        match self {
            Self::Malformed | Self::Endless | Self::Interrupted | Self::Silent => true,
            Self::Overloaded
            | Self::RateLimited { .. }
            | Self::Auth
            | Self::Rejected { .. }
            | Self::Redirected => false,
        }
    }
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

    /// What its terms demand of whoever's words it is shown.
    fn terms(&self) -> Processor {
        Processor::default()
    }

    /// What asking it means for a budget; `None`: nothing.
    fn tariff(&self) -> Option<Tariff> {
        None
    }

    /// Asks. Nothing is sent before the stream is polled.
    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas;
}

/// A model that no conversation may be shown (policy §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfReach {
    name: &'static str,
    transfer: Transfer,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, transfer } = self;
        let place = |region: Option<Region>| region.map_or("?".to_owned(), |it| it.to_string());
        let safeguard = transfer.safeguard.map_or("none", Safeguard::as_str);
        write!(
            formatter,
            "{name} is never asked: words would go from {} to {} with the safeguard {safeguard}, which is not enough; set \
             region and transfer of {name} (docs/PROVIDERS.md)",
            place(transfer.from),
            place(transfer.to),
        )
    }
}

/// The providers of one worker thread: their connections live on its runtime.
#[derive(Debug, Clone)]
pub struct Providers {
    models: Models,
    library: Arc<Library>,
    accounts: Arc<Accounts>,
    /// Whether a second model is asked beside a late one where a tenant has not decided.
    hedges: bool,
    hedge: Hedge,
}

#[derive(Debug, Clone)]
enum Models {
    /// From settings; where they give a tenant none, its own documents answer.
    Made(Arc<Workshop>),
    /// One that a test brings.
    Given(Arc<dyn Provider>),
}

impl Providers {
    /// Sets up what the configuration names. Without any, the tenants' own documents answer. What was learned of the models'
    /// health and what tenants have spent is shared with the other workers.
    pub fn sharing(
        settings: &config::Providers,
        library: Arc<Library>,
        health: Arc<Health>,
        accounts: Arc<Accounts>,
    ) -> Result<Self, egress::EgressError> {
        let workshop = Workshop::new(settings, health)?;
        let hedge = Hedge { percent: settings.hedge_percent };
        let models = Models::Made(Arc::new(workshop));
        Ok(Self { models, library, accounts, hedges: settings.hedge, hedge })
    }

    /// Providers with this model, for tests that bring one.
    pub fn with_model(
        model: Arc<dyn Provider>,
        library: Arc<Library>,
        accounts: Arc<Accounts>,
    ) -> Self {
        let hedge = Hedge { percent: 0 };
        Self { models: Models::Given(model), library, accounts, hedges: false, hedge }
    }

    /// The models that no conversation may be shown, because they are abroad and nothing makes the transfer lawful.
    pub fn out_of_reach(
        settings: &config::Providers,
    ) -> Result<Vec<OutOfReach>, egress::EgressError> {
        let models = egress::ordered(settings)?;
        let refused = models.into_iter().filter(|(.., transfer)| !transfer.is_lawful());
        Ok(refused.map(|(name, _, transfer)| OutOfReach { name, transfer }).collect())
    }

    /// The models by themselves, in the order in which they are asked.
    pub fn models(&self) -> Vec<Arc<dyn Provider>> {
        match &self.models {
            Models::Given(model) => vec![model.clone()],
            Models::Made(workshop) => workshop.models(),
        }
    }

    /// Who answers for a tenant in a conversation that has spent so much.
    pub fn for_tenant(
        &self,
        tenant: TenantId,
        answering: &Answering,
        spent: Spend,
    ) -> Arc<dyn Provider> {
        let knowledge = knowledge::Knowledge::new(self.library.clone(), tenant);
        let model: Arc<dyn Provider> = match &self.models {
            Models::Given(model) => model.clone(),
            Models::Made(workshop) => {
                let chain = workshop.chain(tenant, answering);
                let meter = Meter::new(&self.accounts, tenant, answering.caps(), spent);
                let hedge = answering.settings.hedge.unwrap_or(self.hedges).then_some(self.hedge);
                match Router::new(&chain, Arc::new(knowledge.clone()), hedge, meter) {
                    Some(router) => Arc::new(router),
                    None => return Arc::new(knowledge),
                }
            }
        };
        Arc::new(knowledge::Grounded::new(model, knowledge))
    }
}
