//! How one key is kept under another, and how a wrong key is told from an altered one.
//!
//! A wrapping is authenticated with its purpose, tenant, conversation and version, so a record cannot be
//! relabelled or moved. The generation of the key above is part of the record, because master and tenant keys are
//! succeeded and a key is never tried out. Because AES-GCM does not commit to its key, each record also carries a check value of the
//! key inside; it is compared in constant time, and no second key is ever tried.

use std::fmt;

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::id::TenantId;
use crate::vault::cipher::{Cipher, KEY_BYTES, KeyBytes, NONCE_BYTES, TAG_BYTES, derive_key};
use crate::vault::{Scope, VaultError};

/// Bytes of a wrapped key: nonce, ciphertext, tag.
pub(super) const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;
/// Bytes of a key check value.
const CHECK_BYTES: usize = 16;
/// Bytes of a record: version, check value, wrapped key. The generation follows it, unless it is the first.
const RECORD_BYTES: usize = 2 + CHECK_BYTES + WRAPPED_BYTES;
/// The generation of records that name none.
pub(super) const FIRST_GENERATION: u16 = 1;

/// The check value of a key: the first 16 bytes of HKDF-SHA-256(key, `"vf-kcv"`). It reveals nothing about the key.
#[derive(Clone, Copy)]
pub struct KeyCheck([u8; CHECK_BYTES]);

impl KeyCheck {
    /// The check value of `key`.
    pub(super) fn of(key: &KeyBytes) -> Result<Self, VaultError> {
        let derived = derive_key(key, b"vf-kcv")?;
        derived.first_chunk().copied().map(Self).ok_or(VaultError::WrongKey)
    }

    /// The value of 16 stored bytes.
    pub const fn from_stored(bytes: [u8; CHECK_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; CHECK_BYTES] {
        &self.0
    }

    /// Refuses with [`VaultError::WrongKey`] unless both are the same, in constant time.
    pub(super) fn agree(&self, other: &Self) -> Result<(), VaultError> {
        if bool::from(self.0.ct_eq(&other.0)) { Ok(()) } else { Err(VaultError::WrongKey) }
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyCheck(..)")
    }
}

/// What a wrapped key is for; part of its authenticated data.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The content key of a tenant, wrapped by the master.
    Tenant(TenantId),
    /// The key of a conversation, wrapped by its tenant's content key.
    Conversation(Scope),
    /// The root below which all signers live, wrapped by the master.
    SigningRoot,
    /// The key of one archive, wrapped by the master.
    Archive(Uuid),
}

/// Which version of a key it is, and which generation of the key above wraps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) version: u16,
    pub(super) generation: u16,
}

impl Label {
    /// A tenant's content key is made anew with each master, so its version is its generation.
    pub(super) const fn of_generation(generation: u16) -> Self {
        Self { version: generation, generation }
    }
}

impl Purpose {
    /// `"VFW1"`, purpose, tenant, conversation (nil for a tenant), version: 39 bytes. From the second generation on
    /// `"VFW2"`, and the generation behind the version.
    fn authenticated_bytes(self, label: Label) -> Vec<u8> {
        let (number, tenant, conversation) = match self {
            Self::Tenant(tenant) => (1, tenant.uuid(), Uuid::nil()),
            Self::Conversation(scope) => (2, scope.tenant.uuid(), scope.conversation.uuid()),
            Self::SigningRoot => (3, Uuid::nil(), Uuid::nil()),
            Self::Archive(archive) => (4, Uuid::nil(), archive),
        };
        let is_first = label.generation == FIRST_GENERATION;
        let mut bytes = if is_first { b"VFW1".to_vec() } else { b"VFW2".to_vec() };
        bytes.push(number);
        bytes.extend_from_slice(tenant.as_bytes());
        bytes.extend_from_slice(conversation.as_bytes());
        bytes.extend_from_slice(&label.version.to_be_bytes());
        if !is_first {
            bytes.extend_from_slice(&label.generation.to_be_bytes());
        }
        bytes
    }
}

/// A key as a keyring stores it. Useless without the key above it.
#[derive(Clone)]
pub struct WrappedKey {
    label: Label,
    check: KeyCheck,
    wrapped: [u8; WRAPPED_BYTES],
}

impl WrappedKey {
    /// Wraps `key` as what the label says.
    pub(super) fn wrap(
        under: &Cipher,
        purpose: Purpose,
        key: &KeyBytes,
        label: Label,
    ) -> Result<Self, VaultError> {
        let mut text = key.clone();
        let (nonce, tag) =
            under.encrypt(&purpose.authenticated_bytes(label), text.as_mut_slice())?;
        let bytes = [nonce.as_slice(), text.as_slice(), tag.as_slice()].concat();
        let wrapped = bytes.try_into().map_err(|_| VaultError::TooLarge)?;
        Ok(Self { label, check: KeyCheck::of(key)?, wrapped })
    }

