//! Decides what becomes of the text that Postgres writes.
//!
//! It goes to `postgres.log` beside the data. Stands apart because it is the one file that grows: an old one is set
//! aside when it has become long, and the one before that is dropped.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::{EmbeddedError, io_error};

const LONGEST_LOG: u64 = 8 * 1024 * 1024;
const SHOWN_LINES: usize = 4;

/// Opens the log at its end, in a new file if the old one is long.
pub(super) fn open(path: &Path) -> Result<File, EmbeddedError> {
    if fs::metadata(path).is_ok_and(|found| found.len() > LONGEST_LOG) {
        fs::rename(path, path.with_extension("log.1")).map_err(io_error("set aside", path))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options.open(path).map_err(io_error("open", path))
}

/// The end of the log, on one line.
pub(super) fn tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(&bytes))
}

/// The end of a text, on one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(SHOWN_LINES);
    lines.into_iter().skip(skipped).map(str::trim).collect::<Vec<_>>().join(" | ")
}
