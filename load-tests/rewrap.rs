//! A rotation of the master key: how fast the keyring on disk wraps conversation keys anew, beside the bare unwrapping and
//! wrapping of as many keys in memory, which is the least that it can be.

use std::hint::black_box;
use std::time::Instant;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use anyhow::Context;
use uuid::Uuid;
use veetflow::id::Id;
use veetflow::vault::{Extent, Keyring, MasterKey, MasterSource, MemoryKeyring, Scope, Vault};

use crate::Settings;
use crate::measure::{Mark, Table, per_second};

/// The least share of the bare loop's speed that the keyring should keep: the rest is what makes it durable.
const SHARE: f64 = 0.1;
const TENANTS: u32 = 20;

pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    let keys = settings.keys;
    let folder = tempfile::TempDir::new().context("a folder for the keyring")?;
    let source = MasterSource::File(folder.path().join("master.key"));
    let (vault, _) = Vault::create(folder.path(), &source)?;
    let bar = crate::progress(u64::from(keys));
    for number in 0..keys {
        vault.mint(scope(number))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    for _ in 0..settings.rounds {
        let bare = bare(keys)?;
        let memory = in_memory(keys)?;
        let disk = rotate(&vault, &source)?;
        let generation = vault.census()?.first().context("a census")?.generation;
        vault.destroy_master(generation, &source)?;
        table.add("rewrap: bare unwrap and wrap of keys in memory", "/s", bare);
        table.add("rewrap: a keyring in memory", "/s", memory);
        table.add("rewrap: the keyring on disk, each batch durable", "/s", disk);
        let share = disk / bare.max(1.0);
        let name = "rewrap: the keyring on disk as a share of the bare loop";
        table.add_marked(name, "", Mark::AtLeast(SHARE), share);
    }
    let began = Instant::now();
    let revoked = keys.min(200);
    let doomed: Vec<Extent> = (0..revoked).map(scope).map(Extent::Conversation).collect();
    vault.revoke_all(&doomed, jiff::Timestamp::now())?;
    let speed = per_second(u64::from(revoked), began.elapsed());
    table.add("rewrap: keys destroyed in one batch of 200, their bytes overwritten", "/s", speed);
    Ok(())
}

fn scope(number: u32) -> Scope {
    Scope {
        tenant: Id::from_uuid(Uuid::from_u128(u128::from(number % TENANTS) + 1)),
        conversation: Id::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
    }
}

/// Rotates to the end; keys a second.
fn rotate(vault: &Vault, source: &MasterSource) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut rotation = vault.rotate(source)?;
    let mut done = 0;
    while let Some(keys) = rotation.step()? {
        done += keys;
    }
    Ok(per_second(done, began.elapsed()))
}

fn in_memory(keys: u32) -> anyhow::Result<f64> {
    let (old, new) = (MasterKey::generate()?, MasterKey::generate()?);
    let both = format!("{},{}", new.to_text().trim(), old.to_text().trim());
    let keyring = std::sync::Arc::new(MemoryKeyring::new(Uuid::nil(), &old)?);
    let vault = Vault::with_keyring(keyring.clone(), &old)?;
    for number in 0..keys {
        vault.mint(scope(number))?;
    }
    let speed = rotate(&vault, &MasterSource::Given(both.into()))?;
    anyhow::ensure!(keyring.census()?.first().is_some_and(|line| line.keys() == 0), "not all");
    Ok(speed)
}

/// AES-256-GCM with fresh nonces and 39 authenticated bytes, and nothing else.
fn bare(keys: u32) -> anyhow::Result<f64> {
    let failed = |_| anyhow::anyhow!("encryption failed");
    let (old, new) = (Aes256Gcm::new(&[1; 32].into()), Aes256Gcm::new(&[2; 32].into()));
    let bound = [7_u8; 39];
    let mut wrapped = Vec::with_capacity(keys as usize);
    for _ in 0..keys {
        let mut key = [9_u8; 32];
        let nonce = nonce()?;
        let tag = old
            .encrypt_inout_detached(&nonce, &bound, key.as_mut_slice().into())
            .map_err(failed)?;
        wrapped.push((nonce, key, tag));
    }
    let began = Instant::now();
    for (nonce_before, key, tag) in &mut wrapped {
        old.decrypt_inout_detached(nonce_before, &bound, key.as_mut_slice().into(), tag)
            .map_err(failed)?;
        *nonce_before = nonce()?;
        *tag = new
            .encrypt_inout_detached(nonce_before, &bound, key.as_mut_slice().into())
            .map_err(failed)?;
    }
    let speed = per_second(u64::from(keys), began.elapsed());
    black_box(&wrapped);
    Ok(speed)
}

fn nonce() -> anyhow::Result<Nonce<aes_gcm::aead::consts::U12>> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.into())
}
