//! The ledger that is written to: one process, one file, at the end only.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::line::{Act, Entry, title};
use super::survey::{Care, Head, LONGEST_ACT, walk};
use super::{LedgerError, Position};
use crate::vault::{Extent, SigningKey, VaultError, Witness};

/// An open ledger. Whoever opens it must be the only one, as the owner of the keyring is.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    key: SigningKey,
    end: Mutex<End>,
}

#[derive(Debug)]
struct End {
    file: File,
    head: Head,
}

impl Ledger {
    /// Begins a ledger where there is none: it is complete, or not there.
    pub fn begin(
        path: &Path,
        key: SigningKey,
        keyring: uuid::Uuid,
        epoch: u64,
        at: Timestamp,
    ) -> Result<Self, LedgerError> {
        let unfinished = path.with_extension("ledger.new");
        let public = key.public_key();
        let entry = Entry { seq: 1, at, epoch, act: Act::Begun };
        let position = Position::genesis(keyring, &public).after(&entry);
        let seal = position.seal(&key.sign(&position.message(keyring)));
        let text = format!("{}\n{entry}\n{seal}\n", title(keyring, &public));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let made = options.open(&unfinished).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        made.map_err(LedgerError::Unavailable)?;
        Self::open(path, key, keyring)
    }

    /// Opens the ledger of a keyring, and cuts off what a crash left behind the last seal.
    pub fn open(path: &Path, key: SigningKey, keyring: uuid::Uuid) -> Result<Self, LedgerError> {
        let mut head = walk::<LedgerError>(path, Care::LastSeal, &mut |_, _| Ok(()))?;
        if head.keyring != keyring || head.key != key.public_key() {
            return Err(LedgerError::Foreign { path: path.to_owned() });
        }
        let file = OpenOptions::new().write(true).open(path).map_err(LedgerError::Unavailable)?;
        if head.torn > 0 {
            tracing::warn!(
                bytes = head.torn,
                "an unfinished line of the erasure ledger was cut off"
            );
            cut(&file, head.length).map_err(LedgerError::Unavailable)?;
            head.torn = 0;
        }
        Ok(Self { path: path.to_owned(), key, end: Mutex::new(End { file, head }) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it ends.
    pub fn head(&self) -> Head {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).head
    }

    /// Writes acts down; they are sealed and on disk when this returns, or nothing of them counts.
    pub fn append(&self, acts: &[Act], epoch: u64, at: Timestamp) -> Result<(), LedgerError> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        for part in acts.chunks(LONGEST_ACT) {
            end.append(&self.key, part, epoch, at).map_err(LedgerError::Unavailable)?;
        }
        Ok(())
    }

    /// Shows each line that counts.
    pub fn each<E: From<LedgerError>>(
        &self,
        mut visit: impl FnMut(&Entry, &Position) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.path, Care::LastSeal, &mut visit).map(drop)
    }
}

impl End {
    fn append(
        &mut self,
        key: &SigningKey,
        acts: &[Act],
        epoch: u64,
        at: Timestamp,
    ) -> io::Result<()> {
        let (mut position, mut text, mut last) = (self.head.position, String::new(), None);
        for act in acts {
            let entry = Entry { seq: position.seq + 1, at, epoch, act: *act };
            position = position.after(&entry);
            text.push_str(&entry.to_string());
            text.push('\n');
            last = Some(entry);
        }
        text.push_str(&position.seal(&key.sign(&position.message(self.head.keyring))));
        text.push('\n');
        self.file.set_len(self.head.length)?;
        self.file.seek(SeekFrom::Start(self.head.length))?;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(refusal) = written {
            // What may have reached the disk must not stand before what comes next.
            cut(&self.file, self.head.length)?;
            return Err(refusal);
        }
        self.head.position = position;
        self.head.last = last;
        self.head.length += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn cut(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_data()
}

impl Witness for Ledger {
    fn about_to_destroy(
        &self,
        extents: &[Extent],
        epoch: u64,
        at: Timestamp,
    ) -> Result<(), VaultError> {
        let acts: Vec<Act> = extents.iter().copied().map(Act::Erased).collect();
        self.append(&acts, epoch, at).map_err(|refusal| VaultError::Unavailable {
            reason: format!("nothing was destroyed, because {refusal}"),
        })
    }
}
