//! Decides how a program of the database is started: as whom, and tied to this process's life.
//!
//! Stands apart because `initdb`, `postgres` and every probe must be started alike. The children get
//! - the unprivileged account, when this process is root;
//! - SIGINT from the kernel when the *thread* that started them ends (`setpriv --pdeathsig`, which sets it after
//!   the change of account, since that change would clear it), so a killed server leaves no database behind;
//! - a process group of their own, so Ctrl-C does not stop the database before the server has drained;
//! - an empty environment, because ours holds provider keys.
//!
//! Without a capable `setpriv` (macOS, busybox) only the second point is lost: the next start then stops what the
//! killed server left behind.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account::Account;
use super::binaries::on_search_path;

const SHELL: &str = "/bin/sh";

/// Starts programs under the right account.
#[derive(Debug)]
pub(super) struct Launcher {
    account: Option<Account>,
    setpriv: Option<PathBuf>,
}

impl Launcher {
    /// Finds out whether `setpriv` can be used here.
    pub(super) fn new(account: Option<Account>) -> Self {
        let setpriv = on_search_path("setpriv").into_iter().next();
        let mut launcher = Self { account, setpriv };
        if !launcher.shell_agrees("true", Path::new("/")) {
            launcher.setpriv = None;
        }
        launcher
    }

    /// The account the programs run under, when it is not this process's own.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Whether the kernel ends our children when we are killed.
    pub(super) fn ties_lives(&self) -> bool {
        self.setpriv.is_some()
    }

    /// A command that will run `program`; its process id is the program's own.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match &self.setpriv {
            Some(setpriv) => self.through_setpriv(setpriv, program),
            None => self.directly(program),
        };
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// Whether the account can enter this folder and write in it.
    pub(super) fn can_write(&self, folder: &Path) -> bool {
        self.shell_agrees("cd \"$1\" && test -w .", folder)
    }

    /// Whether the account can run this program.
    pub(super) fn can_run(&self, program: &Path) -> bool {
        self.shell_agrees("test -x \"$1\"", program)
    }

    fn through_setpriv(&self, setpriv: &Path, program: &Path) -> Command {
        let mut command = Command::new(setpriv);
        if let Some(account) = &self.account {
            command.arg(format!("--reuid={}", account.uid));
            command.arg(format!("--regid={}", account.gid));
            command.arg("--clear-groups");
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    }

    fn directly(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn shell_agrees(&self, question: &str, subject: &Path) -> bool {
        let mut shell = self.command(Path::new(SHELL));
        shell.args(["-c", question, "sh"]).arg(subject);
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        shell.status().is_ok_and(|status| status.success())
    }
}
