//! Parses the command, runs it, turns an error into a sentence and an exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    veetflow::cli::run(veetflow::cli::Cli::parse())
}
