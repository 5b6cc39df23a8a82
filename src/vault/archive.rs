//! Sealing what is too long to be sealed at once: a backup, as a chain of frames under a key of its own.
//!
//! Every frame is bound to its archive, its number and whether it is the last, so that frames cannot be changed, moved,
//! repeated, left out at the end or taken from another archive. The key is random, and the master key wraps it: so a
//! backup can be made beside a running server, which has the keyring to itself, and destroying the few bytes of the
//! wrapped key makes every copy of the archive unreadable.

use std::io::{self, Read, Write};

use uuid::Uuid;

use crate::vault::cipher::{Cipher, KeyBytes, NONCE_BYTES, TAG_BYTES, fresh_key};
use crate::vault::wrapping::{Label, Purpose};
use crate::vault::{KeyCheck, MasterSource, VaultError, WrappedKey};

const MAGIC: &[u8; 10] = b"VFARCHIVE1";
/// No frame is longer, so that a damaged length asks for no more memory.
const LONGEST_FRAME: usize = 4 << 20;
/// Number, mark of the last, length.
const FRAME_HEAD: usize = 8 + 1 + 4;
const FIRST: u16 = 1;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not made by this program.
    #[error("this is no archive of this program")]
    NotAnArchive,
    /// Another archive than the one asked for.
    #[error("this is another archive than its name and key say")]
    Foreign,
    /// It ends before its last frame.
    #[error("the archive is cut off: it ends before its last part")]
    Truncated,
    /// A frame is not what was sealed.
    #[error("part {0} of the archive was altered")]
    Altered(u64),
    /// A frame is not where it was.
    #[error("part {expected} of the archive is not where it was: there is part {found}")]
    Reordered {
        /// Which should be there.
        expected: u64,
        /// Which is.
        found: u64,
    },
    /// The key.
    #[error("the key of the archive cannot be used")]
    Key(#[from] VaultError),
    /// The disk.
    #[error("the archive cannot be read or written")]
    Io(#[from] io::Error),
}

/// The key of one archive.
pub struct ArchiveKey {
    archive: Uuid,
    cipher: Cipher,
}

impl ArchiveKey {
    /// A new key and the record to keep of it, which is of no use without the master key.
    pub fn make(source: &MasterSource, archive: Uuid) -> Result<(Self, Vec<u8>), VaultError> {
        let key = fresh_key()?;
        let record = wrapped(source, archive, &key)?;
        Ok((Self { archive, cipher: Cipher::new(&key) }, record))
    }

    /// The key of a record: `WrongKey` if its master is not there any more.
    pub fn open(source: &MasterSource, archive: Uuid, record: &[u8]) -> Result<Self, VaultError> {
        let key = unwrapped(source, archive, record)?;
        Ok(Self { archive, cipher: Cipher::new(&key) })
    }

    /// The record under the newest master key instead, so that an older one can be destroyed.
    pub fn rewrap(
        source: &MasterSource,
        archive: Uuid,
        record: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        wrapped(source, archive, &unwrapped(source, archive, record)?)
    }

    fn bound(&self, index: u64, is_last: bool) -> Vec<u8> {
        let index = index.to_be_bytes();
        [b"VFA1".as_slice(), self.archive.as_bytes(), &index, &[u8::from(is_last)]].concat()
    }
}

/// The check value of the master, then the key as it wraps it.
fn wrapped(source: &MasterSource, archive: Uuid, key: &KeyBytes) -> Result<Vec<u8>, VaultError> {
    let masters = source.masters()?;
    let master = masters.first().ok_or(VaultError::WrongKey)?;
    let label = Label { version: FIRST, generation: FIRST };
    let purpose = Purpose::Archive(archive);
    let wrapped = WrappedKey::wrap(&master.wrapping_cipher()?, purpose, key, label)?;
    Ok([master.check()?.as_bytes().as_slice(), &wrapped.to_stored()].concat())
}

fn unwrapped(source: &MasterSource, archive: Uuid, record: &[u8]) -> Result<KeyBytes, VaultError> {
    let (check, wrapped) = record.split_first_chunk::<16>().ok_or(VaultError::Tampered)?;
    let check = KeyCheck::from_stored(*check);
    let wrapped = WrappedKey::from_stored(wrapped).ok_or(VaultError::Tampered)?;
    for master in source.masters()? {
        if check.agree(&master.check()?).is_ok() {
            return wrapped.unwrap(&master.wrapping_cipher()?, Purpose::Archive(archive));
        }
    }
    Err(VaultError::WrongKey)
}

impl std::fmt::Debug for ArchiveKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ArchiveKey({})", self.archive)
    }
}

