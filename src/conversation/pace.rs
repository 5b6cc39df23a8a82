//! How often an answer is passed on. One that is told alone goes out delta by delta. The more answers a worker tells at
//! once, the longer each rests between two looks at its provider, so that what a thread spends on frames stays the same
//! while answers become more: nobody reads twenty-five frames a second as anything but flowing text.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep};

/// The rest that each answer of a worker adds to the rest of all.
const SHARE: Duration = Duration::from_micros(160);
/// A shorter rest joins nothing and costs a timer.
const LEAST: Duration = Duration::from_millis(8);
/// The longest rest: twenty-five frames a second.
const LONGEST: Duration = Duration::from_millis(40);
/// Items taken together when they are ready together.
const MOST_TOGETHER: usize = 128;

/// How many answers one worker tells at the moment.
#[derive(Debug, Clone, Default)]
pub struct Pace(Arc<AtomicU32>);

impl Pace {
    /// Passes on what is ready together, with rests between.
    pub(super) fn set<S: Stream + Unpin>(&self, inner: S) -> Paced<S> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let inner = inner.fuse();
        Paced {
            inner,
            pace: self.clone(),
            rest: Box::pin(sleep(Duration::ZERO)),
            is_resting: false,
        }
    }

    fn rest(&self) -> Option<Duration> {
        let rest = (SHARE * self.0.load(Ordering::Relaxed)).min(LONGEST);
        (rest >= LEAST).then_some(rest)
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
        self.pace.0.fetch_sub(1, Ordering::Relaxed);
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
        let rest = paced.pace.rest();
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
            paced.rest.as_mut().reset(Instant::now() + rest);
            paced.is_resting = true;
        }
        Poll::Ready(Some(together))
    }
}
