//! Decides how a new database is made: whole or not at all.
//!
//! `initdb` works in `pgdata.new`; only when it is done is the folder renamed to `pgdata`, in one step. Whatever
//! kills us before leaves at most a folder that the next start throws away. Stands apart because it happens once
//! in the life of a database and everything it fixes (encoding, checksums, authentication) stays for good.

use std::fs::{self, File};
use std::path::Path;

use super::SUPERUSER;
use super::binaries::Binaries;
use super::error::{EmbeddedError, io_error};
use super::launcher::Launcher;
use super::layout::{Layout, hand_over, make_private_dir};
use super::log::last_lines;
use super::secret::Password;

const OPTIONS: [&str; 6] =
    ["-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--data-checksums", "-U"];

/// What `initdb` says to a user id without a name.
const NAMELESS_USER: &str = "could not look up effective user ID";

/// Makes a database with a new password.
pub(super) fn create(
    layout: &Layout,
    binaries: &Binaries,
    launcher: &Launcher,
) -> Result<(), EmbeddedError> {
    clear(&layout.unfinished)?;
    make_private_dir(&layout.unfinished, launcher.account())?;
    check_access(&layout.unfinished, launcher)?;
    Password::random()?.write(&layout.secret)?;
    run(layout, binaries, launcher)?;
    fs::rename(&layout.unfinished, &layout.pgdata)
        .map_err(io_error("put in place", &layout.pgdata))?;
    sync_folder(&layout.data_dir)
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

fn run(layout: &Layout, binaries: &Binaries, launcher: &Launcher) -> Result<(), EmbeddedError> {
    let password_file = layout.socket_dir.join("initdb.password");
    Password::read(&layout.secret)?.write(&password_file)?;
    hand_over(&password_file, launcher.account())?;
    let program = binaries.initdb();
    let mut initdb = launcher.command(&program);
    initdb.args(OPTIONS).arg(SUPERUSER);
    initdb.arg("--pwfile").arg(&password_file).arg("-D").arg(&layout.unfinished);
    let ended = initdb.output().map_err(io_error("run", &program));
    fs::remove_file(&password_file).map_err(io_error("remove", &password_file))?;
    let output = ended?;
    if output.status.success() { Ok(()) } else { Err(refusal(&output.stderr)) }
}

fn refusal(complaint: &[u8]) -> EmbeddedError {
    let text = String::from_utf8_lossy(complaint);
    if text.contains(NAMELESS_USER) {
        return EmbeddedError::NoPasswdEntry;
    }
    EmbeddedError::Initdb(last_lines(&text))
}

fn clear(unfinished: &Path) -> Result<(), EmbeddedError> {
    if !unfinished.exists() {
        return Ok(());
    }
    tracing::warn!("throwing away a database that was never finished");
    fs::remove_dir_all(unfinished).map_err(io_error("remove", unfinished))
}

fn sync_folder(folder: &Path) -> Result<(), EmbeddedError> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(io_error("sync", folder))
}
