//! One call to a provider: the request goes out once, the answer is read in the task that wants it, and everything that
//! can be wrong with it has a name. What the events mean is each protocol's own affair.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use tokio::time::{Instant, Sleep, sleep};

use super::connections::{Answer, Lost};
use super::{Delta, Deltas, ProviderError, sse};

/// Bytes of an answer at most, framing included.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How long the end of the connection is waited for after the end of the answer, so that it can be used again.
const FAREWELL: Duration = Duration::from_millis(100);

/// What events came to.
pub(super) type Found = VecDeque<Result<Delta, ProviderError>>;

/// How a protocol reads its events.
pub(super) trait Decode: Send + Unpin + 'static {
    /// Takes one event. Unknown ones are passed over: protocols grow.
    fn take(&mut self, name: &str, data: &str, found: &mut Found);

    /// Gives what was held back, when nothing more can come.
    fn finish(&mut self, _found: &mut Found) {}
}

/// How long a provider is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the request to the first delta.
    pub(super) first: Duration,
    /// Between deltas, whatever else comes.
    pub(super) silence: Duration,
    /// For the whole answer.
    pub(super) whole: Duration,
}

impl Patience {
    /// The limits of an answer that must begin and end within so many seconds.
    pub(super) fn within(first: u64, whole: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            silence: Duration::from_mins(1),
            whole: Duration::from_secs(whole),
        }
    }
}

/// Sends a request and reads the answer. Nothing is sent before the stream is polled; dropping it closes the connection.
pub(super) fn call(
    request: impl Future<Output = Result<Answer, Lost>> + 'static,
    patience: Patience,
    decode: impl Decode,
) -> Deltas {
    let opening = async move {
        let mut quiet = Box::pin(sleep(patience.first));
        let opened = tokio::select! {
            answered = request => answered.map_err(|error| unanswered(&error)).and_then(judge),
            () = &mut quiet => Err(ProviderError::Silent),
        };
        match opened {
            Ok(answer) => Reading {
                body: Some(answer),
                events: sse::Decoder::default(),
                decode,
                found: Found::new(),
                silence: patience.silence,
                quiet,
                whole: Box::pin(sleep(patience.whole)),
                has_moved: false,
                is_over: false,
                received: 0,
            }
            .left_stream(),
            Err(error) => futures_util::stream::iter([Err(error)]).right_stream(),
        }
    };
    futures_util::stream::once(opening).flatten().boxed_local()
}

fn unanswered(error: &Lost) -> ProviderError {
    match error {
        Lost::Late => ProviderError::Silent,
        Lost::Address | Lost::Unreachable(_) | Lost::Broken(_) => ProviderError::Interrupted,
    }
}

fn judge(answer: Answer) -> Result<Answer, ProviderError> {
    let status = answer.head.status.as_u16();
    match status {
        200..=299 => {}
        // Followed, a redirect would carry the key and the conversation to whoever the answer names.
        300..=399 => return Err(ProviderError::Redirected),
        401 | 403 => return Err(ProviderError::Auth),
        429 => {
            return Err(ProviderError::RateLimited {
                retry_after: retry_after(&answer.head.headers),
            });
        }
        408 | 500..=599 => return Err(ProviderError::Overloaded),
        _ => return Err(ProviderError::Rejected { status }),
    }
    let kind = answer.head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_stream = kind.is_some_and(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|name| name.trim().eq_ignore_ascii_case("text/event-stream"))
    });
    if is_stream { Ok(answer) } else { Err(ProviderError::Malformed) }
}

/// `Retry-After` in its form in seconds (RFC 9110 §10.2.3), or the form in milliseconds that one vendor adds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}

/// An answer that is being read.
struct Reading<D> {
    /// None once it has ended.
    body: Option<Answer>,
    events: sse::Decoder,
    decode: D,
    found: Found,
    silence: Duration,
    quiet: Pin<Box<Sleep>>,
    whole: Pin<Box<Sleep>>,
    /// Whether a delta came since `quiet` was set.
    has_moved: bool,
    /// Whether the provider said that the answer is complete.
    is_over: bool,
    received: usize,
}

impl<D: Decode> Reading<D> {
    fn take(&mut self, bytes: &Bytes) {
        self.received += bytes.len();
        if self.received > MOST_BYTES {
            self.found.push_back(Err(ProviderError::Endless));
            return;
        }
        let Self { events, decode, found, .. } = self;
        if events.push(bytes, |name, data| decode.take(name, data, found)).is_err() {
            self.found.push_back(Err(ProviderError::Malformed));
        }
    }

    fn give(&mut self, item: Result<Delta, ProviderError>) -> Result<Delta, ProviderError> {
        self.has_moved = true;
        match &item {
            Err(_) => self.end(),
            Ok(Delta::Stop(_)) => self.is_over = true,
            Ok(_) => {}
        }
        item
    }

    fn end(&mut self) {
        self.body = None;
        self.found.clear();
    }

    /// What to do while nothing comes: wait on, or give up.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Delta, ProviderError>>> {
        if self.is_over && self.has_moved {
            self.has_moved = false;
            self.quiet.as_mut().reset(Instant::now() + FAREWELL);
        }
        while self.quiet.as_mut().poll(context).is_ready() {
            if self.is_over {
                self.end();
                return Poll::Ready(None);
            }
            if !std::mem::take(&mut self.has_moved) {
                return Poll::Ready(Some(self.give(Err(ProviderError::Silent))));
            }
            self.quiet.as_mut().reset(Instant::now() + self.silence);
        }
        if self.whole.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(self.give(Err(ProviderError::Endless))));
        }
        Poll::Pending
    }
}

impl<D: Decode> Stream for Reading<D> {
    type Item = Result<Delta, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let reading = self.get_mut();
        loop {
            if let Some(item) = reading.found.pop_front() {
                return Poll::Ready(Some(reading.give(item)));
            }
            let Some(body) = reading.body.as_mut() else { return Poll::Ready(None) };
            match body.poll_bytes(context) {
                Poll::Ready(Some(Ok(bytes))) => reading.take(&bytes),
                Poll::Ready(Some(Err(_))) if reading.is_over => reading.end(),
                Poll::Ready(Some(Err(_))) => {
                    return Poll::Ready(Some(reading.give(Err(ProviderError::Interrupted))));
                }
                Poll::Ready(None) => {
                    reading.body = None;
                    reading.decode.finish(&mut reading.found);
                }
                Poll::Pending => return reading.wait(context),
            }
        }
    }
}
