//! A vault on a disk of its own, for the tests of starting and erasing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::id::Id;
use crate::vault::{MasterSource, Place, Scope, SealedColumn, Vault, VaultError};

pub(super) const AT: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) struct Disk {
    _folder: TempDir,
    pub(super) keyring: PathBuf,
    pub(super) master_path: PathBuf,
    pub(super) master: MasterSource,
}

impl Disk {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let master_path = folder.path().join("secrets/master.key");
        let master = MasterSource::File(master_path.clone());
        Self { keyring: folder.path().join("keyring"), _folder: folder, master_path, master }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.keyring.join("keyring.redb")
    }

    pub(super) fn create(&self) -> Vault {
        Vault::create(&self.keyring, &self.master).expect("created").0
    }

    pub(super) fn open(&self, id: Uuid) -> Result<Vault, VaultError> {
        Vault::open(&self.keyring, &self.master, id)
    }

    pub(super) fn entries(&self) -> Vec<PathBuf> {
        let mut entries: Vec<_> = fs::read_dir(&self.keyring)
            .expect("a folder")
            .map(|entry| entry.expect("one").path())
            .collect();
        entries.sort();
        entries
    }
}

pub(super) fn scope(conversation: u128) -> Scope {
    Scope {
        tenant: Id::from_uuid(Uuid::from_u128(1)),
        conversation: Id::from_uuid(Uuid::from_u128(conversation)),
    }
}

pub(super) fn place(scope: Scope) -> Place {
    Place {
        column: SealedColumn::TurnContent,
        tenant: scope.tenant,
        conversation: scope.conversation,
        record: Uuid::nil(),
        kind: 1,
    }
}

pub(super) fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

pub(super) fn contains(path: &Path, needle: &[u8]) -> bool {
    fs::read(path).expect("readable").windows(needle.len()).any(|window| window == needle)
}
