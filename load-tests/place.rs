//! What the operating system says about processes: time on the processor, resident memory, limits. Linux only.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Ticks a second in `/proc`, the same on every Linux.
const TICKS: u64 = 100;

/// Time that processes have spent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// By the process itself.
    pub(crate) own: Duration,
    /// By its descendants, ended ones included.
    pub(crate) descendants: Duration,
}

impl Spent {
    /// What was spent until now by a process and those below it.
    pub(crate) fn by(pid: u32) -> Self {
        let stats: HashMap<u32, Stat> = all_stats();
        let own = stats.get(&pid).map_or(0, |stat| stat.own);
        let is_below = |pid_below: &u32| {
            let mut at = *pid_below;
            while let Some(parent) =
                stats.get(&at).map(|stat| stat.parent).filter(|parent| *parent > 1)
            {
                if parent == pid {
                    return true;
                }
                at = parent;
            }
            false
        };
        let ticks = stats
            .iter()
            .filter(|(below, _)| is_below(below))
            .map(|(_, stat)| stat.own + stat.reaped)
            .sum();
        Self { own: from_ticks(own), descendants: from_ticks(ticks) }
    }

    /// What was spent by this process itself.
    pub(crate) fn by_us() -> Duration {
        from_ticks(
            fs::read_to_string("/proc/self/stat")
                .ok()
                .and_then(|text| stat(&text))
                .map_or(0, |stat| stat.own),
        )
    }

    /// What was spent since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            own: self.own.saturating_sub(earlier.own),
            descendants: self.descendants.saturating_sub(earlier.descendants),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Stat {
    parent: u32,
    own: u64,
    reaped: u64,
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS)
}

fn all_stats() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        Some((pid, stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))
    })
    .collect()
}

/// Reads `/proc/PID/stat` after the name, which may contain anything.
fn stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        reaped: number(13)? + number(14)?,
    })
}

/// Bytes of a process that are in memory.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// The three load averages.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Lets this process and its children open as many files as they may; returns the number.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_err() {
        return limit.current.unwrap_or(u64::MAX);
    }
    limit.maximum.unwrap_or(u64::MAX)
}

/// The cores of the relay's contenders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) server: &'static str,
    pub(crate) crowd: &'static str,
}

/// Two cores, one for the server and one for all others, where there are two and `taskset` can give them out.
pub(crate) fn two_cores() -> Option<Cores> {
    let has_two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2);
    let has_taskset = quiet("taskset", &["--version"]);
    (has_two && has_taskset).then_some(Cores { server: "0", crowd: "1" })
}

/// Lets all threads of a process run on these cores only; returns whether that worked.
pub(crate) fn pin(pid: u32, cores: &str) -> bool {
    quiet("taskset", &["--all-tasks", "--cpu-list", "--pid", cores, &pid.to_string()])
}

fn quiet(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
