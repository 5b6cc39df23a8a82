//! Succeeding the master key: cut short anywhere, continued, counted, and the old one destroyed (privacy.md, section 8,
//! cases 9, 10, 12, 13 and 17).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use uuid::Uuid;

use crate::id::Id;
use crate::vault::test_disk::{AT, Disk, contains, mode, place, scope};
use crate::vault::{
    CensusLine, Destruction, Keyring, MasterKey, MasterSource, MemoryKeyring, RedbKeyring, Scope,
    Sealed, Vault, VaultError,
};

const CONVERSATIONS: u128 = 30;

fn of_another_tenant(conversation: u128) -> Scope {
    Scope { tenant: Id::from_uuid(Uuid::from_u128(2)), ..scope(conversation) }
}

/// A sealed text for each conversation of two tenants.
fn furnish(vault: &Vault) -> Vec<(Scope, Vec<u8>)> {
    let scopes = (0..CONVERSATIONS).map(scope).chain((0..3).map(of_another_tenant));
    let seal = |scope: Scope| {
        let key = vault.mint(scope).expect("minted");
        let sealed = key.seal(place(scope), &format!("words of {scope:?}")).expect("sealed");
        (scope, sealed.into_bytes())
    };
    scopes.map(seal).collect()
}

fn all_open(vault: &Vault, texts: &[(Scope, Vec<u8>)]) {
    for (scope, bytes) in texts {
        let key = vault.key(*scope).expect("kept");
        let opened = key.open(place(*scope), &Sealed::<String>::from_stored(bytes.clone()));
        assert_eq!(opened.expect("opens"), format!("words of {scope:?}"));
    }
}

fn to_the_end(vault: &Vault, source: &MasterSource) -> u64 {
    let mut rotation = vault.rotate(source).expect("begins");
    let mut done = 0;
    while let Some(keys) = rotation.step().expect("a step") {
        done += keys;
    }
    done
}

fn line(generation: u16, tenants: u64, conversations: u64) -> CensusLine {
    CensusLine { generation, tenants, conversations }
}

fn previous(disk: &Disk) -> PathBuf {
    disk.master_path.with_file_name("master.key.previous")
}

#[test]
fn a_rotation_rewrites_no_text_and_leaves_nothing_under_the_old_master() {
    let disk = Disk::new();
    let vault = disk.create();
    let (id, texts) = (vault.keyring_id(), furnish(&vault));
    let tag = vault.signer("ticket").sign(b"visitor 7");
    let public = vault.signing_key("certificate").expect("made").public_key();
    let keyring_file = disk.file();
    assert_eq!(vault.census(), Ok(vec![line(1, 2, 33)]));
    let before = fs::read(&disk.master_path).expect("read");
    assert_eq!(to_the_end(&vault, &disk.master), 2 + 33);
    assert_eq!(vault.census(), Ok(vec![line(1, 0, 0), line(2, 2, 33)]));
    // In the same process, which holds both masters, and after a restart.
    let late = vault.mint(scope(99)).expect("minted").seal(place(scope(99)), &1).expect("sealed");
    all_open(&vault, &texts);
    drop(vault);
    assert_eq!(fs::read(previous(&disk)).expect("kept"), before);
    assert_eq!((mode(&disk.master_path), mode(&previous(&disk))), (0o600, 0o600));
    let vault = disk.open(id).expect("opens");
    all_open(&vault, &texts);
    assert_eq!(vault.key(scope(99)).expect("kept").open(place(scope(99)), &late), Ok(1));
    assert!(vault.signer("ticket").verify(b"visitor 7", &tag), "a visitor's token became void");
    assert_eq!(vault.signing_key("certificate").expect("made").public_key(), public);

    assert_eq!(vault.rotate(&disk.master).map(drop), Err(VaultError::MasterNotDestroyed));
    assert_eq!(vault.destroy_master(1, &disk.master), Ok(Destruction::FileRemoved));
    assert!(!previous(&disk).exists() && keyring_file.exists());
    let gone = VaultError::NoSuchMaster { generation: 1 };
    assert_eq!(vault.destroy_master(1, &disk.master), Err(gone));
    let in_force = VaultError::NoSuchMaster { generation: 2 };
    assert_eq!(vault.destroy_master(2, &disk.master), Err(in_force));
    drop(vault);
    let vault = disk.open(id).expect("opens without the old one");
    assert_eq!(to_the_end(&vault, &disk.master), 2 + 34);
    all_open(&vault, &texts);
    assert_eq!(vault.census(), Ok(vec![line(2, 0, 0), line(3, 2, 34)]));
}

