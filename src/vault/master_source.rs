//! Where the master key comes from, and what a rotation and a destruction mean there.
//!
//! A source keeps few and long-lived keys, and is asked at the start and in a rotation only: no message ever waits for
//! it. The keyring knows each master by its check value, so a source hands out all it has and need not say which is
//! which; that is what lets a rotation be cut short between any two renamings of a file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::vault::master_files::{MasterFiles, Plain};
use crate::vault::{Generation, KeyCheck, MasterKey, VaultError};

/// A service that keeps what is written to a master key file from being of use without it. Calls may block.
pub trait KeyProvider: Send + Sync + fmt::Debug {
    /// The text to keep of a master key, of no use to whoever has not the provider's permission.
    fn wrap(&self, master: &MasterKey) -> Result<String, VaultError>;

    /// The master key of such a text.
    fn unwrap(&self, text: &str) -> Result<MasterKey, VaultError>;

    /// Makes such a text useless for good, copies of it in backups included, and says how far that is certain. Does
    /// nothing the second time.
    fn destroy(&self, text: &str) -> Result<Destruction, VaultError>;
}

/// How far the destruction of a master key is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destruction {
    /// The provider destroyed what opens the key, and has refused to open it since.
    Refused,
    /// The file was overwritten and removed; copies of it elsewhere are not reached.
    FileRemoved,
    /// It is the operator's to take away: nothing was destroyed by this program.
    Unconfigured,
}

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum MasterSource {
    /// A file that only the server may read; made at the first start.
    File(PathBuf),
    /// The value itself, 64 hexadecimal digits or the base64 of 32 bytes, kept by the operator. In a rotation two of
    /// them, the new one first, with a comma between.
    Given(SecretString),
    /// A file whose content an external service wraps and unwraps.
    Wrapped(PathBuf, Arc<dyn KeyProvider>),
}

impl MasterSource {
    /// All master keys it has, at least one.
    pub(super) fn masters(&self) -> Result<Vec<MasterKey>, VaultError> {
        match self {
            Self::File(path) => MasterFiles::new(path, &Plain).all(),
            Self::Wrapped(path, provider) => MasterFiles::new(path, &**provider).all(),
            Self::Given(text) => text.expose_secret().split(',').map(given).collect(),
        }
    }

    /// The master key for a keyring that is about to be made, and whether it was made just now, which happens only to
    /// a file.
    pub(super) fn first(&self) -> Result<(MasterKey, bool), VaultError> {
        match self {
            Self::File(path) => MasterFiles::new(path, &Plain).read_or_make(),
            Self::Wrapped(path, provider) => MasterFiles::new(path, &**provider).read_or_make(),
            Self::Given(text) => given(text.expose_secret().split(',').next().unwrap_or_default())
                .map(|key| (key, false)),
        }
    }

    /// A master key the keyring does not know, which will be there at every later start.
    pub(super) fn successor(&self, known: &[Generation]) -> Result<MasterKey, VaultError> {
        match self {
            Self::File(path) => MasterFiles::new(path, &Plain).successor(),
            Self::Wrapped(path, provider) => MasterFiles::new(path, &**provider).successor(),
            Self::Given(_) => {
                for key in self.masters()? {
                    let check = key.check()?;
                    if known.iter().all(|one| one.check.agree(&check).is_err()) {
                        return Ok(key);
                    }
                }
                Err(VaultError::GivenMasterUnusable {
                    reason:
                        "to rotate, put the new key in front of the old one with a comma between \
                             (openssl rand -hex 32 makes one)"
                            .to_owned(),
                })
            }
        }
    }

    /// Puts the master key in force where the first one was, and the one before beside it.
    pub(super) fn promote(&self, in_force: &KeyCheck) -> Result<(), VaultError> {
        match self {
            Self::File(path) => MasterFiles::new(path, &Plain).promote(in_force),
            Self::Wrapped(path, provider) => MasterFiles::new(path, &**provider).promote(in_force),
            Self::Given(_) => Ok(()),
        }
    }

    /// Destroys the master key of this check value, as far as it is in this program's hands.
    pub(super) fn destroy(&self, old: &KeyCheck) -> Result<Destruction, VaultError> {
        match self {
            Self::File(path) => MasterFiles::new(path, &Plain).destroy(old),
            Self::Wrapped(path, provider) => MasterFiles::new(path, &**provider).destroy(old),
            Self::Given(_) => Ok(Destruction::Unconfigured),
        }
    }

    /// The file, if it is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) | Self::Wrapped(path, _) => Some(path.clone()),
            Self::Given(_) => None,
        }
    }
}

fn given(text: &str) -> Result<MasterKey, VaultError> {
    MasterKey::parse(text)
        .map_err(|reason| VaultError::GivenMasterUnusable { reason: reason.to_owned() })
}
