//! A provider that does as told and counts what it gave away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Semaphore;
use veetflow::domain::language::Language;
use veetflow::domain::prompt::Prompt;
use veetflow::domain::turn::StopReason;
use veetflow::privacy::disclosure::Disclosed;
use veetflow::providers::{Delta, Deltas, Provider, ProviderError};

/// What it does when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Says its words one by one and stops.
    Speak,
    /// Says its words and breaks off without a reason.
    BreakOff,
    /// Fails at once.
    Fail,
    /// Panics after its first word the first time it is asked; then speaks.
    Panic,
    /// Never ends by itself: word after word until dropped.
    Endless,
}

/// The provider.
#[derive(Debug)]
pub struct Scripted {
    behaviour: Behaviour,
    words: Vec<String>,
    /// One permit lets one word out, if the provider is held.
    pub gate: Option<Arc<Semaphore>>,
    /// Bytes that left it.
    pub bytes: Arc<AtomicUsize>,
    /// How often it was asked.
    pub calls: Arc<AtomicUsize>,
    /// Whether a stream of it is alive.
    pub is_open: Arc<AtomicBool>,
    /// What it was shown, line by line.
    pub seen: std::sync::Mutex<Vec<Vec<String>>>,
}

struct Open(Arc<AtomicBool>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Scripted {
    pub fn new(behaviour: Behaviour, words: &[&str]) -> Arc<Self> {
        Arc::new(Self::make(behaviour, words, None))
    }

    /// Gives a word only when the test lets it.
    pub fn held(behaviour: Behaviour, words: &[&str]) -> Arc<Self> {
        Arc::new(Self::make(behaviour, words, Some(Arc::new(Semaphore::new(0)))))
    }

    fn make(behaviour: Behaviour, words: &[&str], gate: Option<Arc<Semaphore>>) -> Self {
        Self {
            behaviour,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            gate,
            bytes: Arc::default(),
            calls: Arc::default(),
            is_open: Arc::default(),
            seen: std::sync::Mutex::default(),
        }
    }

    /// Lets so many words out.
    pub fn release(&self, words: usize) {
        self.gate.as_ref().expect("a held provider").add_permits(words);
    }
}

impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> &'static str {
        "parrot"
    }

    fn label(&self, _: Language) -> String {
        "a scripted provider".to_owned()
    }

    fn processor(&self, _: Language) -> String {
        "a scripted provider".to_owned()
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let is_first = self.calls.fetch_add(1, Ordering::SeqCst) == 0;
        self.is_open.store(true, Ordering::SeqCst);
        let lines = prompt.get().lines.iter().map(|line| line.text.clone()).collect();
        self.seen.lock().expect("not poisoned").push(lines);
        let (behaviour, words, gate) = (self.behaviour, self.words.clone(), self.gate.clone());
        let (bytes, open) = (self.bytes.clone(), Open(self.is_open.clone()));
        futures_util::stream::unfold((0_usize, open), move |(position, open)| {
            let (words, gate, bytes) = (words.clone(), gate.clone(), bytes.clone());
            async move {
                let next = step(behaviour, &words, position);
                if matches!(next, Some(Ok(Delta::Text(_)))) {
                    match gate {
                        Some(gate) => gate.acquire().await.expect("open").forget(),
                        None => tokio::time::sleep(Duration::from_millis(2)).await,
                    }
                }
                if let Some(Ok(Delta::Text(word))) = &next {
                    bytes.fetch_add(word.len(), Ordering::SeqCst);
                }
                assert!(
                    !(behaviour == Behaviour::Panic && is_first && position == 1),
                    "the provider panics as told"
                );
                next.map(|item| (item, (position + 1, open)))
            }
        })
        .boxed_local()
    }
}

fn step(
    behaviour: Behaviour,
    words: &[String],
    position: usize,
) -> Option<Result<Delta, ProviderError>> {
    if behaviour == Behaviour::Fail {
        return (position == 0).then_some(Err(ProviderError::Overloaded));
    }
    if behaviour == Behaviour::Endless {
        return Some(Ok(Delta::Text(words[position % words.len()].clone())));
    }
    match words.get(position) {
        Some(word) => Some(Ok(Delta::Text(word.clone()))),
        None if behaviour != Behaviour::BreakOff && position == words.len() => {
            Some(Ok(Delta::Stop(StopReason::Complete)))
        }
        None => None,
    }
}
