//! Succeeding the master key without rewriting a word of what was sealed.
//!
//! A new master alone would not do: what a stray copy of the keyring still holds of a destroyed conversation key is
//! wrapped by its tenant's content key, and that one would live on. So every tenant gets a new content key under the
//! new master, every conversation key is wrapped anew under it, and the former content key is destroyed. From then on
//! only the old master opens such a copy, and with its destruction nothing does (policy §6.2, NIST SP 800-88 §2.6).
//!
//! Each record says which generation wraps it, so that a rotation killed at any point is read and continued as it
//! stands, and a server may run in between.

use std::sync::{Arc, PoisonError};

use crate::vault::cipher::{Cipher, KeyBytes, fresh_key};
use crate::vault::custody::{Custody, Masters};
use crate::vault::wrapping::{Label, Purpose};
use crate::vault::{
    CensusLine, Cursor, Destruction, Generation, MasterKey, MasterSource, Rewrapping, Vault,
    VaultError, WrappedKey,
};

/// Records looked at in one write of the keyring.
const BATCH: usize = 1_000;

/// A rotation under way in this process.
#[derive(Debug)]
pub struct Rotation {
    vault: Vault,
    generation: u16,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Tenants,
    Conversations(Option<Cursor>),
    FormerTenants,
    Over,
}

/// The last content keys used, former and in force: the records of one tenant follow each other.
struct ContentKeys {
    tenant: crate::id::TenantId,
    former: u16,
    opens: Cipher,
    wraps: Cipher,
}

impl Vault {
    /// Begins a rotation to a master key that the source has or makes, or goes on with the one that was cut short.
    /// `MasterNotDestroyed` if the last one is over and its old master still there.
    pub fn rotate(&self, source: &MasterSource) -> Result<Rotation, VaultError> {
        let known = self.0.keyring.masters()?;
        let is_under_way = known.len() > 1;
        if is_under_way && self.census()?.iter().rev().skip(1).all(|line| line.keys() == 0) {
            return Err(VaultError::MasterNotDestroyed);
        }
        if !is_under_way {
            let next = source.successor(&known)?;
            self.0.add_master(&known, &next)?;
        }
        let newest = self.0.keyring.masters()?.into_iter().last().ok_or(VaultError::WrongKey)?;
        source.promote(&newest.check)?;
        let keys = source.masters()?;
        let masters = Masters::of(&*self.0.keyring, &keys.iter().collect::<Vec<_>>())?;
        *self.0.masters.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(masters);
        Ok(Rotation { vault: self.clone(), generation: newest.number, stage: Stage::Tenants })
    }

    /// What needs which master key, oldest first.
    pub fn census(&self) -> Result<Vec<CensusLine>, VaultError> {
        self.0.keyring.census()
    }

    /// Destroys a master key that was succeeded. `MasterInUse` while a key is under it; nothing is touched then.
    pub fn destroy_master(
        &self,
        generation: u16,
        source: &MasterSource,
    ) -> Result<Destruction, VaultError> {
        let known = self.0.keyring.masters()?;
        let newest = known.iter().map(|one| one.number).max();
        let old = known.iter().find(|one| one.number == generation && newest != Some(one.number));
        let old = *old.ok_or(VaultError::NoSuchMaster { generation })?;
        let keys =
            self.census()?.iter().find(|line| line.generation == generation).map(CensusLine::keys);
        if let Some(keys) = keys.filter(|keys| *keys > 0) {
            return Err(VaultError::MasterInUse { generation, keys });
        }
        let destruction = source.destroy(&old.check)?;
        self.0.keyring.forget_master(generation)?;
        Ok(destruction)
    }
}

impl Rotation {
    /// The generation it leads to.
    pub const fn generation(&self) -> u16 {
        self.generation
    }

    /// Does the next batch, which is on disk when this returns. Says how many keys were wrapped anew, or nothing once
    /// the rotation is over.
    pub fn step(&mut self) -> Result<Option<u64>, VaultError> {
        let custody = &*self.vault.0;
        let (done, next) = match self.stage {
            Stage::Over => return Ok(None),
            Stage::Tenants => {
                let renewed = custody.renew_tenants()?;
                let next = if renewed == 0 { Stage::Conversations(None) } else { Stage::Tenants };
                (renewed, next)
            }
            Stage::Conversations(after) => {
                let (rewrapped, cursor) = custody.rewrap(after)?;
                let next = cursor.map_or(Stage::FormerTenants, |at| Stage::Conversations(Some(at)));
                (rewrapped, next)
            }
            Stage::FormerTenants => {
                custody.keyring.retire_tenants()?;
                (0, Stage::Over)
            }
        };
        self.stage = next;
        Ok(Some(done))
    }
}

impl Custody {
    /// Lets the keyring know the next master, and keeps the root of all signers under it.
    fn add_master(&self, known: &[Generation], next: &MasterKey) -> Result<(), VaultError> {
        let newest = known.iter().map(|one| one.number).max().ok_or(VaultError::WrongKey)?;
        let number = newest.checked_add(1).ok_or(VaultError::Exhausted)?;
        let root = WrappedKey::wrap(
            &next.wrapping_cipher()?,
            Purpose::SigningRoot,
            &self.signing_root,
            Label::of_generation(number),
        )?;
        self.keyring.add_master(Generation { number, check: next.check()? }, &root)
    }

    fn renew_tenants(&self) -> Result<u64, VaultError> {
        let masters = self.masters();
        let above = masters.cipher(masters.in_force)?;
        self.keyring.renew_tenants(BATCH, &mut |tenant| {
            let label = Label::of_generation(masters.in_force);
            WrappedKey::wrap(above, Purpose::Tenant(tenant), &fresh_key()?, label)
        })
    }

    fn rewrap(&self, after: Option<Cursor>) -> Result<(u64, Option<Cursor>), VaultError> {
        let masters = self.masters();
        let mut content_keys: Option<ContentKeys> = None;
        self.keyring.rewrap(after, BATCH, &mut |wanted| {
            let at_hand = content_keys.take().filter(|keys| keys.serve(wanted));
            let keys = match at_hand {
                Some(keys) => keys,
                None => ContentKeys::unwrap(&masters, wanted)?,
            };
            let purpose = Purpose::Conversation(wanted.scope);
            let key: KeyBytes = wanted.conversation.unwrap(&keys.opens, purpose)?;
            let label = Label {
                version: wanted.conversation.version(),
                generation: wanted.tenant.generation(),
            };
            let rewrapped = WrappedKey::wrap(&keys.wraps, purpose, &key, label);
            content_keys = Some(keys);
            rewrapped
        })
    }
}

impl ContentKeys {
    fn unwrap(masters: &Masters, wanted: Rewrapping<'_>) -> Result<Self, VaultError> {
        let tenant = wanted.scope.tenant;
        let cipher = |record: &WrappedKey| {
            let master = masters.cipher(record.generation())?;
            record.unwrap(master, Purpose::Tenant(tenant)).map(|key| Cipher::new(&key))
        };
        let (opens, wraps) = (cipher(wanted.former_tenant)?, cipher(wanted.tenant)?);
        Ok(Self { tenant, former: wanted.former_tenant.generation(), opens, wraps })
    }

    fn serve(&self, wanted: Rewrapping<'_>) -> bool {
        self.tenant == wanted.scope.tenant && self.former == wanted.former_tenant.generation()
    }
}
