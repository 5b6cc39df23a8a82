//! The rest of an answer, while it is counted what it costs and noted how it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::super::metering::Charge;
use super::super::{By, Delta, Deltas, ProviderError};
use super::candidate::Candidate;

/// The stream. What was spent is told at the beginning, as the most that it can be, and before the end, as it was.
pub(super) struct Watched {
    candidate: Arc<Candidate>,
    /// None once it is settled.
    charge: Option<Charge>,
    ready: VecDeque<Result<Delta, ProviderError>>,
    rest: Deltas,
}

impl Watched {
    /// An answer whose first delta has come.
    pub(super) fn new(
        candidate: Arc<Candidate>,
        charge: Charge,
        rest: Deltas,
        by: By,
        first: Delta,
    ) -> Self {
        let spent = charge.total();
        let ready = VecDeque::from([Ok(Delta::By(by)), Ok(Delta::Spent(spent))]);
        let mut watched = Self { candidate, charge: Some(charge), ready, rest };
        watched.pass(Ok(first));
        watched
    }

    fn pass(&mut self, item: Result<Delta, ProviderError>) {
        match &item {
            Ok(Delta::Text(words)) => {
                if let Some(charge) = &mut self.charge {
                    charge.heard(words.len());
                }
            }
            Ok(Delta::Usage(usage)) => {
                if let Some(charge) = &mut self.charge {
                    charge.counted(*usage);
                }
            }
            Ok(Delta::Stop(_)) => {
                self.candidate.vitals.breaker.succeed();
                self.settle();
            }
            Ok(
                Delta::By(_)
                | Delta::Citations(_)
                | Delta::Tool(_)
                | Delta::Spent(_)
                | Delta::Notice(_),
            ) => {}
            Err(error) => {
                self.candidate.vitals.breaker.fail(error, Instant::now());
                self.settle();
            }
        }
        self.ready.push_back(item);
    }

    fn settle(&mut self) {
        if let Some(charge) = self.charge.take() {
            self.ready.push_back(Ok(Delta::Spent(charge.close())));
        }
    }
}

impl Stream for Watched {
    type Item = Result<Delta, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watched = self.get_mut();
        loop {
            if let Some(item) = watched.ready.pop_front() {
                return Poll::Ready(Some(item));
            }
            match ready!(watched.rest.poll_next_unpin(context)) {
                Some(item) => watched.pass(item),
                None if watched.charge.is_some() => watched.settle(),
                None => return Poll::Ready(None),
            }
        }
    }
}
