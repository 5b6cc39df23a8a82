//! Takes the bytes of destroyed keys out of the keyring file.
//!
//! A copy-on-write store removes a record by writing its page anew elsewhere; the old page, and the copies that
//! earlier changes to neighbouring records left, keep the wrapped key until they happen to be reused. So the whole
//! file is searched for the wrapping's nonce, which is random and unique, and what starts there is overwritten with
//! zeros (NIST SP 800-88 §2.5, clear). What a file system or a solid-state disk keeps below the file is out of
//! reach, and the public retention page does not claim otherwise.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::vault::cipher::NONCE_BYTES;
use crate::vault::wrapping::WRAPPED_BYTES;

/// The nonce a destroyed wrapping began with.
pub(super) type Trace = [u8; NONCE_BYTES];

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Overwrites every wrapped key that begins with one of `traces`; gives back how many copies there were. The caller
/// keeps all writers away from the file.
pub(super) fn scrub(file: &File, traces: &BTreeSet<Trace>) -> io::Result<usize> {
    let length = file.metadata()?.len();
    let filter = FirstBytes::of(traces);
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let mut found = Vec::new();
    let mut start = 0;
    while start < length {
        let read = read_fully(file, &mut chunk, start)?;
        let windows = chunk.get(..read).unwrap_or_default().windows(NONCE_BYTES);
        for (offset, window) in (start..).zip(windows) {
            if filter.may_contain(window)
                && window.first_chunk().is_some_and(|trace| traces.contains(trace))
            {
                found.push(offset);
            }
        }
        start += (CHUNK_BYTES - NONCE_BYTES + 1) as u64;
    }
    for offset in &found {
        let room = usize::try_from(length.saturating_sub(*offset)).unwrap_or(WRAPPED_BYTES);
        let zeros = [0_u8; WRAPPED_BYTES];
        file.write_all_at(zeros.get(..room.min(WRAPPED_BYTES)).unwrap_or_default(), *offset)?;
    }
    file.sync_all()?;
    Ok(found.len())
}

fn read_fully(file: &File, chunk: &mut [u8], start: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = chunk.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, start.saturating_add(read as u64)) {
            Ok(0) => break,
            Ok(bytes) => read = read.saturating_add(bytes),
            Err(refusal) if refusal.kind() == io::ErrorKind::Interrupted => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(read)
}

/// Says for most windows after two bytes that no trace begins like them.
struct FirstBytes(Vec<bool>);

impl FirstBytes {
    fn of(traces: &BTreeSet<Trace>) -> Self {
        let mut begins = vec![false; 1 << 16];
        for slot in traces.iter().filter_map(|trace| Self::number(trace)) {
            if let Some(begin) = begins.get_mut(slot) {
                *begin = true;
            }
        }
        Self(begins)
    }

    fn may_contain(&self, window: &[u8]) -> bool {
        Self::number(window).and_then(|slot| self.0.get(slot)).copied().unwrap_or(false)
    }

    fn number(window: &[u8]) -> Option<usize> {
        window.first_chunk().map(|pair| usize::from(u16::from_be_bytes(*pair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn every_copy_goes_also_across_chunks_and_at_the_end_and_nothing_else_does() {
        let trace: Trace = *b"0123456789ab";
        let mut bytes = vec![7_u8; 2 * CHUNK_BYTES];
        let places = [0, 5000, CHUNK_BYTES - 5, CHUNK_BYTES + 4000, 2 * CHUNK_BYTES - NONCE_BYTES];
        for place in places {
            bytes[place..place + NONCE_BYTES].copy_from_slice(&trace);
        }
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        assert_eq!(scrub(&file, &BTreeSet::from([trace, [9; 12]])).expect("scrubs"), places.len());
        let mut left = Vec::new();
        file.rewind().expect("seeks");
        file.read_to_end(&mut left).expect("reads");
        assert_eq!(left.len(), bytes.len());
        let sevens = left.iter().map(|byte| usize::from(*byte == 7)).sum::<usize>();
        assert_eq!(left.len() - sevens, 4 * WRAPPED_BYTES + NONCE_BYTES);
        assert!(left.iter().all(|byte| matches!(byte, 0 | 7)));
    }
}
