//! The key of one conversation in use: it seals, it opens, it counts, and it can be taken away while it is held.
//!
//! How often a key seals is limited to 2^20, far below the 2^32 of NIST SP 800-38D §8.3, so that two random nonces
//! never meet. The count is kept as permissions: the keyring notes a block of them on disk *before* the first is
//! used, so neither a crash nor a restart can give one out twice. A crash wastes what was left of a block. A key at its
//! limit is succeeded by the next version, and goes on to open what it sealed.
//!
//! Before each use the keyring's epoch is looked at. Where it has risen, the keyring is asked whether this key is still
//! there, so that a holder whom no revocation reached loses it all the same.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::vault::cipher::{Cipher, TAG_BYTES};
use crate::vault::custody::Custody;
use crate::vault::envelope::{HEADER_BYTES, MAX_PLAINTEXT_BYTES, header, parse};
use crate::vault::{KeyCheck, Place, Scope, Sealed, VaultError, WrappedKey};

/// A conversation's key. Clones are the same key: they share its count, and losing it.
#[derive(Clone)]
pub struct ConversationKey(Arc<HeldKey>);

/// What all clones of a key share.
pub(super) struct HeldKey {
    scope: Scope,
    custody: Arc<Custody>,
    versions: RwLock<Arc<Versions>>,
    is_revoked: AtomicBool,
    /// The epoch at which the keyring last had this key.
    epoch: AtomicU64,
    refill: Mutex<()>,
}

/// All versions of a key, unwrapped.
pub(super) struct Versions {
    /// The one that seals.
    pub(super) newest: u16,
    pub(super) check: KeyCheck,
    pub(super) cipher: Cipher,
    /// Those that only open.
    pub(super) earlier: Vec<(u16, Cipher)>,
    seals_left: AtomicU32,
}

impl Versions {
    /// Versions without permission to seal yet.
    pub(super) fn new(record: &WrappedKey, cipher: Cipher, earlier: Vec<(u16, Cipher)>) -> Self {
        let (newest, check) = (record.version(), *record.check());
        Self { newest, check, cipher, earlier, seals_left: AtomicU32::new(0) }
    }

    fn cipher_of(&self, version: u16) -> Option<&Cipher> {
        if version == self.newest {
            return Some(&self.cipher);
        }
        self.earlier.iter().find(|(number, _)| *number == version).map(|(_, cipher)| cipher)
    }

    fn take_one_seal(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        self.seals_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok()
    }

    /// Adds permissions that the keyring has already noted.
    pub(super) fn grant(&self, seals: u32) {
        self.seals_left.fetch_add(seals, Ordering::SeqCst);
    }
}

impl HeldKey {
    /// A key just unwrapped; the keyring had it at `epoch`.
    pub(super) fn new(scope: Scope, custody: Arc<Custody>, versions: Versions, epoch: u64) -> Self {
        Self {
            scope,
            custody,
            versions: RwLock::new(Arc::new(versions)),
            is_revoked: AtomicBool::new(false),
            epoch: AtomicU64::new(epoch),
            refill: Mutex::new(()),
        }
    }

    /// Takes the key away from everyone who holds it.
    pub(super) fn revoke(&self) {
        self.is_revoked.store(true, Ordering::SeqCst);
    }

    /// Whether it seals with the key of this record.
    pub(super) fn is_of(&self, record: &WrappedKey) -> bool {
        let versions = self.versions();
        versions.newest == record.version() && versions.check.agree(record.check()).is_ok()
    }

    /// The versions at hand.
    pub(super) fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes newer versions over; older ones than those at hand are somebody else's stale reading.
    pub(super) fn adopt(&self, versions: Versions) {
        let mut held = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        if versions.newest > held.newest {
            *held = Arc::new(versions);
        }
    }

