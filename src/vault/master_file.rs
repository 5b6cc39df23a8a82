//! The master key as a file: made once, readable by its owner alone, and never made again.
//!
//! A missing file at a later start is a refusal and not a new key: a new key would make every stored conversation
//! unreadable and look like a healthy start.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::vault::{MasterKey, VaultError};

/// More than any notation of a key needs.
const MAX_FILE_BYTES: u64 = 1024;

/// Reads the file: `MasterMissing`, or `MasterUnusable` with what to do about it.
pub(super) fn read(path: &Path) -> Result<MasterKey, VaultError> {
    let metadata = path.metadata().map_err(|refusal| refused(path, &refusal))?;
    if !metadata.is_file() {
        return Err(unusable(path, "it is not a file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(unusable(path, "other users may read it; run chmod 600 on it"));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(128));
    let file = File::open(path).map_err(|refusal| refused(path, &refusal))?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut text).map_err(|refusal| refused(path, &refusal))?;
    let text = std::str::from_utf8(&text).map_err(|_| unusable(path, "it is not text"))?;
    MasterKey::parse(text).map_err(|reason| unusable(path, reason))
}

/// Reads the file, or makes it if it is absent. For the first start only, when no key depends on it yet: that is
/// also why an empty file, which a crash at the wrong moment leaves behind, is filled.
pub(super) fn read_or_make(path: &Path) -> Result<(MasterKey, bool), VaultError> {
    let is_unmade = match path.metadata() {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(refusal) => refusal.kind() == io::ErrorKind::NotFound,
    };
    if !is_unmade {
        return read(path).map(|key| (key, false));
    }
    let key = MasterKey::generate()?;
    make(path, &key).map_err(|refusal| unusable(path, &format!("it cannot be made: {refusal}")))?;
    Ok((key, true))
}

fn make(path: &Path, key: &MasterKey) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    make_folder(folder)?;
    let is_left_empty = path.try_exists()?;
    let mut file =
        OpenOptions::new().write(true).create_new(!is_left_empty).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(key.to_text().as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Makes a folder that only the server may enter, with the folders above it.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn refused(path: &Path, refusal: &io::Error) -> VaultError {
    if refusal.kind() == io::ErrorKind::NotFound {
        return VaultError::MasterMissing { path: path.to_owned() };
    }
    unusable(path, &refusal.to_string())
}

fn unusable(path: &Path, reason: &str) -> VaultError {
    VaultError::MasterUnusable { path: path.to_owned(), reason: reason.to_owned() }
}