/// Case 12, without the process: the state after each step is left as it is and opened anew.
#[test]
fn a_rotation_left_after_any_step_is_continued_by_the_next() {
    let mut left_after = 0;
    loop {
        let disk = Disk::new();
        let vault = disk.create();
        let (id, texts) = (vault.keyring_id(), furnish(&vault));
        let mut rotation = vault.rotate(&disk.master).expect("begins");
        let is_over = (0..left_after).any(|_| rotation.step().expect("a step").is_none());
        let late = vault.mint(scope(99)).expect("minted between");
        vault.revoke(scope(0), AT).expect("revoked between");
        drop((vault, rotation, late));
        let vault = disk.open(id).expect("opens in the middle");
        all_open(&vault, &texts[1..]);
        assert_eq!(vault.mint(scope(0)).expect_err("erased"), VaultError::Revoked);
        if is_over {
            assert!(left_after > 3, "there were {left_after} steps");
            return;
        }
        let rest = vault.census().expect("counted")[0].keys();
        let again = vault.rotate(&disk.master).map(drop);
        if rest == 0 {
            assert_eq!(again, Err(VaultError::MasterNotDestroyed));
        } else {
            let refused = vault.destroy_master(1, &disk.master).expect_err("still needed");
            assert_eq!(refused, VaultError::MasterInUse { generation: 1, keys: rest });
            assert!(previous(&disk).exists(), "a refused destruction destroyed");
            to_the_end(&vault, &disk.master);
        }
        assert_eq!(vault.census().expect("counted"), [line(1, 0, 0), line(2, 2, 33)]);
        vault.destroy_master(1, &disk.master).expect("destroyed");
        drop(vault);
        all_open(&disk.open(id).expect("opens"), &texts[1..]);
        left_after += 1;
    }
}

/// The three names of a master key file, at each point between two renamings.
#[test]
fn a_start_finds_its_master_under_whatever_name_a_crash_left_it() {
    let disk = Disk::new();
    let vault = disk.create();
    let (id, texts) = (vault.keyring_id(), furnish(&vault));
    drop(vault.rotate(&disk.master).expect("begins"));
    drop(vault);
    let next = disk.master_path.with_file_name("master.key.next");
    fs::rename(&disk.master_path, &next).expect("renamed");
    all_open(&disk.open(id).expect("opens between the two renamings"), &texts);
    fs::rename(previous(&disk), &disk.master_path).expect("renamed");
    let vault = disk.open(id).expect("opens before them");
    all_open(&vault, &texts);
    assert!(to_the_end(&vault, &disk.master) > 0, "goes on and puts the names in order");
    assert!(previous(&disk).exists() && !next.exists());
    drop(vault);
    fs::remove_file(&disk.master_path).expect("removed");
    assert_eq!(disk.open(id).expect_err("only the old one is left"), VaultError::WrongKey);
}

#[test]
fn the_old_content_key_is_nowhere_in_the_file_after_the_rotation() {
    let disk = Disk::new();
    let vault = disk.create();
    let (id, texts) = (vault.keyring_id(), furnish(&vault));
    drop(vault);
    let keyring = RedbKeyring::open(&disk.file()).expect("opens");
    let old = keyring.load(scope(0)).expect("kept").tenant.to_stored()[18..].to_vec();
    drop(keyring);
    assert!(contains(&disk.file(), &old));
    let vault = disk.open(id).expect("opens");
    to_the_end(&vault, &disk.master);
    all_open(&vault, &texts);
    assert!(!contains(&disk.file(), &old) && !contains(&disk.file(), &old[..12]));
}

