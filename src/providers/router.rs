//! Who answers: the first of a chain that can. Another one is asked only while the visitor has seen nothing, and only
//! when the failure was the provider's and would not repeat itself elsewhere; when no model can answer, the tenant's own
//! documents do.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use super::breaker::Breaker;
use super::{By, Delta, Deltas, Provider, ProviderError};
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::privacy::disclosure::{Disclosed, Processor};

/// How often the chain is gone through.
const PASSES: usize = 2;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(250);

/// A chain of models. It has at least one.
#[derive(Debug, Clone)]
pub(super) struct Router {
    first: Arc<Candidate>,
    others: Vec<Arc<Candidate>>,
    fallback: Arc<dyn Provider>,
}

/// A model, and what is known of its health.
#[derive(Debug)]
pub(super) struct Candidate {
    provider: Arc<dyn Provider>,
    breaker: Breaker,
}

impl Candidate {
    pub(super) fn new(provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self { provider, breaker: Breaker::default() })
    }

    pub(super) fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }
}

impl Router {
    /// Over a chain, with what answers when nobody there does; `None` when the chain is empty.
    pub(super) fn new(chain: &[Arc<Candidate>], fallback: Arc<dyn Provider>) -> Option<Self> {
        let (first, others) = chain.split_first()?;
        Some(Self { first: first.clone(), others: others.to_vec(), fallback })
    }

    fn chain(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    async fn choose(self, prompt: Disclosed<Prompt>) -> Deltas {
        let mut attempts = 0;
        for pass in 0..PASSES {
            if pass > 0 {
                sleep(PAUSE).await;
            }
            for candidate in self.chain() {
                let Ok(permitted) = prompt.for_processor(candidate.provider.terms()) else {
                    continue;
                };
                if !candidate.breaker.admits(Instant::now()) {
                    continue;
                }
                attempts += 1;
                match candidate.ask(permitted, attempts).await {
                    Ok(deltas) => return deltas,
                    Err(failure) if failure.is_transient() => {}
                    Err(_) => return self.fall_back(prompt, attempts),
                }
            }
        }
        self.fall_back(prompt, attempts)
    }

    fn fall_back(&self, prompt: Disclosed<Prompt>, attempts: u32) -> Deltas {
        let by = By::new(self.fallback.as_ref(), attempts + 1);
        let told = futures_util::stream::iter([Ok(Delta::By(by))]);
        told.chain(self.fallback.stream(prompt)).boxed_local()
    }
}

impl Candidate {
    /// The answer, once its first delta has come.
    async fn ask(
        self: &Arc<Self>,
        prompt: Disclosed<Prompt>,
        attempts: u32,
    ) -> Result<Deltas, ProviderError> {
        let mut deltas = self.provider.stream(prompt);
        let failure = match deltas.next().await {
            Some(Ok(first)) => {
                let by = Delta::By(By::new(self.provider.as_ref(), attempts));
                let begun = futures_util::stream::iter([Ok(by), Ok(first)]);
                let candidate = self.clone();
                let watched = begun.chain(deltas).inspect(move |delta| match delta {
                    Ok(Delta::Stop(_)) => candidate.breaker.succeed(),
                    Ok(_) => {}
                    Err(error) => candidate.breaker.fail(error, Instant::now()),
                });
                return Ok(watched.boxed_local());
            }
            Some(Err(error)) => error,
            None => ProviderError::Interrupted,
        };
        self.breaker.fail(&failure, Instant::now());
        tracing::warn!(
            provider = self.provider.name(),
            error = %failure,
            attempts,
            "a provider did not answer"
        );
        Err(failure)
    }
}

impl Provider for Router {
    fn name(&self) -> &'static str {
        self.first.provider.name()
    }

    fn model(&self) -> &str {
        self.first.provider.model()
    }

    fn label(&self, language: Language) -> String {
        self.first.provider.label(language)
    }

    /// Everyone who may come to see the words.
    fn processor(&self, language: Language) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.chain().map(|candidate| candidate.provider.processor(language)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(language.pick("、", ", "))
    }

    fn terms(&self) -> Processor {
        Processor::default()
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        futures_util::stream::once(self.clone().choose(prompt)).flatten().boxed_local()
    }
}