    /// The key inside: `Tampered` if the record was altered or moved, `WrongKey` if its check value is another
    /// key's.
    pub(super) fn unwrap(&self, under: &Cipher, purpose: Purpose) -> Result<KeyBytes, VaultError> {
        let (nonce, rest) = self.wrapped.split_first_chunk().ok_or(VaultError::Tampered)?;
        let (text, tag) = rest.split_last_chunk().ok_or(VaultError::Tampered)?;
        let mut key = KeyBytes::default();
        key.copy_from_slice(text);
        under.decrypt(
            *nonce,
            &purpose.authenticated_bytes(self.label),
            key.as_mut_slice(),
            *tag,
        )?;
        KeyCheck::of(&key)?.agree(&self.check)?;
        Ok(key)
    }

    /// The version of the key.
    pub const fn version(&self) -> u16 {
        self.label.version
    }

    /// The generation of the key that wraps it: of the master for a tenant's key, of the tenant's key for a
    /// conversation's. A tenant's key has the generation of the master it was made under.
    pub const fn generation(&self) -> u16 {
        self.label.generation
    }

    /// The check value of the key.
    pub const fn check(&self) -> &KeyCheck {
        &self.check
    }

    /// The nonce the wrapping begins with: random, unique, and by itself no secret.
    pub fn nonce(&self) -> Option<[u8; NONCE_BYTES]> {
        self.wrapped.first_chunk().copied()
    }

    /// The record to store: version (big-endian), check value, nonce, ciphertext, tag; 78 bytes. From the second
    /// generation on its number follows in two bytes more.
    pub fn to_stored(&self) -> Vec<u8> {
        let version = self.label.version.to_be_bytes();
        let mut record = [&version, self.check.0.as_slice(), self.wrapped.as_slice()].concat();
        if self.label.generation != FIRST_GENERATION {
            record.extend_from_slice(&self.label.generation.to_be_bytes());
        }
        record
    }

    /// The wrapped key of a stored record, if it has the right length.
    pub fn from_stored(record: &[u8]) -> Option<Self> {
        let (record, suffix) = record.split_at_checked(RECORD_BYTES)?;
        let generation = match suffix {
            [] => FIRST_GENERATION,
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => return None,
        };
        let (version, rest) = record.split_first_chunk()?;
        let (check, wrapped) = rest.split_first_chunk()?;
        Some(Self {
            label: Label { version: u16::from_be_bytes(*version), generation },
            check: KeyCheck(*check),
            wrapped: wrapped.try_into().ok()?,
        })
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "WrappedKey(version {}, generation {})",
            self.label.version, self.label.generation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use crate::vault::cipher::fresh_key;

    #[test]
    fn a_wrapped_key_comes_back_only_as_what_it_was_and_never_altered() {
        let above = Cipher::new(&fresh_key().expect("random"));
        let key = fresh_key().expect("random");
        let tenant = Id::from_uuid(Uuid::from_u128(1));
        let scope = Scope { tenant, conversation: Id::from_uuid(Uuid::nil()) };
        for generation in [1, 2, 300] {
            let label = Label { version: 7, generation };
            let wrapped =
                WrappedKey::wrap(&above, Purpose::Tenant(tenant), &key, label).expect("wraps");
            let back = wrapped.unwrap(&above, Purpose::Tenant(tenant)).expect("unwraps");
            assert_eq!(back, key);
            assert!(wrapped.unwrap(&above, Purpose::Conversation(scope)).is_err());
            assert!(wrapped.unwrap(&above, Purpose::SigningRoot).is_err());
            let record = wrapped.to_stored();
            assert_eq!(WrappedKey::from_stored(&record).map(|key| key.label), Some(label));
            for at in 0..record.len() {
                let mut altered = record.clone();
                altered[at] ^= 1;
                let read = WrappedKey::from_stored(&altered).expect("same length");
                let refused = read.unwrap(&above, Purpose::Tenant(tenant)).expect_err("altered");
                let expected =
                    if (2..18).contains(&at) { VaultError::WrongKey } else { VaultError::Tampered };
                assert_eq!(refused, expected, "byte {at}");
            }
            assert!(WrappedKey::from_stored(&record[1..]).is_none());
            assert!(WrappedKey::from_stored(&[record.as_slice(), &[0]].concat()).is_none());
        }
    }

    #[test]
    fn a_record_cannot_be_passed_off_as_one_of_another_generation() {
        let above = Cipher::new(&fresh_key().expect("random"));
        let key = fresh_key().expect("random");
        let purpose = Purpose::Tenant(Id::from_uuid(Uuid::from_u128(1)));
        let wrap = |generation| {
            WrappedKey::wrap(&above, purpose, &key, Label { version: 1, generation })
                .expect("wraps")
                .to_stored()
        };
        let first_as_second = [wrap(1), vec![0, 2]].concat();
        let second_as_first = wrap(2)[..78].to_vec();
        for record in [first_as_second, second_as_first] {
            let read = WrappedKey::from_stored(&record).expect("a record");
            assert_eq!(read.unwrap(&above, purpose).map(drop), Err(VaultError::Tampered));
        }
    }
}
