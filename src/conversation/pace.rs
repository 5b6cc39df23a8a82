//! How often an answer is passed on. One that is told alone goes out delta by delta. The more answers a worker tells at
//! once, the longer each rests between two looks at its provider, so that what a thread spends on frames stays the same
//! while answers become more: nobody reads twenty frames a second as anything but flowing text.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep};

/// The rest that each answer of a worker adds to the rest of all.
const SHARE: Duration = Duration::from_millis(1);
/// Fewer answers than these never rest.
const FEW: u32 = 12;
/// Rests end together at these steps, so that a thread wakes once for many answers.
const STEP: Duration = Duration::from_millis(25);
/// The longest rest: twenty frames a second.
const LONGEST: Duration = Duration::from_millis(50);
/// Items taken together when they are ready together.
const MOST_TOGETHER: usize = 128;

/// How many answers one worker tells at the moment.
#[derive(Debug, Clone)]
pub struct Pace {
    live: Arc<AtomicU32>,
    since: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self { live: Arc::default(), since: Instant::now() }
    }
}

impl Pace {
    /// Passes on what is ready together, with rests between.
    pub(super) fn set<S: Stream + Unpin>(&self, inner: S) -> Paced<S> {
        self.live.fetch_add(1, Ordering::Relaxed);
        let inner = inner.fuse();
        Paced {
            inner,
            pace: self.clone(),
            rest: Box::pin(sleep(Duration::ZERO)),
            is_resting: false,
        }
    }

    /// When a rest that begins now ends; none while there are few answers.
    fn rest(&self, now: Instant) -> Option<Instant> {
        let live = self.live.load(Ordering::Relaxed);
        if live < FEW {
            return None;
        }
        let rest = (SHARE * live).clamp(STEP, LONGEST);
        let end = (now + rest).duration_since(self.since).as_millis();
        let steps = u32::try_from(end / STEP.as_millis()).unwrap_or(u32::MAX);
        Some(self.since + STEP * steps)
    }
}

/// A stream whose items come in groups.
pub(super) struct Paced<S> {
    inner: Fuse<S>,
    pace: Pace,
    rest: Pin<Box<Sleep>>,
    is_resting: bool,
}

impl<S> Drop for Paced<S> {
    fn drop(&mut self) {
        self.pace.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Stream + Unpin> Stream for Paced<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let paced = self.get_mut();
        if paced.is_resting {
            if paced.rest.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            paced.is_resting = false;
        }
        let Some(first) = std::task::ready!(paced.inner.poll_next_unpin(context)) else {
            return Poll::Ready(None);
        };
        let mut together = vec![first];
        let rest = paced.pace.rest(Instant::now());
        // Whoever rests need not be told what comes meanwhile.
        let mut unheard = Context::from_waker(Waker::noop());
        let context = if rest.is_some() { &mut unheard } else { context };
        while together.len() < MOST_TOGETHER {
            match paced.inner.poll_next_unpin(context) {
                Poll::Ready(Some(item)) => together.push(item),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if let Some(rest) = rest.filter(|_| !paced.inner.is_done()) {
            paced.rest.as_mut().reset(rest);
            paced.is_resting = true;
        }
        Poll::Ready(Some(together))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, StreamExt};
    use tokio::time::{advance, timeout};

    use super::*;

    fn every_ten_milliseconds() -> impl Stream<Item = u32> + Unpin {
        let ticking = stream::unfold(0, |count| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some((count, count + 1))
        });
        Box::pin(ticking.take(30))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_told_alone_goes_out_as_it_comes() {
        let pace = Pace::default();
        let groups: Vec<Vec<u32>> = pace.set(every_ten_milliseconds()).collect().await;
        assert_eq!(groups, (0..30).map(|item| vec![item]).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_many_rests_between_looks_and_loses_nothing() {
        let pace = Pace::default();
        let others: Vec<_> = (0..100).map(|_| pace.set(every_ten_milliseconds())).collect();
        let (entrance, items) = tokio::sync::mpsc::unbounded_channel();
        let mut told = pace.set(Box::pin(stream::unfold(items, |mut items| async move {
            Some((items.recv().await?, items))
        })));
        entrance.send(0).expect("room");
        assert_eq!(told.next().await, Some(vec![0]), "the first word waits for nothing");
        for item in 1..4 {
            entrance.send(item).expect("room");
        }
        assert!(timeout(Duration::from_millis(20), told.next()).await.is_err(), "it rests");
        advance(LONGEST).await;
        assert_eq!(told.next().await, Some(vec![1, 2, 3]), "then everything at once");
        drop(others);
        advance(LONGEST).await;
        entrance.send(4).expect("room");
        drop(entrance);
        let rest: Vec<_> = told.collect().await;
        assert_eq!(rest, [vec![4]]);
    }

    #[tokio::test(start_paused = true)]
    async fn rests_end_together() {
        let pace = Pace::default();
        let _others: Vec<_> = (0..100).map(|_| pace.set(every_ten_milliseconds())).collect();
        let now = Instant::now();
        let ends = (0..25).map(|late| pace.rest(now + Duration::from_millis(late)));
        let ends: std::collections::HashSet<_> = ends.collect();
        assert_eq!(ends, [Some(now + LONGEST)].into());
    }
}
