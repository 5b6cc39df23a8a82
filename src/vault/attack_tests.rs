//! Attacks on sealed values and on the order of minting and destroying (privacy.md, section 8, cases 1 to 8, 14, 15).

use std::collections::HashSet;
use std::sync::{Arc, Barrier};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::code::{Coded, ErrorCode};
use crate::id::Id;
use crate::vault::{
    ConversationKey, Extent, Keyring, MasterKey, MemoryKeyring, Place, Scope, Sealed, SealedColumn,
    Vault, VaultError,
};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn vault_with_ceiling(ceiling: u32) -> Vault {
    let master = MasterKey::generate().expect("random");
    let keyring = MemoryKeyring::new(Uuid::from_u128(9), &master).expect("made");
    Vault::with_ceiling(Arc::new(keyring), &master, ceiling).expect("the right master")
}

fn vault() -> Vault {
    vault_with_ceiling(u32::MAX)
}

fn scope(tenant: u128, conversation: u128) -> Scope {
    Scope {
        tenant: Id::from_uuid(Uuid::from_u128(tenant)),
        conversation: Id::from_uuid(Uuid::from_u128(conversation)),
    }
}

fn place(scope: Scope) -> Place {
    Place {
        column: SealedColumn::TurnContent,
        tenant: scope.tenant,
        conversation: scope.conversation,
        record: Uuid::from_u128(3),
        kind: 1,
    }
}

fn sealed_secret(key: &ConversationKey) -> Sealed<String> {
    key.seal(place(scope(1, 2)), &"my card is 4929".to_owned()).expect("sealed")
}

#[test]
fn a_ciphertext_opens_at_its_own_place_and_at_no_other() {
    let vault = vault();
    let key = vault.mint(scope(1, 2)).expect("minted");
    let sealed = sealed_secret(&key);
    let own = place(scope(1, 2));
    assert_eq!(key.open(own, &sealed).expect("opens"), "my card is 4929");
    let others = [
        Place { record: Uuid::from_u128(4), ..own },
        Place { column: SealedColumn::ConversationCheckpoint, ..own },
        Place { kind: 2, ..own },
        place(scope(1, 3)),
        place(scope(4, 2)),
    ];
    for other in others {
        let other_key = vault.mint(other.scope()).expect("minted");
        assert_eq!(other_key.open(other, &sealed), Err(VaultError::Tampered), "{other:?}");
        assert_eq!(key.open(other, &sealed), Err(VaultError::Tampered), "{other:?}");
    }
}

#[test]
fn a_key_seals_for_its_own_conversation_only() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    for other in [scope(1, 3), scope(4, 2)] {
        assert_eq!(key.seal(place(other), &1).expect_err("refused"), VaultError::WrongKey);
    }
}

#[test]
fn every_altered_bit_is_a_typed_refusal() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let bytes = sealed_secret(&key).into_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let refused = key.open(place(scope(1, 2)), &Sealed::<String>::from_stored(altered));
            let expected = match at {
                0..4 => VaultError::NotSealed,
                4..6 => VaultError::WrongKey,
                _ => VaultError::Tampered,
            };
            assert_eq!(refused, Err(expected), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_shortened_lengthened_or_huge_envelope_is_refused() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let bytes = sealed_secret(&key).into_bytes();
    let open = |bytes: Vec<u8>| key.open(place(scope(1, 2)), &Sealed::<String>::from_stored(bytes));
    for length in 0..bytes.len() {
        let refused = open(bytes[..length].to_vec()).expect_err("shortened");
        assert!(
            matches!(refused, VaultError::NotSealed | VaultError::Tampered),
            "{length}: {refused}"
        );
        assert_eq!(refused.code(), ErrorCode::Unreadable);
    }
    assert_eq!(open([bytes.as_slice(), &[0]].concat()), Err(VaultError::Tampered));
    let mut huge = bytes;
    huge.resize(2 << 20, 0);
    assert_eq!(open(huge), Err(VaultError::TooLarge));
}

#[test]
fn bare_plaintext_and_unknown_versions_are_not_envelopes() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let bytes = sealed_secret(&key).into_bytes();
    let mut future = vec![b"\"plain text where ciphertext belongs\"".to_vec(), b"null".to_vec()];
    for (at, value) in [(0, 2), (1, 2), (2, 1), (3, 1)] {
        let mut unknown = bytes.clone();
        unknown[at] = value;
        future.push(unknown);
    }
    for bytes in future {
        let refused = key.open(place(scope(1, 2)), &Sealed::<Value>::from_stored(bytes));
        assert_eq!(refused, Err(VaultError::NotSealed));
    }
}

#[test]
fn what_is_authentic_but_of_another_type_is_not_half_read() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let sealed = Sealed::<u32>::from_stored(sealed_secret(&key).into_bytes());
    assert_eq!(key.open(place(scope(1, 2)), &sealed), Err(VaultError::WrongShape));
}

