//! The hidden command with which the server calls itself to read a PDF in a process of its own.

use std::process::ExitCode;

use crate::providers::knowledge::reading::apart::be_the_reader;

pub(super) fn read_pdf(mark: &str, most: usize) -> ExitCode {
    ExitCode::from(be_the_reader(mark, most))
}
