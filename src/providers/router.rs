//! Who answers: the first of a chain that can. Another one is asked only while the visitor has seen nothing, and only
//! when the failure was the provider's and would not repeat itself elsewhere; when no model can answer, the tenant's own
//! documents do.
//!
//! With [`Hedge`], a model that is later than it usually is does not hold the visitor up: the next one of the chain is
//! asked beside it, and whoever speaks first answers (Dean and Barroso, "The Tail at Scale", 2013).

mod allowance;
mod candidate;
mod pace;
mod watched;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use super::metering::{Charge, Meter, Refusal};
use super::{By, Delta, Deltas, Provider, ProviderError};
use crate::code::ErrorCode;
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::privacy::disclosure::{Disclosed, Processor};

pub(super) use allowance::Allowance;
pub(super) use candidate::Candidate;
pub(super) use pace::Pace;

use candidate::Begun;

/// How often the chain is gone through.
const PASSES: usize = 2;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(250);

/// That a second model is asked beside one that is late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hedge {
    /// Of how many requests in a hundred this may be done.
    pub(super) percent: u8,
}

/// A chain of models. It has at least one.
#[derive(Debug, Clone)]
pub(super) struct Router {
    first: Arc<Candidate>,
    others: Vec<Arc<Candidate>>,
    fallback: Arc<dyn Provider>,
    hedge: Option<Hedge>,
    meter: Meter,
}

/// How far one question has come.
struct Asking {
    prompt: Disclosed<Prompt>,
    /// Requests made.
    attempts: u32,
    /// Who was asked beside another one in this pass.
    doubled: Vec<usize>,
    /// Whether a model was passed over because the budget has no room.
    is_short: bool,
}

impl Router {
    /// Over a chain, with what answers when nobody there does; `None` when the chain is empty.
    pub(super) fn new(
        chain: &[Arc<Candidate>],
        fallback: Arc<dyn Provider>,
        hedge: Option<Hedge>,
        meter: Meter,
    ) -> Option<Self> {
        let (first, others) = chain.split_first()?;
        Some(Self { first: first.clone(), others: others.to_vec(), fallback, hedge, meter })
    }

    fn chain(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    async fn choose(self, prompt: Disclosed<Prompt>) -> Deltas {
        let mut asking = Asking { prompt, attempts: 0, doubled: Vec::new(), is_short: false };
        for pass in 0..PASSES {
            if pass > 0 {
                if asking.attempts == 0 && asking.is_short {
                    break;
                }
                sleep(PAUSE).await;
            }
            asking.doubled.clear();
            for (place, candidate) in self.chain().enumerate() {
                if asking.doubled.contains(&place) {
                    continue;
                }
                let Ok(permitted) = asking.prompt.for_processor(candidate.provider.terms()) else {
                    continue;
                };
                let Some(charge) = self.afford(candidate, &permitted, &mut asking) else {
                    continue;
                };
                if !candidate.admits() {
                    charge.spare();
                    continue;
                }
                match self.race(place, candidate, (permitted, charge), &mut asking).await {
                    Ok(begun) => return begun.told(asking.attempts),
                    Err(failure) if failure.is_transient() => {}
                    Err(_) => return self.fall_back(asking),
                }
            }
        }
        self.fall_back(asking)
    }

    /// Sets aside what asking a model can cost.
    fn afford(
        &self,
        candidate: &Candidate,
        prompt: &Disclosed<Prompt>,
        asking: &mut Asking,
    ) -> Option<Charge> {
        match self.meter.reserve(candidate.provider.as_ref(), prompt.get()) {
            Ok(charge) => Some(charge),
            Err(Refusal::Reached(window)) => {
                asking.is_short = true;
                tracing::info!(window = window.as_str(), "a budget has no room for a request");
                None
            }
            Err(Refusal::Unpriced) => {
                let provider = candidate.provider.name();
                tracing::warn!(
                    provider,
                    "a model without a price is not asked under a cap in money"
                );
                None
            }
        }
    }

    /// Asks a model, and where it is late the next one beside it. Who loses is dropped, which closes its connection.
    async fn race(
        &self,
        place: usize,
        candidate: &Arc<Candidate>,
        (permitted, charge): (Disclosed<Prompt>, Charge),
        asking: &mut Asking,
    ) -> Result<Begun, ProviderError> {
        asking.attempts += 1;
        let late = self.hedge.and_then(|hedge| candidate.late(hedge));
        let asked = Instant::now();
        let mut first = pin!(candidate.ask(permitted, charge));
        let Some(late) = late else { return first.await };
        tokio::select! {
            biased;
            outcome = &mut first => return outcome,
            () = sleep(late) => {}
        }
        let Some((place, next, permitted)) = self.second(place, asking) else {
            return first.await;
        };
        let Some(charge) = self.afford(next, &permitted, asking) else { return first.await };
        if !candidate.may_be_doubled() {
            charge.spare();
            return first.await;
        }
        asking.attempts += 1;
        asking.doubled.push(place);
        let mut second = pin!(next.ask(permitted, charge));
        tokio::select! {
            biased;
            outcome = &mut first => match outcome {
                Ok(begun) => Ok(begun),
                Err(failure) => second.await.map_err(|_| failure),
            },
            outcome = &mut second => match outcome {
                Ok(begun) => {
                    candidate.was_outrun(asked.elapsed());
                    Ok(begun)
                }
                Err(_) => first.await,
            },
        }
    }

    /// The next one of the chain that is well and may be shown the prompt, with a permission of its own.
    fn second(
        &self,
        place: usize,
        asking: &Asking,
    ) -> Option<(usize, &Arc<Candidate>, Disclosed<Prompt>)> {
        let following = self.chain().enumerate().skip(place + 1);
        let mut fit = following
            .filter(|(place, candidate)| !asking.doubled.contains(place) && candidate.is_well());
        fit.find_map(|(place, candidate)| {
            let permitted = asking.prompt.for_processor(candidate.provider.terms()).ok()?;
            Some((place, candidate, permitted))
        })
    }

    fn fall_back(&self, asking: Asking) -> Deltas {
        let by = By::new(self.fallback.as_ref(), asking.attempts + 1);
        let notice = asking.is_short.then_some(Ok(Delta::Notice(ErrorCode::BudgetReached)));
        let told = futures_util::stream::iter(notice.into_iter().chain([Ok(Delta::By(by))]));
        told.chain(self.fallback.stream(asking.prompt)).boxed_local()
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
