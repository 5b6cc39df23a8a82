//! Decides what `postmaster.pid` tells: whether our server is ready, and whether an earlier one still runs.
//!
//! Stands apart because the file outlives the process that wrote it, so nothing in it may be believed unseen.
//! Line 1 is a process id, line 8 a state. Killed servers leave the file, and the number in it may meanwhile belong
//! to any program (in a restarted container it usually does).

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::error::EmbeddedError;
use super::layout::{Layout, remove_if_there};

/// What the pid file of a data folder says.
#[derive(Debug)]
pub(super) struct PostmasterPid {
    path: PathBuf,
    pgdata: PathBuf,
    socket_lock: PathBuf,
}

/// Who bears the number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    /// Nobody: the file is left over, or there is none.
    Nobody,
    /// The database server of this data folder.
    Postgres(Pid),
    /// Another program, which would keep Postgres from starting for nothing.
    Stranger,
}

impl PostmasterPid {
    pub(super) fn of(layout: &Layout) -> Self {
        Self {
            path: layout.pgdata.join("postmaster.pid"),
            pgdata: layout.pgdata.clone(),
            socket_lock: layout.socket_dir.join(".s.PGSQL.5432.lock"),
        }
    }

    /// Whether the server with this process id accepts connections, recovery included.
    pub(super) fn says_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        let is_ours = lines.next() == Some(pid.to_string().as_str());
        is_ours && lines.nth(6) == Some("ready")
    }

    /// Who bears the number in the file now.
    pub(super) fn bearer(&self) -> Bearer {
        let Some(pid) = self.pid().filter(|pid| exists(*pid)) else {
            return Bearer::Nobody;
        };
        if self.is_postgres_here(pid) {
            return Bearer::Postgres(pid);
        }
        // A process that ended between the two looks was no stranger.
        if exists(pid) { Bearer::Stranger } else { Bearer::Nobody }
    }

    /// Removes what would keep Postgres from starting when the number belongs to a stranger. Otherwise the file must
    /// stay: with it Postgres finds out whether parts of the earlier server are still at work.
    pub(super) fn remove(&self) -> Result<(), EmbeddedError> {
        remove_if_there(&self.socket_lock)?;
        remove_if_there(&self.path)
    }

    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.path).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok().filter(|number| *number > 0)?)
    }

    /// Without /proc there is no telling, and a living process counts as the server.
    fn is_postgres_here(&self, pid: Pid) -> bool {
        let folder = process_folder(pid);
        if !Path::new("/proc/self").exists() {
            return true;
        }
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let stands_elsewhere =
            fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd != self.pgdata);
        name.starts_with("postgres") && !stands_elsewhere
    }
}

/// Asks an earlier server to finish; it will if it has not begun to already. Without /proc nobody is asked, since
/// the number might be anyone's.
pub(super) fn ask_to_end(pid: Pid) {
    if !process_folder(pid).is_dir() {
        return;
    }
    if let Err(failure) = kill_process(pid, Signal::INT) {
        tracing::warn!(pid = pid.as_raw_pid(), %failure, "could not stop an earlier postgres");
    }
}

/// A process that ended but was not collected by its parent still exists, for Postgres as well.
fn exists(pid: Pid) -> bool {
    match test_kill_process(pid) {
        Ok(()) => true,
        Err(failure) => failure == rustix::io::Errno::PERM,
    }
}

fn process_folder(pid: Pid) -> PathBuf {
    Path::new("/proc").join(pid.as_raw_pid().to_string())
}
