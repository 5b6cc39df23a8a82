//! Backups: the database as an archive under a key of its own, and back.
//!
//! What people wrote is ciphertext in the database already; the archive seals the rest as well, and binds it. The keyring
//! is not in it, and must not be: a wrapped key beside its data survives every erasure in that copy. The key of an archive
//! lies in the data folder, not beside the archive, and is destroyed after ninety days: whatever copy of the archive is
//! forgotten somewhere is unreadable from then on (policy §6.2).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::BackupId;
use crate::store::archive::{Table, Whole};
use crate::store::{Address, StoreError};
use crate::vault::{ArchiveError, ArchiveKey, ArchiveReader, ArchiveWriter, MasterSource};

/// How long a backup can be opened (policy §6.2).
pub const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Bytes of rows in one part.
const PART: usize = 256 << 10;
/// Bytes of a key's record at most.
const KEY_BYTES: u64 = 256;

/// Why a backup was not made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The database.
    #[error("the database could not be copied")]
    Store(#[from] StoreError),
    /// The key is gone, as it should be after ninety days.
    #[error("the key of this backup was destroyed or is not in this data folder; nothing opens it")]
    KeyDestroyed,
    /// Of another installation.
    #[error("this backup is of another installation, with another keyring")]
    OtherInstallation,
    /// Of another version.
    #[error(
        "this backup has schema {found} and this program {ours}; restore it with the version that made it, then start this one"
    )]
    OtherSchema {
        /// The backup's.
        found: i64,
        /// This program's.
        ours: i64,
    },
    /// Authentic, and not what this program writes.
    #[error("this backup is authentic and not in the form expected")]
    Form,
    /// The disk.
    #[error("the folder of backups or their keys cannot be used")]
    Io(#[from] io::Error),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    keyring: Uuid,
    schema: i64,
    months: Vec<String>,
    tables: u64,
}

/// Where backups and their keys are.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// The archives.
    pub folder: PathBuf,
    /// Their keys.
    pub keys: PathBuf,
    /// What wraps them.
    pub master: MasterSource,
}

/// A backup on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Which.
    pub id: BackupId,
    /// Bytes.
    pub size: u64,
    /// Whether it can still be opened.
    pub has_key: bool,
}

/// When a backup was made, as its identifier says.
pub fn made_at(id: BackupId) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.uuid().get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

impl Shelf {
    /// The shelf of a data folder, with its archives elsewhere if `folder` says so.
    pub fn of(data_dir: &Path, folder: Option<PathBuf>, master: MasterSource) -> Self {
        let folder = folder.unwrap_or_else(|| data_dir.join("backups"));
        Self { folder, keys: data_dir.join("backup-keys"), master }
    }

    /// Where an archive is.
    pub fn path(&self, id: BackupId) -> PathBuf {
        self.folder.join(format!("{id}.vfbackup"))
    }

    fn key_path(&self, id: BackupId) -> PathBuf {
        self.keys.join(format!("{id}.key"))
    }

    /// Makes a backup beside whoever writes; `step` hears of the bytes written. It is whole, or not there.
    pub async fn create(
        &self,
        address: &Address,
        keyring: Uuid,
        id: BackupId,
        mut step: impl FnMut(u64),
    ) -> Result<Backup, BackupError> {
        for folder in [&self.folder, &self.keys] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let (key, record) =
            ArchiveKey::make(&self.master, id.uuid()).map_err(ArchiveError::from)?;
        write_whole(&self.key_path(id), &record)?;
        let (path, part) = (self.path(id), self.folder.join(format!("{id}.part")));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let mut writer = ArchiveWriter::new(BufWriter::new(file), key)?;
        let whole = Whole::read(address).await?;
        let tables = whole.tables().await?;
        let (schema, months) = (whole.schema().await?, whole.months().await?);
        let count = u64::try_from(tables.len()).unwrap_or(u64::MAX);
        let manifest = Manifest { keyring, schema, months, tables: count };
        writer.frame(marked(b'M', &manifest)?)?;
        for table in &tables {
            writer.frame(marked(b'T', table)?)?;
            let mut rows = vec![b'D'];
            whole
                .copy_out::<BackupError>(table, |row| {
                    if rows.len() + row.len() > PART && rows.len() > 1 {
                        step(u64::try_from(rows.len()).unwrap_or_default());
                        writer.frame(std::mem::replace(&mut rows, vec![b'D']))?;
                    }
                    rows.extend_from_slice(row);
                    Ok(())
                })
                .await?;
            writer.frame(rows)?;
        }
        let mut written = writer.finish(vec![b'Z'])?;
        written.flush()?;
        written.get_ref().sync_all()?;
        fs::rename(&part, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Backup { id, size: fs::metadata(&path)?.len(), has_key: true })
    }

    /// All backups, oldest first.
    pub fn list(&self) -> Result<Vec<Backup>, BackupError> {
        let mut found = Vec::new();
        for id in identifiers(&self.folder, ".vfbackup")? {
            let size = fs::metadata(self.path(id))?.len();
            found.push(Backup { id, size, has_key: self.key_path(id).exists() });
        }
        found.sort_by_key(|backup| backup.id);
        Ok(found)
    }

