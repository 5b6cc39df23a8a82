//! Decides how another process of the same operator reaches a database that a running server holds.
//!
//! Stands apart from the cluster because a guest starts nothing and stops nothing.

use std::path::{Path, PathBuf};

use super::SUPERUSER;
use super::error::{EmbeddedError, io_error};
use super::layout::socket_dir;
use super::secret::Password;

/// A way to the database of a server that is running.
#[derive(Debug)]
pub struct Guest {
    socket_dir: PathBuf,
    password: Password,
}

impl Guest {
    /// Finds the running database of this data folder. Needs the right to read its password.
    pub fn of(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let data_dir = std::fs::canonicalize(data_dir).map_err(io_error("open", data_dir))?;
        let password = Password::read(&data_dir.join("db.secret"))?;
        Ok(Self { socket_dir: socket_dir(&data_dir), password })
    }

    /// The folder of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The name to log in with, a superuser.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    /// The password to log in with.
    pub fn password(&self) -> &str {
        self.password.reveal()
    }
}
