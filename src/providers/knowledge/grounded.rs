//! A model on the ground of a tenant's documents: it is shown the passages that fit the question, may look further ones up,
//! may say that a person is needed, and its answer cites what it was shown.
//!
//! A look-up is answered by asking once more with what was found among the passages, and not by each protocol's own form of
//! a result: so it makes no difference which model of a chain answers the second time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};

use super::super::{By, Delta, Deltas, Provider, ProviderError, ToolRequest};
use super::Knowledge;
use crate::domain::language::Language;
use crate::domain::prompt::{Passage, Prompt};
use crate::domain::tool::Order;
use crate::domain::turn::{Citation, StopReason, Usage};
use crate::privacy::disclosure::{Disclosed, Processor};

/// How often a model may be asked once more for one answer.
const MOST_ROUNDS: u32 = 2;
/// Requests of one round that are looked at.
const MOST_REQUESTS: usize = 4;
/// Passages that a model is shown in all.
const MOST_PASSAGES: usize = 12;

/// The model.
#[derive(Debug, Clone)]
pub struct Grounded {
    model: Arc<dyn Provider>,
    knowledge: Knowledge,
}

impl Grounded {
    /// Puts a model on the ground of a tenant's documents.
    pub fn new(model: Arc<dyn Provider>, knowledge: Knowledge) -> Self {
        Self { model, knowledge }
    }
}

impl Provider for Grounded {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    fn model(&self) -> &str {
        self.model.model()
    }

    fn label(&self, language: Language) -> String {
        self.model.label(language)
    }

    fn processor(&self, language: Language) -> String {
        self.model.processor(language)
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let passages = self.knowledge.passages(prompt.get());
        let prompt = prompt.map(|prompt| Prompt { passages, tools: true, ..prompt });
        match prompt.for_processor(Processor::default()) {
            Ok(permitted) => Answering {
                deltas: Some(self.model.stream(permitted)),
                grounded: self.clone(),
                prompt,
                ready: VecDeque::new(),
                requests: Vec::new(),
                usage: None,
                attempts: 0,
                earlier_attempts: 0,
                round: 0,
                has_spoken: false,
                needs_break: false,
                has_sources: false,
            }
            .boxed_local(),
            Err(_) => self.knowledge.stream(prompt),
        }
    }
}

/// An answer under way, over as many requests as it takes.
struct Answering {
    grounded: Grounded,
    /// The permission that further requests are made under. A withdrawal drops it with the whole answer.
    prompt: Disclosed<Prompt>,
    /// None once it is over.
    deltas: Option<Deltas>,
    ready: VecDeque<Result<Delta, ProviderError>>,
    /// What the model asked for in this round.
    requests: Vec<ToolRequest>,
    usage: Option<Usage>,
    attempts: u32,
    earlier_attempts: u32,
    round: u32,
    has_spoken: bool,
    /// Whether the next words begin a paragraph.
    needs_break: bool,
    /// Whether who answers named sources of its own.
    has_sources: bool,
}

