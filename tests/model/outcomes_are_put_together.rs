//! `zip`, `join_all` and `join_any`: what of several outcomes counts.

use crate::outcomes::*;
use batpak::outcome::{WaitCondition, join_all, join_any, zip};
use batpak::prelude::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn failed(message: &str) -> Outcome<i32> {
    Outcome::err(OutcomeError::new(ErrorKind::Conflict, message))
}

fn retry(reason: &str) -> Outcome<i32> {
    Outcome::retry(10, 1, 3, reason)
}

fn waits(token: u128) -> Outcome<i32> {
    Outcome::pending(WaitCondition::Timeout { resume_at_ms: 1 }, token)
}

/// One of each, the weightiest first; the second of each differs from the first.
fn ranking() -> Vec<[Outcome<i32>; 2]> {
    let cancelled = Outcome::cancelled;
    vec![
        [failed("a"), failed("b")],
        [cancelled("a"), cancelled("b")],
        [retry("a"), retry("b")],
        [waits(1), waits(2)],
        [Outcome::Batch(vec![Outcome::ok(1)]), Outcome::Batch(vec![])],
        [Outcome::ok(1), Outcome::ok(2)],
    ]
}

#[test]
fn of_two_the_more_final_counts_and_the_first_of_equals() {
    let ranking = ranking();
    for (weight_of_a, [a, _]) in ranking.iter().enumerate() {
        for (weight_of_b, [_, b]) in ranking.iter().enumerate() {
            let winner = if weight_of_b < weight_of_a { b } else { a };
            if winner.is_ok() || winner.is_batch() {
                continue;
            }
            let nothing: Outcome<(i32, i32)> = winner.clone().map(|_| (0, 0));
            assert_eq!(zip(a.clone(), b.clone()), nothing, "{a:?} with {b:?}");
        }
    }
}

#[test]
fn values_and_batches_are_paired() {
    let batch = |values: &[i32]| Outcome::Batch(values.iter().copied().map(Outcome::ok).collect());
    let pairs = |pairs: &[(i32, i32)]| {
        Outcome::Batch(pairs.iter().copied().map(Outcome::ok).collect::<Vec<_>>())
    };
    assert_eq!(zip(Outcome::ok(1), Outcome::ok("a")), Outcome::ok((1, "a")));
    let shorter = zip(batch(&[1, 2, 3]), batch(&[4, 5]));
    assert_eq!(shorter, pairs(&[(1, 4), (2, 5)]));
    assert_eq!(
        zip(batch(&[1, 2]), Outcome::ok(9)),
        pairs(&[(1, 9), (2, 9)])
    );
    assert_eq!(
        zip(Outcome::ok(9), batch(&[1, 2])),
        pairs(&[(9, 1), (9, 2)])
    );
    assert_eq!(zip(batch(&[]), Outcome::ok(9)), pairs(&[]));
    let mixed = Outcome::Batch(vec![Outcome::ok(1), retry("a")]);
    let expected = vec![Outcome::ok((1, 9)), Outcome::retry(10, 1, 3, "a")];
    assert_eq!(zip(mixed, Outcome::ok(9)), Outcome::Batch(expected));
}

#[test]
fn of_alternatives_the_first_that_did_not_fail_counts() {
    for [found, _] in ranking().into_iter().skip(1) {
        let joined = join_any(vec![failed("a"), found.clone(), Outcome::ok(5)]);
        assert_eq!(joined, found);
    }
    assert_eq!(join_any(vec![failed("a"), failed("b")]), failed("b"));
    let Outcome::Err(error) = join_any::<i32>(vec![]) else {
        panic!("no alternatives are a failure");
    };
    assert_eq!(error.kind, ErrorKind::Internal);
    assert!(!error.retryable);
}

proptest! {
    #[test]
    fn all_values_are_gathered_or_the_first_stop_counts(outcomes in vec(outcomes(), 0..5)) {
        let mut flat = vec![];
        let mut rest: Vec<_> = outcomes.iter().rev().cloned().collect();
        while let Some(outcome) = rest.pop() {
            match outcome {
                Outcome::Batch(items) => rest.extend(items.into_iter().rev()),
                leaf => flat.push(leaf),
            }
        }
        let expected = match flat.iter().find(|outcome| !outcome.is_ok()) {
            Some(stop) => stop.clone().map(|_| vec![]),
            None => Outcome::ok(flat.iter().flat_map(values).collect()),
        };
        prop_assert_eq!(join_all(outcomes), expected);
    }

    #[test]
    fn pairing_the_other_way_round_pairs_the_same_values(a in outcomes(), b in outcomes()) {
        let there = zip(a.clone(), b.clone());
        let back = zip(b, a);
        prop_assert_eq!(there.is_batch(), back.is_batch());
        if let (Outcome::Ok((a, b)), other) = (there, back) {
            prop_assert_eq!(other, Outcome::ok((b, a)));
        }
    }
}
