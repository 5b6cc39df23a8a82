//! First and later starts, and files that are missing, wrong or damaged (privacy.md, section 8, cases 9 and 10).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use secrecy::SecretString;
use uuid::Uuid;

use crate::code::{Coded, ErrorCode};
use crate::vault::test_disk::{AT, Disk, mode, place, scope};
use crate::vault::{MasterKey, MasterSource, Sealed, Vault, VaultError};

#[test]
fn the_first_start_makes_private_files_and_the_next_one_reads_what_was_sealed() {
    let disk = Disk::new();
    let (vault, created) = Vault::create(&disk.keyring, &disk.master).expect("created");
    assert!(created.master_is_new);
    assert_eq!(created.master_path.as_deref(), Some(disk.master_path.as_path()));
    assert_eq!((mode(&disk.master_path), mode(&disk.file())), (0o600, 0o600));
    assert_eq!((mode(&disk.keyring), disk.entries()), (0o700, vec![disk.file()]));
    let sealed =
        vault.mint(scope(1)).expect("minted").seal(place(scope(1)), &"hello").expect("sealed");
    let tag = vault.signer("ticket").sign(b"message");
    let (id, bytes) = (vault.keyring_id(), sealed.into_bytes());
    drop(vault);
    let vault = disk.open(id).expect("opens");
    let key = vault.key(scope(1)).expect("kept");
    assert_eq!(
        key.open(place(scope(1)), &Sealed::<String>::from_stored(bytes)).expect("opens"),
        "hello"
    );
    assert!(vault.signer("ticket").verify(b"message", &tag));
    assert_eq!(disk.open(id).expect_err("held"), VaultError::KeyringBusy { path: disk.file() });
    drop((vault, key));
    assert_eq!(disk.open(Uuid::nil()).expect_err("another"), VaultError::KeyringMismatch);
}

#[test]
fn a_first_start_repeated_after_a_crash_goes_on_with_what_is_there() {
    let disk = Disk::new();
    fs::create_dir_all(&disk.keyring).expect("made");
    fs::write(disk.keyring.join("keyring.redb.new"), b"half").expect("written");
    fs::create_dir_all(disk.master_path.parent().expect("has one")).expect("made");
    fs::write(&disk.master_path, b"").expect("written");
    let id = disk.create().keyring_id();
    let (vault, created) = Vault::create(&disk.keyring, &disk.master).expect("opens");
    assert_eq!((vault.keyring_id(), created.master_is_new), (id, false));
    assert_eq!((mode(&disk.master_path), disk.entries()), (0o600, vec![disk.file()]));
    let refused = Vault::create(&disk.keyring, &disk.master).expect_err("held");
    assert!(matches!(refused, VaultError::KeyringBusy { .. }), "{refused}");
    drop(vault);
    fs::remove_file(&disk.master_path).expect("removed");
    let refused = Vault::create(&disk.keyring, &disk.master).expect_err("no second master");
    assert_eq!(refused, VaultError::MasterMissing { path: disk.master_path.clone() });
    assert!(!disk.master_path.exists());
}

#[test]
fn a_missing_keyring_or_master_is_named_and_nothing_is_made_in_its_place() {
    let disk = Disk::new();
    let missing = VaultError::KeyringMissing { path: disk.file() };
    assert_eq!(disk.open(Uuid::nil()).expect_err("no folder"), missing);
    assert!(!disk.keyring.exists() && !disk.master_path.exists());
    let id = disk.create().keyring_id();
    fs::rename(&disk.master_path, disk.master_path.with_extension("away")).expect("moved");
    let refused = disk.open(id).expect_err("no master");
    assert_eq!(refused, VaultError::MasterMissing { path: disk.master_path.clone() });
    assert_eq!(refused.code(), ErrorCode::Internal);
    assert!(!disk.master_path.exists());
    fs::rename(disk.master_path.with_extension("away"), &disk.master_path).expect("moved back");
    fs::remove_file(disk.file()).expect("removed");
    assert_eq!(disk.open(id).expect_err("no keyring"), missing);
    assert!(disk.entries().is_empty());
}

#[test]
fn a_wrong_or_unusable_master_is_told_apart() {
    let disk = Disk::new();
    let id = disk.create().keyring_id();
    let kept = fs::read(&disk.master_path).expect("read");
    let other = MasterKey::generate().expect("random").to_text();
    fs::write(&disk.master_path, other.as_bytes()).expect("written");
    assert_eq!(disk.open(id).expect_err("wrong"), VaultError::WrongKey);
    for unusable in [b"".as_slice(), b"changeme", &kept[..63], &[0xff; 64], &[b'0'; 64]] {
        fs::write(&disk.master_path, unusable).expect("written");
        let refused = disk.open(id).expect_err("unusable");
        assert!(matches!(refused, VaultError::MasterUnusable { .. }), "{refused}");
    }
    fs::write(&disk.master_path, &kept).expect("written");
    fs::set_permissions(&disk.master_path, Permissions::from_mode(0o644)).expect("changed");
    let refused = disk.open(id).expect_err("readable by others").to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
    let given = |text: &str| MasterSource::Given(SecretString::from(text));
    let text = String::from_utf8(kept).expect("text");
    assert!(Vault::open(&disk.keyring, &given(&text), id).is_ok());
    let refused = Vault::open(&disk.keyring, &given("short"), id).expect_err("unusable");
    assert!(matches!(refused, VaultError::GivenMasterUnusable { .. }), "{refused}");
    assert_eq!(
        Vault::open(&disk.keyring, &given(&other), id).expect_err("wrong"),
        VaultError::WrongKey
    );
}

#[test]
fn a_damaged_keyring_is_refused_and_never_replaced_or_half_read() {
    let disk = Disk::new();
    let vault = disk.create();
    let id = vault.keyring_id();
    for conversation in 0..40 {
        vault.mint(scope(conversation)).expect("minted");
    }
    vault.revoke(scope(40), AT).expect("revoked");
    drop(vault);
    let whole = fs::read(disk.file()).expect("read");
    let text = b"this is a letter and not a keyring\n".repeat(200);
    let cuts =
        [0, 1, 100, 4096, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec());
    for bytes in cuts.into_iter().chain([text, vec![0; whole.len()]]) {
        fs::write(disk.file(), &bytes).expect("written");
        let refused = disk.open(id).expect_err("damaged");
        assert!(
            matches!(refused, VaultError::KeyringDamaged { .. }),
            "{} bytes: {refused}",
            bytes.len()
        );
    }
    let mut refused = 0;
    for at in (0..whole.len()).step_by(331).chain(0..320) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        fs::write(disk.file(), &bytes).expect("written");
        match disk.open(id) {
            Ok(vault) => {
                assert!((0..40).all(|n| vault.key(scope(n)).is_ok()), "byte {at} changed a key");
                let erased = vault.mint(scope(40)).expect_err("erased");
                assert_eq!(erased, VaultError::Revoked, "byte {at} undid an erasure");
            }
            Err(VaultError::KeyringDamaged { .. } | VaultError::KeyringMismatch) => refused += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert!(refused > 10, "only {refused} alterations were noticed");
}