    /// Notes that the keyring had the key at this epoch.
    pub(super) fn renew_lease(&self, epoch: u64) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
    }

    /// The same for a key that was there at exactly the epoch before.
    pub(super) fn renew_lease_of(&self, before: u64, after: u64) {
        let renewed = |epoch| (epoch == before).then_some(after);
        self.epoch.fetch_update(Ordering::SeqCst, Ordering::SeqCst, renewed).unwrap_or_default();
    }

    /// Makes sure that the next seal need not wait for the disk.
    pub(super) fn prepare_to_seal(&self) -> Result<(), VaultError> {
        self.refill(&self.versions())
    }

    /// Permissions for the version at hand, or the next version if it has none left to be had.
    fn refill(&self, spent: &Arc<Versions>) -> Result<(), VaultError> {
        let _one_at_a_time = self.refill.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = self.versions();
        let is_refilled =
            !Arc::ptr_eq(&versions, spent) || versions.seals_left.load(Ordering::SeqCst) > 0;
        if is_refilled {
            return Ok(());
        }
        match self.custody.reserve(self.scope, versions.newest) {
            Err(VaultError::Exhausted) => {
                self.adopt(self.custody.succeed(self.scope, versions.newest)?);
                Ok(())
            }
            granted_or_refused => {
                versions.grant(granted_or_refused?);
                Ok(())
            }
        }
    }

    fn take_one_seal(&self) -> Result<Arc<Versions>, VaultError> {
        loop {
            let versions = self.versions();
            if versions.take_one_seal() {
                return Ok(versions);
            }
            self.refill(&versions)?;
        }
    }

    /// The versions with this one among them; another node may have made it meanwhile.
    fn versions_with(&self, version: u16) -> Result<Arc<Versions>, VaultError> {
        let versions = self.versions();
        if version <= versions.newest {
            return Ok(versions);
        }
        self.adopt(self.custody.reload(self.scope)?);
        Ok(self.versions())
    }

    /// Refuses a key that was taken away, or that the keyring no longer has.
    fn check_lease(&self) -> Result<(), VaultError> {
        if self.is_revoked.load(Ordering::SeqCst) {
            return Err(VaultError::Revoked);
        }
        let epoch = self.custody.epoch()?;
        if epoch == self.epoch.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.custody.look_up(self.scope) {
            Err(VaultError::Revoked | VaultError::Missing) => {
                self.revoke();
                Err(VaultError::Revoked)
            }
            found_or_refused => {
                drop(found_or_refused?);
                self.renew_lease(epoch);
                Ok(())
            }
        }
    }
}

impl ConversationKey {
    /// The key all its holders share.
    pub(super) const fn of(held: Arc<HeldKey>) -> Self {
        Self(held)
    }

    /// Seals `value`, as JSON of at most 1 MiB, for one place of this conversation.
    ///
    /// Once in 1024 seals it waits for the keyring's disk, and once in 2^20 it changes to the next version of the key. `WrongKey` if the place is in another conversation.
    pub fn seal<T: Serialize>(&self, place: Place, value: &T) -> Result<Sealed<T>, VaultError> {
        let held = &*self.0;
        held.check_lease()?;
        if place.scope() != held.scope {
            return Err(VaultError::WrongKey);
        }
        let mut envelope = plaintext_with_room_for_header(value)?;
        let versions = held.take_one_seal()?;
        let (front, text) =
            envelope.split_at_mut_checked(HEADER_BYTES).ok_or(VaultError::TooLarge)?;
        let bound = place.authenticated_bytes(versions.newest);
        let (nonce, tag) = versions.cipher.encrypt(&bound, text)?;
        front.copy_from_slice(&header(versions.newest, nonce));
        envelope.extend_from_slice(&tag);
        Ok(Sealed::from_stored(std::mem::take(&mut *envelope)))
    }

    /// Opens what was sealed for exactly this place with the version of this key that it names.
    ///
    /// `Tampered` if it was altered or moved, `NotSealed` if it is no envelope, `WrongKey` if there is no such
    /// version of the key, `WrongShape` if it is authentic and not a `T`.
    pub fn open<T: DeserializeOwned>(
        &self,
        place: Place,
        sealed: &Sealed<T>,
    ) -> Result<T, VaultError> {
        let held = &*self.0;
        held.check_lease()?;
        let parts = parse(sealed.as_bytes())?;
        let versions = held.versions_with(parts.key_version)?;
        let cipher = versions.cipher_of(parts.key_version).ok_or(VaultError::WrongKey)?;
        let mut text = Zeroizing::new(parts.text.to_vec());
        let bound = place.authenticated_bytes(parts.key_version);
        cipher.decrypt(parts.nonce, &bound, &mut text, parts.tag)?;
        serde_json::from_slice(&text).map_err(|_| VaultError::WrongShape)
    }

    /// The version of the key that seals now, as envelopes carry it.
    pub fn version(&self) -> u16 {
        self.0.versions().newest
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "ConversationKey({}, version {})",
            self.0.scope.conversation,
            self.version()
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
