//! Master keys as files: the one in force, the one to come, the one before. Readable by their owner alone.
//!
//! A missing file at a later start is a refusal and not a new key: a new key would make every stored conversation
//! unreadable and look like a healthy start. Renaming comes after the keyring has been told, and all three names are
//! read at every start, so that a crash between two renamings is no loss.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::vault::{Destruction, KeyCheck, KeyProvider, MasterKey, VaultError};

/// More than any notation of a key needs.
const MAX_FILE_BYTES: u64 = 4096;

/// The key as it is: nobody but the file's mode protects it.
#[derive(Debug)]
pub(super) struct Plain;

impl KeyProvider for Plain {
    fn wrap(&self, master: &MasterKey) -> Result<String, VaultError> {
        Ok(master.to_text().as_str().to_owned())
    }

    fn unwrap(&self, text: &str) -> Result<MasterKey, VaultError> {
        MasterKey::parse(text)
            .map_err(|reason| VaultError::GivenMasterUnusable { reason: reason.to_owned() })
    }

    fn destroy(&self, _: &str) -> Result<Destruction, VaultError> {
        Ok(Destruction::FileRemoved)
    }
}

/// The files of one master key.
#[derive(Debug)]
pub(super) struct MasterFiles<'source> {
    in_force: PathBuf,
    next: PathBuf,
    previous: PathBuf,
    provider: &'source dyn KeyProvider,
}

impl<'source> MasterFiles<'source> {
    /// `master.key`, `master.key.next`, `master.key.previous`, if that is the name.
    pub(super) fn new(path: &Path, provider: &'source dyn KeyProvider) -> Self {
        let with = |ending: &str| {
            let mut name = OsString::from(path);
            name.push(ending);
            PathBuf::from(name)
        };
        Self {
            in_force: path.to_owned(),
            next: with(".next"),
            previous: with(".previous"),
            provider,
        }
    }

    /// The keys of all files that are there: `MasterMissing` if none is, `MasterUnusable` with what to do about it.
    pub(super) fn all(&self) -> Result<Vec<MasterKey>, VaultError> {
        let mut keys = Vec::new();
        for path in [&self.in_force, &self.next] {
            match self.read(path) {
                Err(VaultError::MasterMissing { .. }) => {}
                read_or_refused => keys.push(read_or_refused?),
            }
        }
        // One whose destruction was cut short opens no more. Where it is still needed, it will be missed by its check.
        keys.extend(self.read(&self.previous));
        if keys.is_empty() {
            return Err(VaultError::MasterMissing { path: self.in_force.clone() });
        }
        Ok(keys)
    }

    /// Reads the file, or makes it if it is absent. For the first start only, when no key depends on it yet: that is
    /// also why an empty file, which a crash at the wrong moment leaves behind, is filled.
    pub(super) fn read_or_make(&self) -> Result<(MasterKey, bool), VaultError> {
        if is_unmade(&self.in_force) {
            return self.make(&self.in_force).map(|key| (key, true));
        }
        self.read(&self.in_force).map(|key| (key, false))
    }

    /// The key to come, from the file of an earlier try or made now.
    pub(super) fn successor(&self) -> Result<MasterKey, VaultError> {
        if self.previous.try_exists().map_err(VaultError::unavailable)? {
            return Err(VaultError::MasterNotDestroyed);
        }
        if is_unmade(&self.next) { self.make(&self.next) } else { self.read(&self.next) }
    }

    /// Gives the key in force its name, and the one that had it the name of the one before.
    pub(super) fn promote(&self, in_force: &KeyCheck) -> Result<(), VaultError> {
        let is_waiting = match self.read(&self.next) {
            Ok(key) => key.check()?.agree(in_force).is_ok(),
            Err(VaultError::MasterMissing { .. }) => false,
            Err(refusal) => return Err(refusal),
        };
        if !is_waiting {
            return Ok(());
        }
        let renamed = || {
            if self.in_force.try_exists()? {
                fs::rename(&self.in_force, &self.previous)?;
            }
            fs::rename(&self.next, &self.in_force)?;
            File::open(folder_of(&self.in_force))?.sync_all()
        };
        renamed().map_err(|refusal| {
            unusable(&self.in_force, &format!("it cannot be renamed: {refusal}"))
        })
    }

    /// Destroys the key of this check value where the one before is kept: first at the provider, then the file.
    pub(super) fn destroy(&self, old: &KeyCheck) -> Result<Destruction, VaultError> {
        let text = match text_of(&self.previous) {
            Err(VaultError::MasterMissing { .. }) => return Ok(Destruction::FileRemoved),
            read_or_refused => read_or_refused?,
        };
        // Where a destruction was cut short, the provider opens the text no more: then it is the one.
        let plain = MasterKey::parse(&text).ok();
        let is_plain = plain.is_some();
        if let Some(key) = plain.or_else(|| self.provider.unwrap(&text).ok()) {
            key.check()?.agree(old)?;
        }
        let destruction =
            if is_plain { Destruction::FileRemoved } else { self.provider.destroy(&text)? };
        overwrite_and_remove(&self.previous, text.len()).map_err(|refusal| {
            unusable(&self.previous, &format!("it cannot be removed: {refusal}"))
        })?;
        Ok(destruction)
    }

    fn read(&self, path: &Path) -> Result<MasterKey, VaultError> {
        let text = text_of(path)?;
        // One in clear is the one with which the installation began; the rotation to a service leads away from it.
        if let Ok(key) = MasterKey::parse(&text) {
            return Ok(key);
        }
        self.provider.unwrap(&text).map_err(|refusal| {
            if let VaultError::GivenMasterUnusable { reason } = &refusal {
                return unusable(path, reason);
            }
            refusal
        })
    }

    fn make(&self, path: &Path) -> Result<MasterKey, VaultError> {
        let key = MasterKey::generate()?;
        let text = Zeroizing::new(self.provider.wrap(&key)?);
        write_new(path, &text)
            .map_err(|refusal| unusable(path, &format!("it cannot be made: {refusal}")))?;
        Ok(key)
    }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, VaultError> {
    let metadata = path.metadata().map_err(|refusal| refused(path, &refusal))?;
    if !metadata.is_file() {
        return Err(unusable(path, "it is not a file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(unusable(path, "other users may read it; run chmod 600 on it"));
    }
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let file = File::open(path).map_err(|refusal| refused(path, &refusal))?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|refusal| {
        if refusal.kind() == io::ErrorKind::InvalidData {
            return unusable(path, "it is not text");
        }
        refused(path, &refusal)
    })?;
    Ok(text)
}

fn is_unmade(path: &Path) -> bool {
    match path.metadata() {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(refusal) => refusal.kind() == io::ErrorKind::NotFound,
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new("."))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    make_folder(folder)?;
    let is_left_empty = path.try_exists()?;
    let mut file =
        OpenOptions::new().write(true).create_new(!is_left_empty).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

fn overwrite_and_remove(path: &Path, length: usize) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&vec![b'0'; length])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    File::open(folder_of(path))?.sync_all()
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