/// Writes an archive.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    into: W,
    key: ArchiveKey,
    index: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive.
    pub fn new(mut into: W, key: ArchiveKey) -> Result<Self, ArchiveError> {
        into.write_all(MAGIC)?;
        into.write_all(key.archive.as_bytes())?;
        Ok(Self { into, key, index: 0 })
    }

    /// Seals a frame, which is overwritten.
    pub fn frame(&mut self, text: Vec<u8>) -> Result<(), ArchiveError> {
        self.seal(text, false)
    }

    /// Seals the last frame and gives back what was written to.
    pub fn finish(mut self, text: Vec<u8>) -> Result<W, ArchiveError> {
        self.seal(text, true)?;
        Ok(self.into)
    }

    fn seal(&mut self, mut text: Vec<u8>, is_last: bool) -> Result<(), ArchiveError> {
        let length = u32::try_from(text.len()).map_err(|_| VaultError::TooLarge)?;
        if text.len() > LONGEST_FRAME {
            return Err(VaultError::TooLarge.into());
        }
        let bound = self.key.bound(self.index, is_last);
        let (nonce, tag) = self.key.cipher.encrypt(&bound, &mut text)?;
        self.into.write_all(&self.index.to_be_bytes())?;
        self.into.write_all(&[u8::from(is_last)])?;
        self.into.write_all(&length.to_be_bytes())?;
        self.into.write_all(&nonce)?;
        self.into.write_all(&tag)?;
        self.into.write_all(&text)?;
        self.index += 1;
        Ok(())
    }
}

/// Reads an archive, frame by frame.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    from: R,
    key: ArchiveKey,
    index: u64,
    is_over: bool,
}

impl<R: Read> ArchiveReader<R> {
    /// Opens an archive with its key.
    pub fn new(mut from: R, key: ArchiveKey) -> Result<Self, ArchiveError> {
        let (mut magic, mut archive) = ([0; MAGIC.len()], [0; 16]);
        from.read_exact(&mut magic).map_err(|_| ArchiveError::NotAnArchive)?;
        if &magic != MAGIC {
            return Err(ArchiveError::NotAnArchive);
        }
        fill(&mut from, &mut archive)?;
        if &archive != key.archive.as_bytes() {
            return Err(ArchiveError::Foreign);
        }
        Ok(Self { from, key, index: 0, is_over: false })
    }