    /// Reads all of a backup and verifies every part; says how many bytes of rows it has.
    pub fn verify(&self, id: BackupId, mut step: impl FnMut(u64)) -> Result<u64, BackupError> {
        let (mut reader, manifest) = self.open(id)?;
        let (mut bytes, mut tables, mut is_over) = (0, 0, false);
        while let Some(frame) = reader.frame()? {
            let length = u64::try_from(frame.len()).unwrap_or_default();
            step(length);
            match frame.first() {
                Some(b'T') => tables += 1,
                Some(b'D') => bytes += length,
                Some(b'Z') => is_over = true,
                _ => return Err(BackupError::Form),
            }
        }
        if is_over && tables == manifest.tables { Ok(bytes) } else { Err(BackupError::Form) }
    }

    /// Puts a backup in place of everything in the database, which is marked as restored: nothing is served until the
    /// erasure ledger was replayed. All of it or nothing.
    pub async fn restore(
        &self,
        address: &Address,
        keyring: Uuid,
        id: BackupId,
        mut step: impl FnMut(u64),
    ) -> Result<(), BackupError> {
        let (mut reader, manifest) = self.open(id)?;
        if manifest.keyring != keyring {
            return Err(BackupError::OtherInstallation);
        }
        let whole = Whole::write(address).await?;
        let ours = whole.schema().await?;
        if manifest.schema != ours {
            return Err(BackupError::OtherSchema { found: manifest.schema, ours });
        }
        whole.clear(&manifest.months).await?;
        let mut next = reader.frame()?;
        while let Some(frame) = next.take() {
            let Some((b'T', table)) = frame.split_first() else {
                // The last part, behind which nothing may follow.
                let is_end = frame == *b"Z" && reader.frame()?.is_none();
                if !is_end {
                    return Err(BackupError::Form);
                }
                return Ok(whole.keep_as_restored().await?);
            };
            let table: Table = serde_json::from_slice(table).map_err(|_| BackupError::Form)?;
            let mut behind = None;
            whole
                .copy_in::<BackupError>(&table, || {
                    let mut frame = reader.frame()?.ok_or(BackupError::Form)?;
                    if frame.first() != Some(&b'D') {
                        behind = Some(frame);
                        return Ok(None);
                    }
                    step(u64::try_from(frame.len()).unwrap_or_default());
                    Ok(Some(frame.split_off(1)))
                })
                .await?;
            next = behind;
        }
        Err(BackupError::Form)
    }

    fn open(
        &self,
        id: BackupId,
    ) -> Result<(ArchiveReader<BufReader<File>>, Manifest), BackupError> {
        let mut record = Vec::new();
        match File::open(self.key_path(id)) {
            Ok(file) => file.take(KEY_BYTES).read_to_end(&mut record)?,
            Err(refusal) if refusal.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::KeyDestroyed);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let key = ArchiveKey::open(&self.master, id.uuid(), &record).map_err(ArchiveError::from)?;
        let mut reader = ArchiveReader::new(BufReader::new(File::open(self.path(id))?), key)?;
        let first = reader.frame()?.ok_or(BackupError::Form)?;
        let Some((b'M', manifest)) = first.split_first() else { return Err(BackupError::Form) };
        let manifest = serde_json::from_slice(manifest).map_err(|_| BackupError::Form)?;
        Ok((reader, manifest))
    }

    /// Wraps every key anew under the newest master key; each is whole before the next, so that it can be done again.
    pub fn rewrap(&self) -> Result<usize, BackupError> {
        let all = identifiers(&self.keys, ".key")?;
        for id in &all {
            let (path, next) = (self.key_path(*id), self.keys.join(format!("{id}.next")));
            let record = fs::read(&path)?;
            let record = ArchiveKey::rewrap(&self.master, id.uuid(), &record);
            let record = record.map_err(ArchiveError::from)?;
            if next.exists() {
                fs::remove_file(&next)?;
            }
            write_whole(&next, &record)?;
            fs::rename(&next, &path)?;
            File::open(&self.keys)?.sync_all()?;
        }
        Ok(all.len())
    }

    /// Destroys the keys of backups whose time is over, then removes the archives that are on the shelf; says how many
    /// keys. One that somebody hid elsewhere is unreadable all the same.
    pub fn rotate(&self, now: Timestamp) -> Result<usize, BackupError> {
        let is_over =
            |id: &BackupId| made_at(*id).is_some_and(|made| now.duration_since(made) >= LIFE);
        let over: Vec<BackupId> =
            identifiers(&self.keys, ".key")?.into_iter().filter(is_over).collect();
        for id in &over {
            let path = self.key_path(*id);
            let length = usize::try_from(fs::metadata(&path)?.len()).unwrap_or_default();
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&vec![0; length])?;
            file.sync_all()?;
            fs::remove_file(&path)?;
            File::open(&self.keys)?.sync_all()?;
        }
        for id in identifiers(&self.folder, ".vfbackup")?.iter().filter(|id| is_over(id)) {
            fs::remove_file(self.path(*id))?;
        }
        Ok(over.len())
    }
}

fn marked(mark: u8, value: &impl Serialize) -> Result<Vec<u8>, BackupError> {
    let mut bytes = vec![mark];
    serde_json::to_writer(&mut bytes, value).map_err(|_| BackupError::Form)?;
    Ok(bytes)
}

fn identifiers(folder: &Path, ending: &str) -> io::Result<Vec<BackupId>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(name.strip_suffix(ending).and_then(|name| name.parse::<BackupId>().ok()));
    }
    Ok(found)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
