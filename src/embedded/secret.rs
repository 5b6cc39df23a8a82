//! Decides the password of the database's superuser, and keeps it out of sight.
//!
//! Stands apart so that the only text worth stealing passes through one small type that cannot be printed.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::{EmbeddedError, io_error};
use super::layout::remove_if_there;

const RANDOM_BYTES: usize = 24;

/// A password that [`fmt::Debug`] does not show.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(String);

impl Password {
    /// 192 random bits as hexadecimal digits.
    pub(super) fn random() -> Result<Self, EmbeddedError> {
        random_digits::<RANDOM_BYTES>().map(Self)
    }

    /// Reads it back from where [`Password::write`] put it.
    pub(super) fn read(path: &Path) -> Result<Self, EmbeddedError> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let password = text.trim();
        if password.is_empty() {
            return Err(EmbeddedError::NoSecret(path.to_path_buf()));
        }
        Ok(Self(password.to_owned()))
    }

    /// Writes it into a fresh file only its owner can read, and onto the disk.
    pub(super) fn write(&self, path: &Path) -> Result<(), EmbeddedError> {
        remove_if_there(path)?;
        let mut options = OpenOptions::new();
        options.create_new(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(io_error("create", path))?;
        file.write_all(self.0.as_bytes()).map_err(io_error("write", path))?;
        file.sync_all().map_err(io_error("write", path))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(redacted)")
    }
}

/// Two random hexadecimal digits for each of so many bytes.
pub(super) fn random_digits<const BYTES: usize>() -> Result<String, EmbeddedError> {
    let mut bytes = [0_u8; BYTES];
    let source = Path::new("the system's random numbers");
    getrandom::fill(&mut bytes)
        .map_err(|failure| io_error("read", source)(std::io::Error::other(failure)))?;
    Ok(bytes.into_iter().flat_map(hexadecimal).collect())
}

fn hexadecimal(byte: u8) -> impl Iterator<Item = char> {
    [byte >> 4, byte & 0x0f].into_iter().filter_map(|half| char::from_digit(u32::from(half), 16))
}
