//! What an erasure leaves behind on disk and over restarts (privacy.md, section 8, cases 8, 15 and 18).

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::vault::cipher::fresh_key;
use crate::vault::test_disk::{AT, Disk, contains, place, scope};
use crate::vault::wrapping::{Label, Purpose};
use crate::vault::{
    Extent, Keyring, MasterKey, MemoryKeyring, Offer, RedbKeyring, Reservation, VaultError,
    WrappedKey,
};

#[test]
fn a_revocation_survives_the_restart() {
    let disk = Disk::new();
    let vault = disk.create();
    vault.mint(scope(1)).expect("minted");
    vault.revoke(scope(1), AT).expect("revoked");
    vault.revoke(scope(1), AT).expect("idempotent");
    vault.revoke(scope(2), AT).expect("never minted");
    let id = vault.keyring_id();
    drop(vault);
    let vault = disk.open(id).expect("opens");
    assert_eq!(vault.epoch(), Ok(2));
    for conversation in [1, 2] {
        assert_eq!(vault.mint(scope(conversation)).expect_err("erased"), VaultError::Revoked);
        assert_eq!(vault.key(scope(conversation)).expect_err("erased"), VaultError::Revoked);
    }
    vault.revoke_tenant(scope(1).tenant, AT).expect("revoked");
    drop(vault);
    let vault = disk.open(id).expect("opens");
    assert_eq!(
        (vault.mint(scope(3)).expect_err("erased"), vault.epoch()),
        (VaultError::Revoked, Ok(3))
    );
}

#[test]
fn the_bytes_of_a_destroyed_key_are_nowhere_in_the_file_and_the_others_are_whole() {
    let disk = Disk::new();
    let vault = disk.create();
    let id = vault.keyring_id();
    for conversation in 0..60 {
        vault.mint(scope(conversation)).expect("minted");
    }
    drop(vault);
    let keyring = Arc::new(RedbKeyring::open(&disk.file()).expect("opens"));
    let wrapped = |conversation| {
        keyring.load(scope(conversation)).expect("kept").conversation.to_stored()[18..].to_vec()
    };
    let all: Vec<_> = (0..60).map(wrapped).collect();
    assert!(all.iter().all(|bytes| contains(&disk.file(), bytes)));
    let tenant = keyring.load(scope(0)).expect("kept").tenant.to_stored()[18..].to_vec();
    for conversation in (0..60).step_by(3) {
        keyring.revoke(&[Extent::Conversation(scope(conversation))], AT).expect("revoked");
    }
    for (conversation, bytes) in (0_u128..).zip(&all) {
        let stays = conversation % 3 != 0;
        assert_eq!(contains(&disk.file(), bytes), stays, "conversation {conversation}");
        assert_eq!(contains(&disk.file(), &bytes[..12]), stays, "conversation {conversation}");
    }
    drop(keyring);
    let mut engine = redb::Database::open(disk.file()).expect("opens");
    assert!(engine.check_integrity().expect("checked"), "the overwriting damaged the file");
    drop(engine);
    let vault = disk.open(id).expect("opens");
    for conversation in 0..60 {
        assert_eq!(vault.key(scope(conversation)).is_ok(), conversation % 3 != 0);
    }
    vault.revoke_tenant(scope(0).tenant, AT).expect("revoked");
    assert!(!contains(&disk.file(), &tenant));
}

#[test]
fn the_clock_reading_is_kept_and_an_unreadable_one_is_never_reset() {
    let disk = Disk::new();
    let vault = disk.create();
    let id = vault.keyring_id();
    assert_eq!(vault.last_clock_reading(), Ok(None));
    let later: Timestamp = "2026-11-23T21:57:43.123456789Z".parse().expect("an instant");
    for reading in [later, AT, Timestamp::MAX, Timestamp::MIN, later] {
        vault.record_clock_reading(reading).expect("recorded");
        assert_eq!(vault.last_clock_reading(), Ok(Some(reading)));
    }
    drop(vault);
    let table = redb::TableDefinition::<&str, &[u8]>::new("facts");
    let engine = redb::Database::open(disk.file()).expect("opens");
    let transaction = engine.begin_write().expect("begins");
    transaction
        .open_table(table)
        .expect("there")
        .insert("clock", b"soon".as_slice())
        .expect("written");
    transaction.commit().expect("committed");
    drop(engine);
    let vault = disk.open(id).expect("opens");
    let refused = vault.last_clock_reading().expect_err("unreadable");
    assert!(matches!(refused, VaultError::KeyringDamaged { .. }), "{refused}");
}