#[test]
fn a_missing_old_master_stops_the_start_only_while_a_key_is_under_it() {
    let disk = Disk::new();
    let vault = disk.create();
    let id = vault.keyring_id();
    furnish(&vault);
    drop(vault.rotate(&disk.master).expect("begins"));
    drop(vault);
    let away = disk.master_path.with_file_name("away");
    fs::rename(previous(&disk), &away).expect("moved");
    assert_eq!(disk.open(id).expect_err("needed"), VaultError::WrongKey);
    fs::rename(&away, previous(&disk)).expect("moved back");
    let vault = disk.open(id).expect("opens");
    to_the_end(&vault, &disk.master);
    drop(vault);
    fs::remove_file(previous(&disk)).expect("removed by hand");
    let vault = disk.open(id).expect("nothing is under it");
    assert_eq!(vault.destroy_master(1, &disk.master), Ok(Destruction::FileRemoved));
}

/// Case 17: what the environment holds is not in this program's hands.
#[test]
fn a_given_master_is_rotated_by_giving_both_and_its_destruction_is_not_claimed() {
    let disk = Disk::new();
    let text = || MasterKey::generate().expect("random").to_text().trim().to_owned();
    let (old, new) = (text(), text());
    let given = |text: &str| MasterSource::Given(SecretString::from(text));
    let (vault, _) = Vault::create(&disk.keyring, &given(&old)).expect("created");
    let (id, texts) = (vault.keyring_id(), furnish(&vault));
    let refused = vault.rotate(&given(&old)).expect_err("no second key");
    assert!(refused.to_string().contains("in front of the old one"), "{refused}");
    drop(vault);
    let both = given(&format!("{new},{old}"));
    let vault = Vault::open(&disk.keyring, &both, id).expect("opens under either");
    to_the_end(&vault, &both);
    all_open(&vault, &texts);
    assert_eq!(vault.destroy_master(1, &both), Ok(Destruction::Unconfigured));
    drop(vault);
    let opened = Vault::open(&disk.keyring, &given(&old), id).map(drop);
    assert_eq!(opened, Err(VaultError::WrongKey));
    all_open(&Vault::open(&disk.keyring, &given(&new), id).expect("opens"), &texts);
}

#[test]
fn a_keyring_in_memory_rotates_like_one_on_disk() {
    let disk = Disk::new();
    let master = MasterKey::generate().expect("random");
    let old = master.to_text().trim().to_owned();
    let new = MasterKey::generate().expect("random").to_text().trim().to_owned();
    let keyring = Arc::new(MemoryKeyring::new(Uuid::nil(), &master).expect("made"));
    let vault = Vault::with_keyring(keyring.clone(), &master).expect("opens");
    let texts = furnish(&vault);
    let both = MasterSource::Given(SecretString::from(format!("{new},{old}")));
    let mut rotation = vault.rotate(&both).expect("begins");
    assert_eq!(rotation.generation(), 2);
    let early = vault.destroy_master(1, &both).expect_err("still needed");
    assert_eq!(early, VaultError::MasterInUse { generation: 1, keys: 35 });
    assert!(matches!(keyring.forget_master(1), Err(VaultError::MasterInUse { .. })));
    while rotation.step().expect("a step").is_some() {}
    assert_eq!(vault.census(), Ok(vec![line(1, 0, 0), line(2, 2, 33)]));
    all_open(&vault, &texts);
    assert_eq!(vault.destroy_master(1, &both), Ok(Destruction::Unconfigured));
    drop(disk);
}

/// A keyring that an earlier program made knows neither masters nor versions.
#[test]
fn a_keyring_of_the_first_program_is_opened_and_rotated() {
    let disk = Disk::new();
    let vault = disk.create();
    let (id, texts) = (vault.keyring_id(), furnish(&vault));
    drop(vault);
    let engine = redb::Database::open(disk.file()).expect("opens");
    let transaction = engine.begin_write().expect("begins");
    for table in ["masters", "former_tenant_keys", "earlier_conversation_keys"] {
        let untyped = transaction
            .list_tables()
            .expect("listed")
            .find(|one| redb::TableHandle::name(one) == table);
        assert!(transaction.delete_table(untyped.expect("there")).expect("deleted"));
    }
    transaction.commit().expect("committed");
    drop(engine);
    let vault = disk.open(id).expect("opens");
    all_open(&vault, &texts);
    assert_eq!(to_the_end(&vault, &disk.master), 35);
    all_open(&vault, &texts);
}
