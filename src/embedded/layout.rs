//! Decides what lies where in the data folder, who owns it, and who may use it.
//!
//! ```text
//! <data>/             0711 as root, so that the account can pass through; 0700 as a plain user
//!   lock              held as long as a server uses the folder
//!   db.secret         0600, the password of the database's superuser
//!   initdb.password   only while initdb works
//!   pgdata/           0700, the account's: the database
//!   pgdata.new-…/     only while initdb works
//!   sock/             0700, the account's: the socket
//!   postgres.log      0600, what postgres writes
//! ```
//!
//! Stands apart because permissions and path limits must be right before anything else begins.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::{EmbeddedError, io_error};

/// A socket's whole path ends at 103 bytes on macOS and 107 on Linux, and the file name takes 20 of them.
const LONGEST_SOCKET_FOLDER: usize = 80;

/// The places in a data folder that is locked for us.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) data_dir: PathBuf,
    pub(super) pgdata: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) secret: PathBuf,
    pub(super) log: PathBuf,
    _lock: File,
}

impl Layout {
    /// Makes the folders, or takes them as they are, and locks them.
    pub(super) fn open(wanted: &Path, account: Option<&Account>) -> Result<Self, EmbeddedError> {
        make_data_dir(wanted, account)?;
        let data_dir = fs::canonicalize(wanted).map_err(io_error("open", wanted))?;
        let lock = lock(&data_dir)?;
        let socket_dir = socket_dir(&data_dir);
        make_private_dir(&socket_dir, account)?;
        Ok(Self {
            pgdata: data_dir.join("pgdata"),
            secret: data_dir.join("db.secret"),
            log: data_dir.join("postgres.log"),
            socket_dir,
            data_dir,
            _lock: lock,
        })
    }

    /// The major version of the data, if there is data.
    pub(super) fn data_major(&self) -> Result<Option<u32>, EmbeddedError> {
        let Ok(text) = fs::read_to_string(self.pgdata.join("PG_VERSION")) else {
            return self.without_version();
        };
        let major = text.trim().parse().ok();
        major.map(Some).ok_or_else(|| EmbeddedError::NotACluster(self.pgdata.clone()))
    }

    fn without_version(&self) -> Result<Option<u32>, EmbeddedError> {
        let nothing_there = match fs::read_dir(&self.pgdata) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !self.pgdata.exists(),
        };
        if nothing_there { Ok(None) } else { Err(EmbeddedError::NotACluster(self.pgdata.clone())) }
    }
}

/// Makes a folder only the account can enter, or checks that it is one.
pub(super) fn make_private_dir(
    folder: &Path,
    account: Option<&Account>,
) -> Result<(), EmbeddedError> {
    if !folder.exists() {
        DirBuilder::new().mode(0o700).create(folder).map_err(io_error("create", folder))?;
    }
    let found = fs::symlink_metadata(folder).map_err(io_error("look at", folder))?;
    let own = rustix::process::geteuid().as_raw();
    let owner = account.map_or(own, |other| other.uid);
    if !found.is_dir() || ![own, owner].contains(&found.uid()) {
        return Err(EmbeddedError::ForeignFolder(folder.to_path_buf()));
    }
    if found.permissions().mode() & 0o777 != 0o700 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(io_error("close", folder))?;
    }
    hand_over(folder, account)
}

/// Gives a file or folder of ours to the account.
pub(super) fn hand_over(path: &Path, account: Option<&Account>) -> Result<(), EmbeddedError> {
    let Some(account) = account else {
        return Ok(());
    };
    lchown(path, Some(account.uid), Some(account.gid))
        .map_err(io_error("change the owner of", path))
}

/// Removes a file; that there is none is fine.
pub(super) fn remove_if_there(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(failure) if failure.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path)(failure))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Beside the data if a socket's address can hold and a connection string can carry that path, else short and
/// in the temporary folder.
pub(super) fn socket_dir(data_dir: &Path) -> PathBuf {
    let beside = data_dir.join("sock");
    let path = beside.as_os_str().as_bytes();
    let is_plain = path.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte));
    if is_plain && path.len() <= LONGEST_SOCKET_FOLDER {
        return beside;
    }
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    Path::new("/tmp").join(format!("veetflow-{:016x}", hasher.finish()))
}

/// An existing folder keeps its mode: it is the operator's.
fn make_data_dir(folder: &Path, account: Option<&Account>) -> Result<(), EmbeddedError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mode = if account.is_some() { 0o711 } else { 0o700 };
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(mode).create(folder).map_err(io_error("create", folder))?;
    fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(io_error("open up", folder))
}

fn lock(data_dir: &Path) -> Result<File, EmbeddedError> {
    let path = data_dir.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::InUse(data_dir.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}