#[test]
fn one_mebibyte_fits_and_one_byte_more_does_not() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let fits = "x".repeat((1 << 20) - 2);
    let sealed = key.seal(place(scope(1, 2)), &fits).expect("fits");
    assert_eq!(sealed.as_bytes().len(), (1 << 20) + 34);
    assert_eq!(key.open(place(scope(1, 2)), &sealed).expect("opens"), fits);
    let refused = key.seal(place(scope(1, 2)), &format!("{fits}x")).expect_err("too large");
    assert_eq!(refused, VaultError::TooLarge);
}

#[test]
fn ten_thousand_seals_of_the_same_value_share_no_nonce() {
    let key = vault().mint(scope(1, 2)).expect("minted");
    let nonces: HashSet<Vec<u8>> =
        (0..10_000).map(|_| sealed_secret(&key).as_bytes()[6..18].to_vec()).collect();
    assert_eq!(nonces.len(), 10_000);
}

/// Case 8: the cap of a key (NIST SP 800-38D §8.3).
#[test]
fn a_key_at_its_limit_is_succeeded_and_what_it_sealed_stays_readable() {
    let vault = vault_with_ceiling(100);
    let first = vault.mint(scope(1, 2)).expect("minted");
    let again = vault.mint(scope(1, 2)).expect("the same");
    let sealed: Vec<_> = (0..50).flat_map(|_| [&first, &again]).map(sealed_secret).collect();
    assert_eq!((first.version(), again.version()), (1, 1));
    let beyond: Vec<_> = (0..150).map(|_| sealed_secret(&again)).collect();
    assert_eq!((first.version(), again.version()), (3, 3), "both hold the same key");
    let versions = |sealed: &[Sealed<String>]| -> Vec<u8> {
        sealed.iter().map(|envelope| envelope.as_bytes()[5]).collect()
    };
    assert_eq!(versions(&sealed), [1; 100]);
    assert_eq!(versions(&beyond), [[2; 100].as_slice(), &[3; 50]].concat());
    drop((first, again));
    let key = vault.key(scope(1, 2)).expect("kept");
    for envelope in sealed.iter().chain(&beyond) {
        assert_eq!(key.open(place(scope(1, 2)), envelope).expect("opens"), "my card is 4929");
    }
    vault.revoke(scope(1, 2), AT).expect("revoked");
    assert_eq!(key.open(place(scope(1, 2)), &sealed[0]), Err(VaultError::Revoked));
}

#[test]
fn the_count_goes_on_after_the_key_was_dropped() {
    let vault = vault_with_ceiling(100);
    let mut versions = Vec::new();
    for _ in 0..3 {
        let key = vault.mint(scope(1, 2)).expect("minted");
        sealed_secret(&key);
        versions.push(key.version());
    }
    assert_eq!(versions, [1, 1, 2], "blocks of 64 and 36 were set aside");
}

/// Case 14: the one who revoked told nobody.
#[test]
fn a_holder_whom_no_revocation_reached_loses_the_key_at_its_next_use() {
    let master = MasterKey::generate().expect("random");
    let keyring = Arc::new(MemoryKeyring::new(Uuid::from_u128(9), &master).expect("made"));
    let vault = Vault::with_keyring(keyring.clone(), &master).expect("the right master");
    let (lost, kept) = (vault.mint(scope(1, 2)), vault.mint(scope(1, 3)));
    let (lost, kept) = (lost.expect("minted"), kept.expect("minted"));
    let sealed = sealed_secret(&lost);
    keyring.revoke(&[Extent::Conversation(scope(1, 2))], AT).expect("behind the vault's back");
    assert_eq!(lost.open(place(scope(1, 2)), &sealed), Err(VaultError::Revoked));
    assert_eq!(lost.seal(place(scope(1, 2)), &1).expect_err("lost"), VaultError::Revoked);
    assert!(kept.seal(place(scope(1, 3)), &1).is_ok());
}

/// A purge must not send every live conversation to the keyring.
#[test]
fn the_holders_of_other_keys_need_not_ask_after_a_revocation_through_the_vault() {
    let master = MasterKey::generate().expect("random");
    let keyring = Arc::new(MemoryKeyring::new(Uuid::from_u128(9), &master).expect("made"));
    let vault = Vault::with_keyring(keyring.clone(), &master).expect("the right master");
    let key = vault.mint(scope(1, 2)).expect("minted");
    let asked = keyring.times_loaded();
    for conversation in 10..20 {
        vault.revoke(scope(1, conversation), AT).expect("revoked");
        assert!(key.seal(place(scope(1, 2)), &1).is_ok());
    }
    assert_eq!(keyring.times_loaded(), asked);
    keyring.revoke(&[Extent::Conversation(scope(1, 30))], AT).expect("behind the vault's back");
    vault.revoke(scope(1, 31), AT).expect("revoked");
    assert!(key.seal(place(scope(1, 2)), &1).is_ok());
    assert_eq!(keyring.times_loaded(), asked + 1, "somebody else destroyed something");
}

