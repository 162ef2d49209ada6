//! A pipeline hands the judged payload to the write, once; a bypass keeps its reason.

use batpak::pipeline::{BypassReason, BypassReceipt};
use batpak::prelude::*;

const PLACED: EventKind = EventKind::custom(0x1, 1);
const UNGUARDED: EventKind = EventKind::custom(0x1, 2);

struct AtMost(u64);

impl Gate<u64> for AtMost {
    fn name(&self) -> &'static str {
        "at most"
    }

    fn evaluate(&self, cents: &u64) -> Result<(), Denial> {
        match cents {
            cents if *cents <= self.0 => Ok(()),
            _ => Err(Denial::new(self.name(), "too much")),
        }
    }
}

struct Migration;

impl BypassReason for Migration {
    fn name(&self) -> &'static str {
        "migration"
    }

    fn justification(&self) -> &'static str {
        "the old system has judged it"
    }
}

fn pipeline() -> Pipeline<u64> {
    let mut gates = GateSet::new();
    gates.push(AtMost(500));
    Pipeline::new(gates)
}

/// Appends a payload, as programs do in the closure of a commit.
fn append(store: &Store, kind: EventKind, cents: u64) -> Result<Committed<u64>, StoreError> {
    let order = Coordinate::new("order:1", "shop")?;
    let receipt = store.append(&order, kind, &cents)?;
    let stored = store.get_raw(receipt.event_id)?;
    Ok(Committed {
        payload: cents,
        event_id: receipt.event_id,
        sequence: receipt.sequence,
        hash: stored.event.hash_chain.unwrap_or_default().event_hash,
    })
}

#[test]
fn what_passes_is_stored_and_what_is_denied_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    let pipeline = pipeline();
    for cents in [1, 501, 500] {
        match pipeline.evaluate(&cents, Proposal::new(cents)) {
            Ok(receipt) => {
                let committed = pipeline.commit(receipt, |cents| append(&store, PLACED, cents));
                let committed = committed.unwrap();
                assert_eq!(committed.payload, cents);
                let stored = store.get_as::<u64>(committed.event_id).unwrap();
                assert_eq!(stored.event.payload, cents);
            }
            Err(denial) => assert_eq!((cents, denial.gate), (501, "at most")),
        }
    }
    assert_eq!(store.stats().event_count, 2);
    store.close().unwrap();
}

#[test]
fn a_bypass_is_stored_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    let receipt = Pipeline::<u64>::bypass(Proposal::new(9_000), &Migration);
    assert_eq!(receipt.payload(), &9_000);
    assert_eq!(receipt.reason(), "migration");
    assert_eq!(receipt.justification(), "the old system has judged it");
    let committed =
        Pipeline::<u64>::commit_bypass(receipt, |cents| append(&store, UNGUARDED, cents));
    let committed = committed.unwrap();
    let stored = store.get(committed.event_id).unwrap();
    assert_eq!(stored.event.payload, 9_000);
    store.close().unwrap();
}

#[test]
fn an_error_of_the_write_comes_back_as_it_is() {
    let pipeline = pipeline();
    let receipt = pipeline.evaluate(&1, Proposal::new(1)).unwrap();
    let failed = pipeline.commit(receipt, |_: i32| Err::<Committed<i32>, _>("disk full"));
    assert_eq!(failed, Err("disk full"));
    let receipt = Pipeline::<u64>::bypass(Proposal::new(1), &Migration);
    let failed = Pipeline::<u64>::commit_bypass(receipt, |_| Err::<Committed<i32>, _>(7));
    assert_eq!(failed, Err(7));
}

#[test]
fn a_proposal_is_mapped_before_it_is_judged() {
    let proposal = Proposal::new(21).map(|number| format!("{number}{number}"));
    assert_eq!(proposal.payload(), "2121");
    let receipt: BypassReceipt<String> = Pipeline::<()>::bypass(proposal, &Migration);
    assert_eq!(receipt.into_payload(), "2121");
}

#[test]
fn what_was_committed_has_one_form_in_message_pack() {
    let committed = Committed {
        payload: "tea".to_owned(),
        event_id: 0x0102,
        sequence: 3,
        hash: [4; 32],
    };
    let bytes = rmp_serde::to_vec_named(&committed).unwrap();
    let mut expected = b"\x84\xa7payload\xa3tea\xa8event_id\xc4\x10".to_vec();
    expected.extend([0; 14]);
    expected.extend(b"\x01\x02\xa8sequence\x03\xa4hash\xdc\x00\x20");
    expected.extend([4; 32]);
    assert_eq!(bytes, expected);
    assert_eq!(
        rmp_serde::from_slice::<Committed<String>>(&bytes).unwrap(),
        committed
    );
}