    /// The next frame; nothing after the last.
    pub fn frame(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        if self.is_over {
            let more = self.from.read(&mut [0])?;
            return if more == 0 { Ok(None) } else { Err(ArchiveError::Altered(self.index)) };
        }
        let mut head = [0; FRAME_HEAD];
        fill(&mut self.from, &mut head)?;
        let altered = || ArchiveError::Altered(self.index);
        let (found, rest) = head.split_first_chunk().ok_or_else(altered)?;
        let (mark, length) = rest.split_first().ok_or_else(altered)?;
        let length = u32::from_be_bytes(length.try_into().map_err(|_| altered())?);
        let length = usize::try_from(length).map_err(|_| altered())?;
        let found = u64::from_be_bytes(*found);
        if length > LONGEST_FRAME || *mark > 1 {
            return Err(altered());
        }
        let (mut nonce, mut tag) = ([0; NONCE_BYTES], [0; TAG_BYTES]);
        fill(&mut self.from, &mut nonce)?;
        fill(&mut self.from, &mut tag)?;
        let mut text = vec![0; length];
        fill(&mut self.from, &mut text)?;
        let is_last = *mark == 1;
        let bound = self.key.bound(found, is_last);
        self.key.cipher.decrypt(nonce, &bound, &mut text, tag).map_err(|_| altered())?;
        if found != self.index {
            return Err(ArchiveError::Reordered { expected: self.index, found });
        }
        self.is_over = is_last;
        self.index += 1;
        Ok(Some(text))
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), ArchiveError> {
    from.read_exact(bytes).map_err(|refusal| {
        if refusal.kind() == io::ErrorKind::UnexpectedEof {
            return ArchiveError::Truncated;
        }
        ArchiveError::Io(refusal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterKey;

    fn source() -> MasterSource {
        let text = MasterKey::generate().expect("random").to_text().trim().to_owned();
        MasterSource::Given(text.into())
    }

    fn archive(source: &MasterSource, id: Uuid) -> (Vec<u8>, Vec<u8>) {
        let (key, record) = ArchiveKey::make(source, id).expect("made");
        let mut writer = ArchiveWriter::new(Vec::new(), key).expect("begun");
        for number in 0..4 {
            writer.frame(vec![number; 50]).expect("sealed");
        }
        (writer.finish(vec![9; 50]).expect("sealed"), record)
    }

    fn read(
        source: &MasterSource,
        id: Uuid,
        record: &[u8],
        bytes: &[u8],
    ) -> Result<usize, ArchiveError> {
        let key = ArchiveKey::open(source, id, record)?;
        let mut reader = ArchiveReader::new(bytes, key)?;
        let mut frames = 0;
        while reader.frame()?.is_some() {
            frames += 1;
        }
        Ok(frames)
    }

    /// Policy §5: encrypted backups. One bit, one byte less, one frame moved: each is refused by its name.
    #[test]
    fn an_altered_cut_off_reordered_or_foreign_archive_is_refused_by_name() {
        let (source, id) = (source(), Uuid::from_u128(7));
        let (whole, record) = archive(&source, id);
        assert_eq!(read(&source, id, &record, &whole).expect("whole"), 5);
        assert!(!whole.windows(20).any(|window| window == [3; 20]), "it lies in the clear");
        let frame = (whole.len() - 26) / 5;
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            let refused = read(&source, id, &record, &altered).expect_err("altered");
            let is_named = match refused {
                ArchiveError::NotAnArchive => at < 10,
                ArchiveError::Foreign => (10..26).contains(&at),
                ArchiveError::Altered(_) | ArchiveError::Truncated => at >= 26,
                ArchiveError::Reordered { .. } | ArchiveError::Key(_) | ArchiveError::Io(_) => {
                    false
                }
            };
            assert!(is_named, "byte {at}: {refused}");
            let cut = read(&source, id, &record, &whole[..at]).expect_err("cut off");
            assert!(matches!(cut, ArchiveError::NotAnArchive | ArchiveError::Truncated), "{at}");
        }
        let (first, second, third) = (26, 26 + frame, 26 + 2 * frame);
        let moved =
            [&whole[..first], &whole[second..third], &whole[first..second], &whole[third..]];
        let refused = read(&source, id, &record, &moved.concat());
        assert!(matches!(refused, Err(ArchiveError::Reordered { expected: 0, found: 1 })));
        let longer = [whole.as_slice(), &[0]].concat();
        assert!(matches!(read(&source, id, &record, &longer), Err(ArchiveError::Altered(5))));
    }

    /// Case 25: without the key, with another one, or with another master nothing opens.
    #[test]
    fn only_its_own_key_under_its_own_master_opens_an_archive() {
        let (ours, id) = (source(), Uuid::from_u128(7));
        let (whole, record) = archive(&ours, id);
        let (other, others_record) = archive(&ours, Uuid::from_u128(8));
        let refused = |result: Result<usize, ArchiveError>| result.expect_err("refused");
        assert!(matches!(refused(read(&ours, id, &record, &other)), ArchiveError::Foreign));
        for record in [&others_record[..], &record[1..], &[]] {
            assert!(matches!(refused(read(&ours, id, record, &whole)), ArchiveError::Key(_)));
        }
        let stranger = read(&source(), id, &record, &whole);
        assert!(matches!(stranger, Err(ArchiveError::Key(VaultError::WrongKey))));
    }
}