#[test]
fn a_revoked_key_is_lost_by_its_holders_and_never_minted_again() {
    let vault = vault();
    let key = vault.mint(scope(1, 2)).expect("minted");
    let other = vault.mint(scope(1, 3)).expect("minted");
    let sealed = sealed_secret(&key);
    vault.revoke(scope(1, 2), AT).expect("revoked");
    assert_eq!(key.open(place(scope(1, 2)), &sealed), Err(VaultError::Revoked));
    assert_eq!(key.seal(place(scope(1, 2)), &1).expect_err("revoked"), VaultError::Revoked);
    assert_eq!(vault.mint(scope(1, 2)).expect_err("late writer"), VaultError::Revoked);
    assert_eq!(vault.key(scope(1, 2)).expect_err("revoked"), VaultError::Revoked);
    assert_eq!(VaultError::Revoked.code(), ErrorCode::Erased);
    assert!(other.seal(place(scope(1, 3)), &1).is_ok());
    assert_eq!(vault.epoch(), Ok(1));
    vault.revoke(scope(1, 2), AT).expect("idempotent");
    assert_eq!(vault.epoch(), Ok(1));
    vault.revoke(scope(1, 99), AT).expect("never minted");
    assert_eq!(vault.mint(scope(1, 99)).expect_err("tombstone"), VaultError::Revoked);
    assert_eq!(vault.epoch(), Ok(2));
}

#[test]
fn a_revoked_tenant_loses_every_conversation_and_gets_none() {
    let vault = vault();
    let held = vault.mint(scope(1, 2)).expect("minted");
    let neighbour = vault.mint(scope(2, 2)).expect("minted");
    vault.revoke_tenant(scope(1, 0).tenant, AT).expect("revoked");
    assert_eq!(held.seal(place(scope(1, 2)), &1).expect_err("lost"), VaultError::Revoked);
    assert_eq!(vault.mint(scope(1, 7)).expect_err("refused"), VaultError::Revoked);
    assert!(neighbour.seal(place(scope(2, 2)), &1).is_ok());
}

#[test]
fn a_scope_without_a_key_is_missing() {
    assert_eq!(vault().key(scope(1, 2)).expect_err("none"), VaultError::Missing);
}

#[test]
fn another_master_is_a_wrong_key_and_not_an_alteration() {
    let master = MasterKey::generate().expect("random");
    let keyring = Arc::new(MemoryKeyring::new(Uuid::nil(), &master).expect("made"));
    let other = MasterKey::generate().expect("random");
    assert_eq!(Vault::with_keyring(keyring, &other).expect_err("refused"), VaultError::WrongKey);
}

#[test]
fn minting_and_revoking_at_once_never_leaves_a_usable_key() {
    for round in 0..200 {
        let vault = vault();
        let start = Arc::new(Barrier::new(2));
        let (late, gate) = (vault.clone(), Arc::clone(&start));
        let writer = std::thread::spawn(move || {
            gate.wait();
            late.mint(scope(1, round))
        });
        start.wait();
        vault.revoke(scope(1, round), AT).expect("revoked");
        let refused = match writer.join().expect("no panic") {
            Ok(key) => key.seal(place(scope(1, round)), &1).expect_err("lost"),
            Err(refusal) => refusal,
        };
        assert_eq!(refused, VaultError::Revoked);
    }
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let vault = vault();
    let key = vault.mint(scope(1, 2)).expect("minted");
    let shown = format!("{vault:?} {key:?} {:?} {:?}", sealed_secret(&key), vault.signer("ticket"));
    assert!(shown.contains("Sealed(51 bytes)") && shown.len() < 200, "{shown}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_comes_back_as_it_was(value in any_json(), record: u128, kind: u8) {
        let key = vault().mint(scope(1, 2)).expect("minted");
        let place = Place { record: Uuid::from_u128(record), kind, ..place(scope(1, 2)) };
        let sealed = key.seal(place, &value).expect("sealed");
        prop_assert_eq!(key.open(place, &sealed).expect("opens"), value);
    }

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>, looks_right: bool) {
        let key = vault().mint(scope(1, 2)).expect("minted");
        let front: &[u8] = if looks_right { &[1, 1, 0, 0, 0, 1] } else { &[] };
        let sealed = Sealed::<Value>::from_stored([front, &bytes].concat());
        prop_assert!(key.open(place(scope(1, 2)), &sealed).is_err());
    }
}
