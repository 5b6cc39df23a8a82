//! First start and every later start, which are not the same act.
//!
//! Only the first start, when the database knows of no keyring yet, may make anything. Every later start finds what
//! it needs or refuses with a sentence for the operator, because a vault that heals itself with an empty keyring or
//! a fresh master key has silently erased every conversation.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::vault::cipher::random;
use crate::vault::master_files::make_folder;
use crate::vault::{Identity, Keyring, MasterKey, MasterSource, RedbKeyring, Vault, VaultError};

/// The keyring's file inside its folder.
const KEYRING_FILE: &str = "keyring.redb";
/// Its name while it is being made; what a crash leaves under this name is worthless.
const UNFINISHED_FILE: &str = "keyring.redb.new";

/// What the first start made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Whether the master key was made just now, so that the operator must be told to copy it.
    pub master_is_new: bool,
    /// The file of the master key, if it has one.
    pub master_path: Option<PathBuf>,
}

impl Vault {
    /// First start: makes the master key file (mode 0600) if it is absent, and the keyring in `folder`. Opens them
    /// if an earlier first start got this far before it crashed; a master key is never made for an existing keyring.
    pub fn create(folder: &Path, master: &MasterSource) -> Result<(Self, Created), VaultError> {
        make_folder(folder).map_err(|refusal| cannot_make(folder, &refusal))?;
        let _only_one_first_start = lock(folder)?;
        let path = folder.join(KEYRING_FILE);
        let master_path = master.path();
        if path.try_exists().map_err(VaultError::unavailable)? {
            let vault = Self::over(RedbKeyring::open(&path)?, &master.masters()?)?;
            return Ok((vault, Created { master_is_new: false, master_path }));
        }
        let (key, master_is_new) = master.first()?;
        let id = uuid::Builder::from_random_bytes(random()?).into_uuid();
        let keyring = make_keyring(folder, Identity { id, master_check: key.check()? })?;
        Ok((Self::over(keyring, &[key])?, Created { master_is_new, master_path }))
    }

    /// Every later start, with the identifier of the keyring that the database remembers. Makes nothing.
    pub fn open(
        folder: &Path,
        master: &MasterSource,
        keyring_id: Uuid,
    ) -> Result<Self, VaultError> {
        let keyring = RedbKeyring::open(&folder.join(KEYRING_FILE))?;
        if keyring.identity().id != keyring_id {
            return Err(VaultError::KeyringMismatch);
        }
        Self::over(keyring, &master.masters()?)
    }

    fn over(keyring: RedbKeyring, masters: &[MasterKey]) -> Result<Self, VaultError> {
        Self::with_masters(Arc::new(keyring), &masters.iter().collect::<Vec<_>>())
    }
}

/// Makes the keyring under another name and moves it into place when it is complete and on disk.
fn make_keyring(folder: &Path, identity: Identity) -> Result<RedbKeyring, VaultError> {
    let (unfinished, finished) = (folder.join(UNFINISHED_FILE), folder.join(KEYRING_FILE));
    match fs::remove_file(&unfinished) {
        Err(refusal) if refusal.kind() != io::ErrorKind::NotFound => {
            return Err(cannot_make(folder, &refusal));
        }
        Ok(()) | Err(_) => {}
    }
    let keyring = RedbKeyring::create(&unfinished, &finished, identity)?;
    fs::rename(&unfinished, &finished)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|refusal| cannot_make(folder, &refusal))?;
    Ok(keyring)
}

/// Holds the folder against a second first start at the same moment.
fn lock(folder: &Path) -> Result<File, VaultError> {
    let handle = File::open(folder).map_err(|refusal| cannot_make(folder, &refusal))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(VaultError::KeyringBusy { path: folder.to_owned() }),
        Err(TryLockError::Error(refusal)) => Err(cannot_make(folder, &refusal)),
    }
}

fn cannot_make(folder: &Path, refusal: &io::Error) -> VaultError {
    VaultError::unavailable(format_args!("nothing can be made in {}: {refusal}", folder.display()))
}
