//! The key of one conversation in use: it seals, it opens, it counts, and it can be taken away while it is held.
//!
//! How often a key seals is limited to 2^20, far below the 2^32 of NIST SP 800-38D §8.3, so that two random nonces
//! never meet. The count is kept as permissions: the keyring notes a block of them on disk *before* the first is
//! used, so neither a crash nor a restart can give one out twice. A crash wastes what was left of a block.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::vault::cipher::{Cipher, KeyBytes, TAG_BYTES};
use crate::vault::envelope::{HEADER_BYTES, MAX_PLAINTEXT_BYTES, header, parse};
use crate::vault::{KeyCheck, Keyring, Place, Reservation, Scope, Sealed, VaultError, WrappedKey};

/// Permissions asked for at a time once the first block, made with the key, is used up.
const BLOCK_OF_SEALS: u32 = 1024;

/// A conversation's key. Clones are the same key: they share its count, and losing it.
#[derive(Clone)]
pub struct ConversationKey(Arc<HeldKey>);

/// What all clones of a key share.
pub(super) struct HeldKey {
    scope: Scope,
    version: u16,
    check: KeyCheck,
    cipher: Cipher,
    is_revoked: AtomicBool,
    seals_left: AtomicU32,
    refill: Mutex<()>,
    ceiling: u32,
    keyring: Arc<dyn Keyring>,
}

impl HeldKey {
    /// A key just unwrapped, without permission to seal yet.
    pub(super) fn new(
        scope: Scope,
        record: &WrappedKey,
        key: &KeyBytes,
        ceiling: u32,
        keyring: Arc<dyn Keyring>,
    ) -> Self {
        Self {
            scope,
            version: record.version(),
            check: *record.check(),
            cipher: Cipher::new(key),
            is_revoked: AtomicBool::new(false),
            seals_left: AtomicU32::new(0),
            refill: Mutex::new(()),
            ceiling,
            keyring,
        }
    }

    /// Takes the key away from everyone who holds it.
    pub(super) fn revoke(&self) {
        self.is_revoked.store(true, Ordering::SeqCst);
    }

    /// Whether it is the key of this record.
    pub(super) fn is_of(&self, record: &WrappedKey) -> bool {
        self.version == record.version() && self.check.agree(record.check()).is_ok()
    }

    /// Adds permissions that the keyring has already noted.
    pub(super) fn grant(&self, seals: u32) {
        self.seals_left.fetch_add(seals, Ordering::SeqCst);
    }

    /// Makes sure that the next seal need not wait for the disk.
    pub(super) fn prepare_to_seal(&self) -> Result<(), VaultError> {
        let _one_at_a_time = self.refill.lock().unwrap_or_else(PoisonError::into_inner);
        if self.seals_left.load(Ordering::SeqCst) == 0 {
            let request = Reservation { wanted: BLOCK_OF_SEALS, ceiling: self.ceiling };
            self.grant(self.keyring.reserve(self.scope, request)?);
        }
        Ok(())
    }

    fn take_one_seal(&self) -> Result<(), VaultError> {
        let take = |left: u32| left.checked_sub(1);
        while self.seals_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
            self.prepare_to_seal()?;
        }
        Ok(())
    }

    fn refuse_revoked(&self) -> Result<(), VaultError> {
        if self.is_revoked.load(Ordering::SeqCst) { Err(VaultError::Revoked) } else { Ok(()) }
    }
}

impl ConversationKey {
    /// The key all its holders share.
    pub(super) const fn of(held: Arc<HeldKey>) -> Self {
        Self(held)
    }

    /// Seals `value`, as JSON of at most 1 MiB, for one place of this conversation.
    ///
    /// Once in 1024 seals it waits for the keyring's disk. `WrongKey` if the place is in another conversation.
    pub fn seal<T: Serialize>(&self, place: Place, value: &T) -> Result<Sealed<T>, VaultError> {
        let held = &*self.0;
        held.refuse_revoked()?;
        if place.scope() != held.scope {
            return Err(VaultError::WrongKey);
        }
        let mut envelope = plaintext_with_room_for_header(value)?;
        held.take_one_seal()?;
        let (front, text) =
            envelope.split_at_mut_checked(HEADER_BYTES).ok_or(VaultError::TooLarge)?;
        let (nonce, tag) = held.cipher.encrypt(&place.authenticated_bytes(held.version), text)?;
        front.copy_from_slice(&header(held.version, nonce));
        envelope.extend_from_slice(&tag);
        Ok(Sealed::from_stored(std::mem::take(&mut *envelope)))
    }

    /// Opens what was sealed for exactly this place with exactly this key.
    ///
    /// `Tampered` if it was altered or moved, `NotSealed` if it is no envelope, `WrongKey` if it names another
    /// version of the key, `WrongShape` if it is authentic and not a `T`.
    pub fn open<T: DeserializeOwned>(
        &self,
        place: Place,
        sealed: &Sealed<T>,
    ) -> Result<T, VaultError> {
        let held = &*self.0;
        held.refuse_revoked()?;
        let parts = parse(sealed.as_bytes())?;
        if parts.key_version != held.version {
            return Err(VaultError::WrongKey);
        }
        let mut text = Zeroizing::new(parts.text.to_vec());
        let bound = place.authenticated_bytes(held.version);
        held.cipher.decrypt(parts.nonce, &bound, &mut text, parts.tag)?;
        serde_json::from_slice(&text).map_err(|_| VaultError::WrongShape)
    }

    /// The version of the key, as envelopes carry it.
    pub fn version(&self) -> u16 {
        self.0.version
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "ConversationKey({}, version {})",
            self.0.scope.conversation, self.0.version
        )
    }
}

/// The JSON of `value` behind an empty header, in a buffer that never has to move and so leaves no copy behind.
fn plaintext_with_room_for_header<T: Serialize>(
    value: &T,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut length = Measure { bytes: 0 };
    serde_json::to_writer(&mut length, value).map_err(|refusal| {
        if refusal.is_io() { VaultError::TooLarge } else { VaultError::WrongShape }
    })?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(HEADER_BYTES + length.bytes + TAG_BYTES));
    buffer.resize(HEADER_BYTES, 0);
    serde_json::to_writer(&mut *buffer, value).map_err(|_| VaultError::WrongShape)?;
    if buffer.len() > HEADER_BYTES + MAX_PLAINTEXT_BYTES {
        return Err(VaultError::TooLarge);
    }
    Ok(buffer)
}

/// Counts what is written and refuses more than an envelope holds.
struct Measure {
    bytes: usize,
}

impl io::Write for Measure {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes > MAX_PLAINTEXT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
