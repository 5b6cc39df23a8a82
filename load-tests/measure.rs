//! Figures: medians, percentiles, and the one table that is printed.

use std::fmt;
use std::time::Duration;

/// The rows in the order in which they first came; each round adds one sample to each.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    unit: &'static str,
    mark: Option<Mark>,
    samples: Vec<f64>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    AtMost(f64),
    AtLeast(f64),
}

impl Mark {
    fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(formatter, "<= {}", short(*limit)),
            Self::AtLeast(limit) => write!(formatter, ">= {}", short(*limit)),
        }
    }
}

impl Table {
    /// Adds one round's figure.
    pub(crate) fn add(&mut self, name: &str, unit: &'static str, sample: f64) {
        self.put(name, unit, None, sample);
    }

    /// Adds one round's figure of a row that has a mark.
    pub(crate) fn add_marked(&mut self, name: &str, unit: &'static str, mark: Mark, sample: f64) {
        self.put(name, unit, Some(mark), sample);
    }

    fn put(&mut self, name: &str, unit: &'static str, mark: Option<Mark>, sample: f64) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.samples.push(sample),
            None => {
                self.rows.push(Row { name: name.to_owned(), unit, mark, samples: vec![sample] });
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let median = percentile(&row.samples, 50.0);
            let (least, most) = (percentile(&row.samples, 0.0), percentile(&row.samples, 100.0));
            let range = format!("[{} - {}]", short(least), short(most));
            let verdict = row.mark.map_or(String::new(), |mark| {
                format!("mark {mark}: {}", if mark.is_met_by(median) { "met" } else { "MISSED" })
            });
            let line =
                format!("{:74} {:>9} {range:20} {:4} {verdict}", row.name, short(median), row.unit);
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The sample below which so many per cent lie (nearest rank); 0 without samples.
pub(crate) fn percentile(samples: &[f64], percent: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below =
        |index: usize| (index as f64) * 100.0 < percent * (sorted.len().saturating_sub(1) as f64);
    let rank = (0..sorted.len()).take_while(|index| below(*index)).count();
    sorted.get(rank.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Microseconds of `spent` for each of `count`.
pub(crate) fn micros_each(spent: Duration, count: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / (count.max(1) as f64)
}

/// How many of `count` a second.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    (count as f64) / time.as_secs_f64().max(1e-9)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Three significant places are all that a shared machine can tell.
fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
