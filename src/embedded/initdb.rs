//! Decides how a new database is made: whole or not at all.
//!
//! `initdb` works in a folder `pgdata.new-…`; only when it is done is that renamed to `pgdata`, in one step. Whatever
//! kills us before leaves at most a folder that the next start throws away. The name is new each time, because an
//! interrupted `initdb` removes its own folder while the next attempt may have begun. Stands apart because it happens once
//! in the life of a database and everything it fixes (encoding, checksums, authentication) stays for good.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SUPERUSER;
use super::binaries::Binaries;
use super::error::{EmbeddedError, io_error};
use super::launcher::Launcher;
use super::layout::{Layout, hand_over, make_private_dir, remove_if_there};
use super::log::last_lines;
use super::orders::Orders;
use super::secret::{Password, random_digits};

const OPTIONS: [&str; 6] =
    ["-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--data-checksums", "-U"];

/// How the name of a database in the making begins.
const UNFINISHED: &str = "pgdata.new-";

const CLEARING_ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// What `initdb` says to a user id without a name.
const NAMELESS_USER: &str = "could not look up effective user ID";

/// Makes a database with a new password.
pub(super) fn create(
    layout: &Layout,
    binaries: &Binaries,
    launcher: &Launcher,
) -> Result<(), EmbeddedError> {
    let name = format!("{UNFINISHED}{}", random_digits::<4>()?);
    let unfinished = layout.data_dir.join(name);
    make_private_dir(&unfinished, launcher.account())?;
    check_access(&unfinished, launcher)?;
    let password = Password::random()?;
    password.write(&layout.secret)?;
    let password_file = layout.data_dir.join("initdb.password");
    password.write(&password_file)?;
    hand_over(&password_file, launcher.account())?;
    let outcome = run(&unfinished, &password_file, binaries, launcher);
    remove_if_there(&password_file)?;
    outcome?;
    fs::rename(&unfinished, &layout.pgdata).map_err(io_error("put in place", &layout.pgdata))?;
    sync_folder(&layout.data_dir)
}

/// Throws away what interrupted attempts left. Their `initdb` may be about to do the same, so a failure is met with
/// patience, and in the end left for the next start.
pub(super) fn clear_unfinished(data_dir: &Path, orders: &Orders) -> Result<(), EmbeddedError> {
    for folder in unfinished_in(data_dir)? {
        tracing::warn!("throwing away a database that was never finished");
        for _ in 0..CLEARING_ATTEMPTS {
            if fs::remove_dir_all(&folder).is_ok() || !folder.exists() {
                break;
            }
            if orders.stop_came_within(PAUSE) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn unfinished_in(data_dir: &Path) -> Result<Vec<PathBuf>, EmbeddedError> {
    let entries = fs::read_dir(data_dir).map_err(io_error("list", data_dir))?;
    let paths = entries.flatten().filter(|entry| is_unfinished(&entry.file_name()));
    Ok(paths.map(|entry| entry.path()).collect())
}

fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Whether the account can walk down to the database, said before Postgres says it less clearly.
pub(super) fn check_access(folder: &Path, launcher: &Launcher) -> Result<(), EmbeddedError> {
    match launcher.account() {
        Some(account) if !launcher.can_write(folder) => Err(EmbeddedError::Unreachable {
            account: account.name.clone(),
            path: folder.to_path_buf(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn run(
    target: &Path,
    password_file: &Path,
    binaries: &Binaries,
    launcher: &Launcher,
) -> Result<(), EmbeddedError> {
    let program = binaries.initdb();
    let mut initdb = launcher.command(&program);
    initdb.args(OPTIONS).arg(SUPERUSER);
    initdb.arg("--pwfile").arg(password_file).arg("-D").arg(target);
    let output = initdb.output().map_err(io_error("run", &program))?;
    if output.status.success() { Ok(()) } else { Err(refusal(&output.stderr)) }
}

fn refusal(complaint: &[u8]) -> EmbeddedError {
    let text = String::from_utf8_lossy(complaint);
    if text.contains(NAMELESS_USER) {
        return EmbeddedError::NoPasswdEntry;
    }
    EmbeddedError::Initdb(last_lines(&text))
}

fn sync_folder(folder: &Path) -> Result<(), EmbeddedError> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(io_error("sync", folder))
}
