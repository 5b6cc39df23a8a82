//! What the tests share: folders, questions to the database, and patience.
//!
//! Stands apart so that the tests read as sentences.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::embedded::account::unprivileged;
use crate::embedded::binaries;
use crate::embedded::launcher::Launcher;
use crate::embedded::{Cluster, EmbeddedError, Settings};

pub(super) type Tested = Result<(), Box<dyn Error>>;

/// A folder the account can pass through.
pub(super) fn folder() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("veetflow-embedded-").tempdir_in("/tmp")?;
    open_to_the_account(folder.path())?;
    Ok(folder)
}

pub(super) fn open_to_the_account(folder: &Path) -> Tested {
    Ok(fs::set_permissions(folder, Permissions::from_mode(0o711))?)
}

pub(super) fn data_dir(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

pub(super) fn settings(folder: &TempDir) -> Settings {
    Settings::new(data_dir(folder))
}

pub(super) fn refusal(outcome: Result<Cluster, EmbeddedError>) -> Result<String, Box<dyn Error>> {
    outcome.err().map(|failure| failure.to_string()).ok_or_else(|| "it started".into())
}

/// The answer as one text, or nothing on a machine without `psql`.
pub(super) fn query(cluster: &Cluster, sql: &str) -> Result<Option<String>, Box<dyn Error>> {
    let Some(program) = psql()? else {
        return Ok(None);
    };
    let output = Command::new(program)
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-d", "postgres"])
        .args([OsStr::new("-h"), cluster.socket_dir().as_os_str()])
        .args(["-U", cluster.user(), "-v", "ON_ERROR_STOP=1", "-c", sql])
        .env("PGPASSWORD", cluster.password())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

pub(super) fn psql_exists() -> Result<bool, Box<dyn Error>> {
    Ok(psql()?.is_some())
}

fn psql() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let found = binaries::find(None, &Launcher::new(unprivileged()?))?;
    let candidates = found.iter().map(|binaries| binaries.folder.join("psql"));
    Ok(candidates.chain([PathBuf::from("/usr/bin/psql")]).find(|program| program.exists()))
}

pub(super) fn kill(pid: u32) -> Tested {
    let process = Pid::from_raw(pid.try_into()?).ok_or("no such number")?;
    Ok(kill_process(process, Signal::KILL)?)
}

/// Whether the process does anything; one that only waits to be collected does not.
pub(super) fn is_running(pid: u32) -> bool {
    let process = pid.try_into().ok().and_then(Pid::from_raw);
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    process.is_some_and(|process| test_kill_process(process).is_ok()) && !state.contains(") Z ")
}

pub(super) fn eventually(condition: impl Fn() -> bool) -> Tested {
    for _ in 0..3000 {
        if condition() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err("it did not happen within a minute".into())
}

/// The path of a test as the test runner knows it.
pub(super) fn full_name(module: &str, test: &str) -> Result<String, Box<dyn Error>> {
    let (_, below_the_crate) = module.split_once("::").ok_or("no module")?;
    Ok(format!("{below_the_crate}::{test}"))
}
