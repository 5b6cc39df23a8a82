//! A model that is not shown who a visitor is: what identifies them leaves as a placeholder and comes back in the answer.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};

use super::{Delta, Deltas, Provider, ProviderError};
use crate::domain::budget::Tariff;
use crate::domain::language::Language;
use crate::domain::prompt::{Line, Prompt};
use crate::privacy::disclosure::{Disclosed, Processor};
use crate::privacy::pseudonym::{KnownIdentity, Pseudonyms, Restorer};

/// The model behind its cover.
#[derive(Debug)]
pub(super) struct Pseudonymous {
    model: Arc<dyn Provider>,
}

impl Pseudonymous {
    pub(super) fn new(model: Arc<dyn Provider>) -> Self {
        Self { model }
    }
}

impl Provider for Pseudonymous {
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

    fn terms(&self) -> Processor {
        self.model.terms()
    }

    fn tariff(&self) -> Option<Tariff> {
        self.model.tariff()
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let mut restorer = Restorer::default();
        let covered = prompt.map(|prompt| {
            let (prompt, back) = cover(prompt);
            restorer = back;
            prompt
        });
        let answer = self.model.stream(covered);
        if restorer.is_empty() { answer } else { restored(answer, restorer).boxed_local() }
    }
}

/// The prompt with placeholders, and the way back. Nothing is known of a visitor beyond what they write.
fn cover(prompt: Prompt) -> (Prompt, Restorer) {
    let nobody = KnownIdentity::default();
    let mut pseudonyms = Pseudonyms::new(&nobody);
    let mut covered =
        |line: Line| Line { text: pseudonyms.replace(&line.text).into_owned(), ..line };
    let lines = prompt.lines.into_iter().map(&mut covered).collect();
    let has_placeholders = !pseudonyms.is_empty();
    (Prompt { lines, has_placeholders, ..prompt }, pseudonyms.into_restorer())
}

/// The answer with its values back. What may be the beginning of a placeholder waits for the rest, or for the end.
fn restored(
    answer: Deltas,
    restorer: Restorer,
) -> impl Stream<Item = Result<Delta, ProviderError>> {
    let reading = (answer, Some(restorer));
    futures_util::stream::unfold(reading, |(mut answer, mut restorer)| async move {
        let mut items = Vec::new();
        match answer.next().await {
            Some(Ok(Delta::Text(words))) => {
                let shown = match restorer.as_mut() {
                    Some(restorer) => restorer.push(&words).into_owned(),
                    None => words,
                };
                if !shown.is_empty() {
                    items.push(Ok(Delta::Text(shown)));
                }
            }
            Some(other) => {
                if matches!(other, Ok(Delta::Stop(_)) | Err(_)) {
                    items.extend(rest(restorer.take()));
                }
                items.push(other);
            }
            None => match rest(restorer.take()) {
                Some(last) => items.push(last),
                None => return None,
            },
        }
        Some((futures_util::stream::iter(items), (answer, restorer)))
    })
    .flatten()
}

fn rest(restorer: Option<Restorer>) -> Option<Result<Delta, ProviderError>> {
    let held = restorer.map(Restorer::finish).filter(|held| !held.is_empty())?;
    Some(Ok(Delta::Text(held)))
}
