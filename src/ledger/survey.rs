//! Reads a ledger from its first line to its last and says how far it holds. The file may be long, so one act at a time
//! is in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use uuid::Uuid;

use super::LedgerError;
use super::line::{Entry, Position, read_title};
use crate::vault::PublicKey;

/// No line is longer.
const LONGEST_LINE: u64 = 256;
/// No act has more lines.
pub(super) const LONGEST_ACT: usize = 1_000;

/// Where a ledger ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whose ledger it is.
    pub keyring: Uuid,
    /// The key its seals verify with.
    pub key: PublicKey,
    /// Its last line.
    pub position: Position,
    /// What that line says of keys destroyed before it, and whether it destroyed some itself.
    pub last: Option<Entry>,
    /// Bytes up to the last seal.
    pub length: u64,
    /// Bytes behind it, which count for nothing.
    pub torn: u64,
}

/// How carefully to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// The last signature covers all lines, so it is the one that is verified.
    LastSeal,
    /// Every signature.
    EverySeal,
}

/// Reads the whole ledger, verifies every line and every seal, and shows each line that counts to `visit`, which may end
/// the reading with an error of its own.
pub fn survey<E: From<LedgerError>>(
    path: &Path,
    mut visit: impl FnMut(&Entry, &Position) -> Result<(), E>,
) -> Result<Head, E> {
    walk(path, Care::EverySeal, &mut visit)
}

pub(super) fn walk<E: From<LedgerError>>(
    path: &Path,
    care: Care,
    visit: &mut dyn FnMut(&Entry, &Position) -> Result<(), E>,
) -> Result<Head, E> {
    let mut walker = Walker::open(path)?;
    let mut last_seal = None;
    while let Some((entries, signature)) = walker.act()? {
        if care == Care::EverySeal {
            walker.verify(&signature)?;
        }
        for (entry, position) in &entries {
            visit(entry, position)?;
        }
        last_seal = Some(signature);
    }
    if let Some(signature) = last_seal {
        walker.verify(&signature)?;
    }
    Ok(walker.head)
}

type Lines = Vec<(Entry, Position)>;

struct Walker<'path> {
    path: &'path Path,
    reader: BufReader<File>,
    head: Head,
    line: u64,
}

impl<'path> Walker<'path> {
    fn open(path: &'path Path) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(|refusal| {
            if refusal.kind() == io::ErrorKind::NotFound {
                return LedgerError::Missing { path: path.to_owned() };
            }
            LedgerError::Unavailable(refusal)
        })?;
        let mut reader = BufReader::new(file);
        let no_ledger = || LedgerError::NoLedger { path: path.to_owned() };
        let title = next_line(&mut reader)?.ok_or_else(no_ledger)?;
        let (keyring, key) = read_title(&title).ok_or_else(no_ledger)?;
        let length = u64::try_from(title.len()).unwrap_or(u64::MAX).saturating_add(1);
        let position = Position::genesis(keyring, &key);
        let head = Head { keyring, key, position, last: None, length, torn: 0 };
        Ok(Self { path, reader, head, line: 1 })
    }

    /// The next act with its seal's signature; nothing at the end, or where a crash cut the file off.
    fn act(&mut self) -> Result<Option<(Lines, Vec<u8>)>, LedgerError> {
        let (mut entries, mut read, mut position) = (Lines::new(), 0_u64, self.head.position);
        loop {
            let Some(line) = next_line(&mut self.reader)? else { return self.torn() };
            self.line += 1;
            read += u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(1);
            if let Ok(entry) = line.parse::<Entry>() {
                position = position.after(&entry);
                let is_next = entry.seq == self.head.position.seq + as_number(entries.len()) + 1;
                if !is_next || entries.len() == LONGEST_ACT {
                    return self.broken();
                }
                entries.push((entry, position));
                continue;
            }
            return match Position::of_seal(&line) {
                Some((sealed, signature)) if sealed == position && !entries.is_empty() => {
                    self.head.position = position;
                    self.head.last = entries.last().map(|(entry, _)| *entry);
                    self.head.length = self.head.length.saturating_add(read);
                    Ok(Some((entries, signature)))
                }
                Some(_) => Err(self.altered()),
                None => self.broken(),
            };
        }
    }

    /// A line that cannot be: a crash's if no seal follows it.
    fn broken(&mut self) -> Result<Option<(Lines, Vec<u8>)>, LedgerError> {
        let found = self.altered();
        loop {
            let mut bytes = Vec::new();
            let mut part = (&mut self.reader).take(LONGEST_LINE);
            let read = part.read_until(b'\n', &mut bytes).map_err(LedgerError::Unavailable)?;
            if read == 0 {
                return self.torn();
            }
            if bytes.starts_with(b"s ") && bytes.ends_with(b"\n") {
                return Err(found);
            }
        }
    }

    fn torn(&mut self) -> Result<Option<(Lines, Vec<u8>)>, LedgerError> {
        let whole = self.reader.get_ref().metadata().map_err(LedgerError::Unavailable)?.len();
        self.head.torn = whole.saturating_sub(self.head.length);
        Ok(None)
    }

    fn verify(&self, signature: &[u8]) -> Result<(), LedgerError> {
        let message = self.head.position.message(self.head.keyring);
        if self.head.key.verify(&message, signature) { Ok(()) } else { Err(self.altered()) }
    }

    fn altered(&self) -> LedgerError {
        LedgerError::Altered { path: self.path.to_owned(), line: self.line }
    }
}

/// A whole line without its end; nothing if the file ends before it does.
fn next_line(reader: &mut BufReader<File>) -> Result<Option<String>, LedgerError> {
    let mut bytes = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(LedgerError::Unavailable)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        let is_long = as_number(bytes.len()) + 1 >= i64::try_from(LONGEST_LINE).unwrap_or(i64::MAX);
        return Ok(is_long.then(|| "too long".to_owned()));
    }
    // What is no text is no line either.
    Ok(Some(String::from_utf8(bytes).unwrap_or_default()))
}

fn as_number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
