//! The relay's scenarios, and what a run of one comes to.

use std::time::Duration;

use crate::ask::Answer;
use crate::measure::percentile;
use crate::place::Spent;
use crate::stub::Order;

/// How many ask how often, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) streams: u32,
    pub(crate) asks: u32,
    pub(crate) order: Order,
    /// Between the starts of the first and the last stream.
    pub(crate) stagger: Duration,
    /// Between an answer and the next question.
    pub(crate) rest: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Short answers, many of them: the time to the first token.
    FirstToken,
    /// As a model speaks.
    Paced,
    /// As fast as it goes.
    Fast,
}

pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario::short("first token, 1 stream", 1, 100),
    Scenario::short("first token, 32 streams", 32, 16),
    Scenario::paced("paced, 32 streams", 32),
    Scenario::paced("paced, 256 streams", 256),
    Scenario {
        name: "fast, 32 streams",
        kind: Kind::Fast,
        streams: 32,
        asks: 10,
        order: Order { deltas: 200, pause: Duration::ZERO },
        stagger: Duration::ZERO,
        rest: Duration::ZERO,
    },
];

impl Scenario {
    const fn short(name: &'static str, streams: u32, asks: u32) -> Self {
        let order = Order { deltas: 3, pause: Duration::from_millis(2) };
        let (stagger, rest) = (Duration::from_millis(100), Duration::from_millis(45));
        Self { name, kind: Kind::FirstToken, streams, asks, order, stagger, rest }
    }

    const fn paced(name: &'static str, streams: u32) -> Self {
        let order = Order { deltas: 100, pause: Duration::from_millis(20) };
        Self {
            name,
            kind: Kind::Paced,
            streams,
            asks: 1,
            order,
            stagger: Duration::from_secs(2),
            rest: Duration::ZERO,
        }
    }
}

/// What a run of a scenario came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) answers: Vec<Answer>,
    pub(crate) time: Duration,
    pub(crate) crowd: Duration,
    pub(crate) model: Duration,
    pub(crate) bare: Duration,
    pub(crate) server: Spent,
}

impl Outcome {
    pub(crate) fn deltas(&self) -> u64 {
        self.answers.iter().map(|answer| answer.latencies.len() as u64).sum()
    }

    pub(crate) fn deliveries(&self) -> u64 {
        self.answers.iter().map(|answer| answer.deliveries).sum()
    }

    /// A percentile of the time to the first delta, in milliseconds.
    pub(crate) fn first(&self, percent: f64) -> f64 {
        let firsts: Vec<f64> =
            self.answers.iter().map(|answer| (answer.first as f64) / 1e6).collect();
        percentile(&firsts, percent)
    }

    /// A percentile of the deltas' own way, in milliseconds.
    pub(crate) fn latency(&self, percent: f64) -> f64 {
        let all: Vec<f64> = self
            .answers
            .iter()
            .flat_map(|answer| &answer.latencies)
            .map(|time| (*time as f64) / 1e6)
            .collect();
        percentile(&all, percent)
    }
}
