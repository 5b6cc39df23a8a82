//! Decides which account runs the database.
//!
//! Postgres refuses to run as root, so a root process needs somebody else; a plain user is its own answer.
//! Stands apart because everything below depends on this one choice and nothing else asks who we are.

use std::fs;
use std::path::Path;

use super::error::{EmbeddedError, io_error};

const PASSWD: &str = "/etc/passwd";
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// An account without privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The account to drop to: nobody in particular unless the process is root.
pub(super) fn unprivileged() -> Result<Option<Account>, EmbeddedError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let path = Path::new(PASSWD);
    let passwd = fs::read_to_string(path).map_err(io_error("read", path))?;
    let account = CANDIDATES.iter().find_map(|name| entry(&passwd, name));
    account.map(Some).ok_or(EmbeddedError::NoAccount)
}

/// The entry of a name in the text of a passwd file (`name:x:uid:gid:…`).
pub(super) fn entry(passwd: &str, wanted: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| *name == wanted)?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name: name.to_owned(), uid, gid })
    })
}
