//! The keyring's file as such: opened so that damage is found at the start, and used so that the storage engine's
//! failures arrive as values.
//!
//! redb promises to recover from a crash, not from bytes altered behind its back: those it may answer with a panic.
//! Here every page is verified when the file is opened, and a panic that still happens ends as `KeyringDamaged`.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageError, TableDefinition, WriteTransaction,
};

use crate::vault::VaultError;
use crate::vault::scrub::{Trace, scrub};

/// Memory the engine may use for pages.
const CACHE_BYTES: usize = 16 << 20;
/// Nonces of destroyed wrappings whose bytes may still be in the file, with every bit inverted so that the search
/// does not find its own list.
const TRACES: TableDefinition<'_, &[u8; 12], ()> = TableDefinition::new("traces_inverted");

/// What goes wrong inside a transaction.
pub(super) enum Fault {
    /// The vault's own refusal.
    Refused(VaultError),
    /// The engine's.
    Engine(redb::Error),
    /// A record that is not what it should be.
    Record(&'static str),
}

impl From<VaultError> for Fault {
    fn from(refusal: VaultError) -> Self {
        Self::Refused(refusal)
    }
}

macro_rules! engine_faults {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        }
    )*};
}

engine_faults!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);

/// An open keyring file, held against every other process.
pub(super) struct KeyringFile {
    database: Database,
    file: File,
    path: PathBuf,
    overwriting: RwLock<()>,
}

impl KeyringFile {
    /// Makes an empty file at `at`, readable by its owner alone, that will be known as `path`.
    pub(super) fn create(at: &Path, path: &Path) -> Result<Self, VaultError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(at);
        let file = file.map_err(VaultError::unavailable)?;
        let overwriter = file.try_clone().map_err(VaultError::unavailable)?;
        let database = catching_panics(path, || {
            let backend = FileBackend::new(file)?;
            Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)
        })?;
        let made =
            Self::new(database.map_err(|refusal| cannot_open(path, &refusal))?, overwriter, path);
        made.write(|transaction| {
            drop(transaction.open_table(TRACES)?);
            Ok(())
        })?;
        Ok(made)
    }

    /// Opens a file that must be there, verifies every page, and finishes an overwriting that a crash cut short.
    pub(super) fn open(path: &Path) -> Result<Self, VaultError> {
        let overwriter = OpenOptions::new().read(true).write(true).open(path);
        let overwriter = overwriter.map_err(|refusal| {
            if refusal.kind() == io::ErrorKind::NotFound {
                return VaultError::KeyringMissing { path: path.to_owned() };
            }
            VaultError::unavailable(format_args!("{}: {refusal}", path.display()))
        })?;
        if overwriter.metadata().map_err(VaultError::unavailable)?.len() == 0 {
            return Err(damaged(path, "the file is empty"));
        }
        let database = catching_panics(path, || {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            builder.open(path)
        })?;
        let opened =
            Self::new(database.map_err(|refusal| cannot_open(path, &refusal))?, overwriter, path);
        opened.overwrite_traces()?;
        Ok(opened)
    }

    fn new(database: Database, file: File, path: &Path) -> Self {
        Self { database, file, path: path.to_owned(), overwriting: RwLock::new(()) }
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads one consistent state.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        let _nothing_is_overwritten =
            self.overwriting.read().unwrap_or_else(PoisonError::into_inner);
        self.settle(|| work(&self.database.begin_read()?))
    }

    /// Changes everything `work` changes, or nothing; on disk when it returns.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, VaultError> {
        self.settle(|| {
            let transaction = self.database.begin_write()?;
            let outcome = work(&transaction)?;
            transaction.commit()?;
            Ok(outcome)
        })
    }

    /// Notes, with the removal itself, whose bytes must be overwritten.
    pub(super) fn note_trace(transaction: &WriteTransaction, trace: Trace) -> Result<(), Fault> {
        transaction.open_table(TRACES)?.insert(&trace.map(|byte| !byte), ())?;
        Ok(())
    }

    /// Overwrites the bytes of all noted traces. The open transaction keeps writers away from the file meanwhile.
    pub(super) fn overwrite_traces(&self) -> Result<(), VaultError> {
        let _nobody_reads = self.overwriting.write().unwrap_or_else(PoisonError::into_inner);
        self.settle(|| {
            let transaction = self.database.begin_write()?;
            let mut table = transaction.open_table(TRACES)?;
            let mut traces = BTreeSet::new();
            for entry in table.iter()? {
                traces.insert(entry?.0.value().map(|byte| !byte));
            }
            if traces.is_empty() {
                return Ok(());
            }
            scrub(&self.file, &traces).map_err(VaultError::unavailable)?;
            table.retain(|_, ()| false)?;
            drop(table);
            Ok(transaction.commit()?)
        })
    }

    fn settle<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, VaultError> {
        catching_panics(&self.path, work)?.map_err(|fault| match fault {
            Fault::Refused(refusal) => refusal,
            Fault::Record(reason) => damaged(&self.path, reason),
            Fault::Engine(error) => {
                let is_the_disk = matches!(
                    error,
                    redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::Backend(_)
                );
                if is_the_disk {
                    VaultError::unavailable(error)
                } else {
                    damaged(&self.path, error)
                }
            }
        })
    }
}

