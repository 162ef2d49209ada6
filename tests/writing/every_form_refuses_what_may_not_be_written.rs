//! A reserved kind and a payload over its limit are refused by every form of writing, and nothing
//! of them is stored.

use crate::harness::*;
use batpak::prelude::*;
use batpak::typestate::Transition;

/// Tries a payload in every form; returns what each said.
fn in_every_form(store: &Store, kind: EventKind, payload: &str) -> Vec<(&'static str, StoreError)> {
    let (at_a, plain) = (&at("a"), AppendOptions::new());
    let batch = || {
        let item = BatchAppendItem::new(at("a"), kind, &payload, plain, CausationRef::None);
        vec![item.unwrap()]
    };
    let mut outbox = store.outbox();
    outbox.stage(at("a"), kind, &payload).unwrap();
    let transition: Transition<(), (), _> = Transition::new(kind, payload);
    let one = |form, result: Result<AppendReceipt, StoreError>| (form, result.unwrap_err());
    let many = |form, result: Result<Vec<AppendReceipt>, StoreError>| (form, result.unwrap_err());
    let ticket = |form, result: Result<AppendTicket, StoreError>| (form, result.unwrap_err());
    let tried = |form, result: Result<Outcome<AppendTicket>, _>| (form, result.unwrap_err());
    vec![
        one("append", store.append(at_a, kind, &payload)),
        one(
            "options",
            store.append_with_options(at_a, kind, &payload, plain),
        ),
        one(
            "reaction",
            store.append_reaction(at_a, kind, &payload, 1, 2),
        ),
        one("transition", store.apply_transition(at_a, transition)),
        ticket("submit", store.submit(at_a, kind, &payload)),
        ticket(
            "submitted reaction",
            store.submit_reaction(at_a, kind, &payload, 1, 2),
        ),
        tried("try", store.try_submit(at_a, kind, &payload)),
        tried(
            "tried reaction",
            store.try_submit_reaction(at_a, kind, &payload, 1, 2),
        ),
        many("batch", store.append_batch(batch())),
        many("reaction batch", store.append_reaction_batch(1, 2, batch())),
        many("outbox", outbox.flush()),
        ("submitted batch", store.submit_batch(batch()).unwrap_err()),
        ("tried batch", store.try_submit_batch(batch()).unwrap_err()),
        ("submitted outbox", outbox.submit_flush().unwrap_err()),
    ]
}

/// The error itself, out of the batch that failed over it.
fn bare(error: StoreError) -> StoreError {
    match error {
        StoreError::BatchFailed {
            item_index, source, ..
        } => {
            assert_eq!(item_index, 0);
            *source
        }
        other => other,
    }
}

#[test]
fn reserved_kinds() {
    let directory = temporary();
    let store = open(directory.path());
    let reserved = [
        EventKind::SYSTEM_BATCH_BEGIN,
        EventKind::SYSTEM_BATCH_COMMIT,
        EventKind::TOMBSTONE,
        EventKind::EFFECT_ERROR,
    ];
    for kind in reserved {
        for (form, error) in in_every_form(&store, kind, "text") {
            assert!(error.certainly_not_written(), "{form}: {error}");
            let StoreError::ReservedKind(named) = bare(error) else {
                panic!("{form} says something else");
            };
            assert_eq!(named, kind);
        }
    }
    assert_eq!(store.stats().event_count, 0);
    store.close().unwrap();
    assert_sound(&open(directory.path()), 0);
}

#[test]
fn payloads_over_their_limit() {
    let directory = temporary();
    let config = config(directory.path())
        .with_single_append_max_bytes(100)
        .with_batch_max_bytes(100);
    let store = Store::open(config).unwrap();
    for (form, error) in in_every_form(&store, KIND, &"x".repeat(99)) {
        assert!(error.certainly_not_written(), "{form}: {error}");
        let StoreError::Configuration(text) = bare(error) else {
            panic!("{form} says something else");
        };
        assert!(text.contains("max_bytes"), "{form}: {text}");
    }
    assert_eq!(store.stats().event_count, 0);
}
