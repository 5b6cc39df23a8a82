//! The ledger on a disk of its own: cut off anywhere, altered anywhere, and opened by the wrong hands.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Act, FILE, Head, Ledger, LedgerError, PURPOSE, survey};
use crate::id::Id;
use crate::vault::{Extent, MasterKey, MemoryKeyring, Scope, SigningKey, Vault};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

struct Desk {
    _folder: TempDir,
    path: PathBuf,
    key: SigningKey,
}

fn signing() -> SigningKey {
    let master = MasterKey::generate().expect("random");
    let keyring = MemoryKeyring::new(Uuid::nil(), &master).expect("made");
    let vault = Vault::with_keyring(Arc::new(keyring), &master).expect("opens");
    vault.signing_key(PURPOSE).expect("made")
}

fn erased(number: u128) -> Act {
    let tenant = Id::from_uuid(Uuid::from_u128(number % 3));
    let conversation = Id::from_uuid(Uuid::from_u128(number));
    Act::Erased(Extent::Conversation(Scope { tenant, conversation }))
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self { path: folder.path().join(FILE), _folder: folder, key: signing() }
    }

    fn begin(&self) -> Ledger {
        Ledger::begin(&self.path, self.key.clone(), Uuid::nil(), 0, AT).expect("begun")
    }

    fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.path, self.key.clone(), Uuid::nil())
    }

    fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        self.survey(|act| acts.push(act)).expect("whole");
        acts
    }

    fn survey(&self, mut visit: impl FnMut(Act)) -> Result<Head, LedgerError> {
        survey(&self.path, |entry, _| {
            visit(entry.act);
            Ok(())
        })
    }
}

#[test]
fn what_was_confirmed_is_there_whatever_a_crash_left_behind_it() {
    let desk = Desk::new();
    let ledger = desk.begin();
    ledger.append(&[erased(1), erased(2)], 0, AT).expect("written");
    let confirmed = std::fs::metadata(&desk.path).expect("there").len();
    ledger
        .append(&[erased(3), Act::Erased(Extent::Tenant(Id::from_uuid(Uuid::max())))], 1, AT)
        .expect("written");
    drop(ledger);
    let whole = std::fs::read(&desk.path).expect("read");
    let first = usize::try_from(confirmed).expect("small");
    for length in first..whole.len() {
        std::fs::write(&desk.path, &whole[..length]).expect("written");
        assert_eq!(desk.acts(), [Act::Begun, erased(1), erased(2)], "cut at {length}");
        let ledger = desk.open().expect("mended");
        assert_eq!(std::fs::metadata(&desk.path).expect("there").len(), confirmed);
        ledger.append(&[erased(4)], 1, AT).expect("goes on");
        assert_eq!(desk.acts(), [Act::Begun, erased(1), erased(2), erased(4)]);
    }
    std::fs::write(&desk.path, &whole).expect("written");
    assert_eq!(desk.open().expect("whole").head().position.seq, 5);
}

#[test]
fn a_long_erasure_is_cut_into_acts_and_read_back_whole() {
    let desk = Desk::new();
    let acts: Vec<Act> = (0..2_500).map(erased).collect();
    desk.begin().append(&acts, 0, AT).expect("written");
    assert_eq!(desk.acts()[1..], acts);
    assert_eq!(desk.open().expect("whole").head().position.seq, 2_501);
}

/// Case 20: forged, altered, reordered, taken out.
#[test]
fn an_altered_line_is_refused_and_so_is_one_moved_or_taken_out() {
    let desk = Desk::new();
    let ledger = desk.begin();
    for number in 1..6 {
        ledger.append(&[erased(number)], 0, AT).expect("written");
    }
    drop(ledger);
    let whole = std::fs::read_to_string(&desk.path).expect("text");
    let lines: Vec<&str> = whole.lines().collect();
    let refused = |text: String| {
        std::fs::write(&desk.path, text).expect("written");
        let found = desk.survey(drop);
        assert!(found.is_err() && desk.open().is_err(), "{found:?}");
        found.expect_err("refused")
    };
    for at in 1..lines.len() - 2 {
        let mut altered: Vec<String> = lines.iter().map(ToString::to_string).collect();
        altered[at] = altered[at].replacen(" 1970", " 1971", 1).replacen("s ", "s 1", 1);
        assert!(
            matches!(refused(altered.join("\n") + "\n"), LedgerError::Altered { .. }),
            "line {at}"
        );
        let mut missing = lines.clone();
        // A seal covers all lines before it, so that one in the middle may be missing.
        if missing.remove(at).starts_with("e ") {
            assert!(matches!(refused(missing.join("\n") + "\n"), LedgerError::Altered { .. }));
        }
        let mut moved = lines.clone();
        moved.swap(at, at + 1);
        assert!(matches!(refused(moved.join("\n") + "\n"), LedgerError::Altered { .. }));
    }
    // A seal made with another key, for a line that nobody confirmed.
    let mut forged: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let (head, _) = forged.last().and_then(|seal| seal.rsplit_once(' ')).expect("a seal");
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 64]);
    let seal = format!("{head} {signature}");
    *forged.last_mut().expect("a seal") = seal;
    assert!(matches!(refused(forged.join("\n") + "\n"), LedgerError::Altered { .. }));
    assert!(matches!(refused(String::new()), LedgerError::NoLedger { .. }));
    assert!(matches!(refused("x".repeat(10_000)), LedgerError::NoLedger { .. }));
}

#[test]
fn a_missing_ledger_and_one_of_another_installation_are_refused_by_name() {
    let desk = Desk::new();
    assert!(matches!(desk.open(), Err(LedgerError::Missing { .. })));
    drop(desk.begin());
    let other = Ledger::open(&desk.path, desk.key.clone(), Uuid::max());
    assert!(matches!(other, Err(LedgerError::Foreign { .. })));
    let other = Ledger::open(&desk.path, signing(), Uuid::nil());
    assert!(matches!(other, Err(LedgerError::Foreign { .. })));
    assert!(desk.open().is_ok());
}