/// Turns a panic of the engine into a refusal.
fn catching_panics<T>(path: &Path, work: impl FnOnce() -> T) -> Result<T, VaultError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| damaged(path, "the storage engine gave up on its contents"))
}

fn cannot_open(path: &Path, refusal: &DatabaseError) -> VaultError {
    if matches!(refusal, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch) {
        return VaultError::KeyringBusy { path: path.to_owned() };
    }
    if matches!(&refusal, DatabaseError::Storage(StorageError::Io(error)) if is_the_system(error)) {
        return VaultError::unavailable(format_args!("{}: {refusal}", path.display()));
    }
    damaged(path, refusal)
}

/// Whether an input or output error speaks of the machine and not of the bytes in the file.
fn is_the_system(refusal: &io::Error) -> bool {
    !matches!(
        refusal.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
    )
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> VaultError {
    VaultError::KeyringDamaged { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("records");

    fn record(number: u8) -> Vec<u8> {
        [&[number; 12], [7; 1000].as_slice()].concat()
    }

    fn traces_left(path: &Path) -> usize {
        let bytes = std::fs::read(path).expect("read");
        (1..=200).filter(|n| bytes.windows(12).any(|window| window == [*n; 12])).count()
    }

    #[test]
    fn an_overwriting_cut_short_by_a_crash_is_finished_at_the_next_start() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("keyring.redb");
        let file = KeyringFile::create(&path, &path).expect("created");
        let change = |work: &dyn Fn(&WriteTransaction, u8) -> Result<(), Fault>| {
            file.write(|transaction| (1..=200).try_for_each(|number| work(transaction, number)))
        };
        change(&|transaction, number| {
            transaction.open_table(RECORDS)?.insert(number, record(number).as_slice())?;
            Ok(())
        })
        .expect("written");
        change(&|transaction, number| {
            transaction.open_table(RECORDS)?.remove(number)?;
            KeyringFile::note_trace(transaction, [number; 12])
        })
        .expect("removed");
        drop(file);
        assert!(traces_left(&path) > 100, "removing alone leaves the bytes");
        drop(KeyringFile::open(&path).expect("opens"));
        assert_eq!(traces_left(&path), 0);
    }

    #[test]
    fn a_panic_of_the_engine_is_a_refusal_and_leaves_the_file_usable() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("keyring.redb");
        let file = KeyringFile::create(&path, &path).expect("created");
        let refused = file.write(|_| -> Result<(), Fault> { panic!("as redb might") });
        assert!(matches!(refused, Err(VaultError::KeyringDamaged { .. })));
        assert_eq!(file.write(|_| Ok(1)), Ok(1));
    }
}