#[test]
fn concurrent_mints_give_the_same_key_and_one_tenant_key() {
    let disk = Disk::new();
    let vault = disk.create();
    let minting: Vec<_> = (0..8_u128)
        .map(|thread| {
            let vault = vault.clone();
            std::thread::spawn(move || {
                let own = vault.mint(scope(100 + thread)).expect("minted");
                let key = vault.mint(scope(1)).expect("minted");
                let sealed = key.seal(place(scope(1)), &thread.to_string()).expect("sealed");
                (own, sealed)
            })
        })
        .collect();
    let minted: Vec<_> =
        minting.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let id = vault.keyring_id();
    let bytes: Vec<_> = minted.into_iter().map(|(_, sealed)| sealed).collect();
    drop(vault);
    let vault = disk.open(id).expect("opens");
    let key = vault.key(scope(1)).expect("kept");
    for (thread, sealed) in bytes.iter().enumerate() {
        assert_eq!(key.open(place(scope(1)), sealed).expect("the same key"), thread.to_string());
        assert!(vault.key(scope(100 + thread as u128)).is_ok());
    }
}

/// The race of a late writer, without the vault's own look at the tombstone before it mints.
#[test]
fn every_keyring_refuses_a_late_writer_by_itself() {
    let disk = Disk::new();
    drop(disk.create());
    let master = MasterKey::generate().expect("random");
    let memory = MemoryKeyring::new(Uuid::nil(), &master).expect("made");
    let redb = RedbKeyring::open(&disk.file()).expect("opens");
    let first = Reservation { version: 1, wanted: 1, ceiling: 3 };
    let keyrings: [&dyn Keyring; 2] = [&memory, &redb];
    for keyring in keyrings {
        let mint = |number| {
            keyring.mint(scope(number), first, &mut |tenant| {
                let cipher = master.wrapping_cipher()?;
                let key = fresh_key()?;
                let label = Label::of_generation(1);
                let wrap = |purpose| WrappedKey::wrap(&cipher, purpose, &key, label);
                let made = tenant.is_none().then(|| wrap(Purpose::Tenant(scope(0).tenant)));
                let conversation = wrap(Purpose::Conversation(scope(number)))?;
                Ok(Offer { tenant: made.transpose()?, conversation })
            })
        };
        assert_eq!(keyring.reserve(scope(1), first), Err(VaultError::Missing));
        assert_eq!((mint(1), mint(1), mint(2)), (Ok(1), Ok(0), Ok(1)), "{keyring:?}");
        let more = Reservation { wanted: 9, ..first };
        assert_eq!(keyring.reserve(scope(1), more), Ok(2), "one of three is gone");
        assert_eq!(keyring.reserve(scope(1), more), Err(VaultError::Exhausted));
        let extents = [scope(1), scope(3)].map(Extent::Conversation);
        keyring.revoke(&extents, AT).expect("revoked");
        assert_eq!(keyring.epoch(), Ok(1), "one step for many");
        for number in [1, 3] {
            assert_eq!(mint(number), Err(VaultError::Revoked), "{keyring:?}");
            assert_eq!(keyring.reserve(scope(number), first), Err(VaultError::Revoked));
            assert_eq!(keyring.load(scope(number)).map(drop), Err(VaultError::Revoked));
        }
        assert_eq!(keyring.reserve(scope(2), first), Ok(1));
        keyring.revoke(&[Extent::Tenant(scope(0).tenant)], AT).expect("revoked");
        for number in [2, 4] {
            assert_eq!(mint(number), Err(VaultError::Revoked), "{keyring:?}");
            assert_eq!(keyring.load(scope(number)).map(drop), Err(VaultError::Revoked));
        }
    }
}