impl Answering {
    fn take(&mut self, delta: Delta) {
        match delta {
            Delta::By(by) => {
                self.attempts = by.attempts.saturating_add(self.earlier_attempts);
                self.give(Delta::By(By { attempts: self.attempts, ..by }));
            }
            Delta::Text(words) => {
                self.has_spoken |= !words.is_empty();
                if std::mem::take(&mut self.needs_break) {
                    self.give(Delta::Text("\n\n".to_owned()));
                }
                self.give(Delta::Text(words));
            }
            Delta::Citations(citations) => {
                self.has_sources = true;
                self.give(Delta::Citations(citations));
            }
            Delta::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().plus(usage)),
            Delta::Spent(spent) => self.give(Delta::Spent(spent)),
            Delta::Notice(code) => self.give(Delta::Notice(code)),
            Delta::Tool(request) if self.requests.len() < MOST_REQUESTS => {
                self.requests.push(request);
            }
            Delta::Tool(_) => {}
            Delta::Stop(reason) => self.stop(reason),
        }
    }

    fn give(&mut self, delta: Delta) {
        self.ready.push_back(Ok(delta));
    }

    /// A round is over: the answer ends, or is carried on with what was looked up.
    fn stop(&mut self, reason: StopReason) {
        let requests = std::mem::take(&mut self.requests);
        if requests.is_empty() || !self.prompt.get().tools {
            let is_empty = !requests.is_empty() && !self.has_spoken;
            return if is_empty { self.fall_back(reason) } else { self.end(Some(reason)) };
        }
        let read = |request: &ToolRequest| Order::read(&request.name, &request.arguments);
        let orders: Vec<Order> = requests.iter().filter_map(read).collect();
        if orders.len() < requests.len() {
            tracing::info!(
                provider = self.grounded.model.name(),
                refused = requests.len() - orders.len(),
                "a model asked for what it may not have"
            );
        }
        if orders.iter().any(|order| matches!(order, Order::Handoff { .. })) {
            return self.hand_off();
        }
        if orders.is_empty() && self.has_spoken {
            return self.end(Some(reason));
        }
        self.ask_again(&orders, reason);
    }

    /// Tells how to reach a person. Nobody is called: there is nobody on this side of the chat.
    fn hand_off(&mut self) {
        if self.has_spoken {
            self.give(Delta::Text("\n\n".to_owned()));
        }
        let notice = self.grounded.knowledge.way_to_a_person(self.prompt.get());
        self.give(Delta::Text(notice));
        self.end(Some(StopReason::HandoffRequested));
    }

    /// Asks the model once more. It may look further only if this brought something, and not without end.
    fn ask_again(&mut self, orders: &[Order], reason: StopReason) {
        let Ok(next) = self.prompt.for_processor(Processor::default()) else {
            return self.end(Some(reason));
        };
        self.round += 1;
        self.earlier_attempts = self.attempts.max(self.round);
        self.needs_break = self.has_spoken;
        let mut passages = next.get().passages.clone();
        let known = passages.len();
        for order in orders {
            if let Order::Search { query } = order {
                let found = self.grounded.knowledge.look_up(query, next.get().language);
                for passage in found {
                    if passages.len() < MOST_PASSAGES && !passages.contains(&passage) {
                        passages.push(passage);
                    }
                }
            }
        }
        let tools = self.round < MOST_ROUNDS && passages.len() > known;
        self.prompt = next.map(|prompt| Prompt { passages, tools, ..prompt });
        match self.prompt.for_processor(Processor::default()) {
            Ok(permitted) => self.deltas = Some(self.grounded.model.stream(permitted)),
            Err(_) => self.end(Some(reason)),
        }
    }

    /// A model that only ever asks has answered nothing; the documents do.
    fn fall_back(&mut self, reason: StopReason) {
        let Ok(permitted) = self.prompt.for_processor(Processor::default()) else {
            return self.end(Some(reason));
        };
        let knowledge = &self.grounded.knowledge;
        let by = By::new(knowledge, self.attempts.saturating_add(1));
        self.deltas = Some(knowledge.stream(permitted));
        self.give(Delta::By(by));
    }

    /// Gives what was counted and where it was taken from, then the reason.
    fn end(&mut self, reason: Option<StopReason>) {
        self.deltas = None;
        if let Some(usage) = self.usage.take() {
            self.give(Delta::Usage(usage));
        }
        let mut citations: Vec<Citation> = Vec::new();
        for Passage { title, url, .. } in &self.prompt.get().passages {
            let citation = Citation { title: title.clone(), url: url.clone() };
            if !citations.contains(&citation) {
                citations.push(citation);
            }
        }
        let has_none = citations.is_empty() || reason == Some(StopReason::Abstained);
        if !has_none && !self.has_sources {
            self.give(Delta::Citations(citations));
        }
        if let Some(reason) = reason {
            self.give(Delta::Stop(reason));
        }
    }
}

impl Stream for Answering {
    type Item = Result<Delta, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let answering = self.get_mut();
        loop {
            if let Some(item) = answering.ready.pop_front() {
                return Poll::Ready(Some(item));
            }
            let Some(deltas) = answering.deltas.as_mut() else { return Poll::Ready(None) };
            match ready!(deltas.poll_next_unpin(context)) {
                Some(Ok(delta)) => answering.take(delta),
                Some(Err(error)) => {
                    answering.deltas = None;
                    answering.ready.push_back(Err(error));
                }
                None => answering.end(None),
            }
        }
    }
}
