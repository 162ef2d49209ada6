//! A reserved kind and a payload over its limit are refused by every form of writing, and nothing
//! of them is stored; what is free and within its limit is stored by every form.

use crate::harness::*;
use batpak::prelude::*;
use batpak::typestate::Transition;

/// What a form of writing said.
type Said = (&'static str, Result<(), StoreError>);
/// How many forms there are.
const FORMS: usize = 18;

/// Waits for what was tried.
fn tried<T>(
    tried: Result<Outcome<T>, StoreError>,
    wait: impl FnOnce(T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    match tried? {
        Outcome::Ok(ticket) => wait(ticket),
        _ => panic!("it was turned away"),
    }
}

/// Tries a payload in every form but those of fences.
fn outside_of_fences(store: &Store, kind: EventKind, payload: &str) -> Vec<Said> {
    let (to, plain) = (&at("a"), AppendOptions::new());
    let one = |receipt: Result<AppendReceipt, StoreError>| receipt.map(drop);
    let many = |receipts: Result<Vec<AppendReceipt>, StoreError>| receipts.map(drop);
    let ticket = |ticket: AppendTicket| one(ticket.wait());
    let tickets = |ticket: BatchAppendTicket| many(ticket.wait());
    let batch = || batch_of(kind, payload);
    let transition: Transition<(), (), _> = Transition::new(kind, payload);
    let mut outbox = store.outbox();
    outbox.stage(at("a"), kind, &payload).unwrap();
    let mut submitted = store.outbox();
    submitted.stage(at("a"), kind, &payload).unwrap();
    let with_options = store.append_with_options(to, kind, &payload, plain);
    let reaction = store.append_reaction(to, kind, &payload, 1, 2);
    let submitted_reaction = store.submit_reaction(to, kind, &payload, 1, 2);
    let tried_reaction = store.try_submit_reaction(to, kind, &payload, 1, 2);
    vec![
        ("append", one(store.append(to, kind, &payload))),
        ("options", one(with_options)),
        ("reaction", one(reaction)),
        ("transition", one(store.apply_transition(to, transition))),
        ("submit", store.submit(to, kind, &payload).and_then(ticket)),
        ("submitted reaction", submitted_reaction.and_then(ticket)),
        ("try", tried(store.try_submit(to, kind, &payload), ticket)),
        ("tried reaction", tried(tried_reaction, ticket)),
        ("batch", many(store.append_batch(batch()))),
        ("reaction batch", {
            many(store.append_reaction_batch(1, 2, batch()))
        }),
        ("outbox", many(outbox.flush())),
        ("submitted batch", {
            store.submit_batch(batch()).and_then(tickets)
        }),
        ("tried batch", {
            tried(store.try_submit_batch(batch()), tickets)
        }),
        ("submitted outbox", {
            submitted.submit_flush().and_then(tickets)
        }),
    ]
}

/// Tries a payload in every form of a fence.
fn in_a_fence(fence: &VisibilityFence<'_>, kind: EventKind, payload: &str) -> Vec<Said> {
    let written = |ticket: AppendTicket| ticket.wait_durable().map(drop);
    let submitted = fence.submit(&at("a"), kind, &payload);
    let reaction = fence.submit_reaction(&at("a"), kind, &payload, 1, 2);
    let batch = fence.submit_batch(batch_of(kind, payload));
    let mut outbox = fence.outbox();
    outbox.stage(at("a"), kind, &payload).unwrap();
    vec![
        ("fence", submitted.and_then(written)),
        ("reaction in a fence", reaction.and_then(written)),
        ("batch in a fence", {
            batch.and_then(|ticket| ticket.wait_durable().map(drop))
        }),
        ("outbox of a fence", outbox.flush().map(drop)),
    ]
}

fn batch_of(kind: EventKind, payload: &str) -> Vec<BatchAppendItem> {
    let (options, causation) = (AppendOptions::new(), CausationRef::None);
    vec![BatchAppendItem::new(at("a"), kind, &payload, options, causation).unwrap()]
}

fn in_every_form(store: &Store, kind: EventKind, payload: &str) -> Vec<Said> {
    let mut said = outside_of_fences(store, kind, payload);
    let fence = store.begin_visibility_fence().unwrap();
    said.extend(in_a_fence(&fence, kind, payload));
    fence.commit().unwrap();
    assert_eq!(said.len(), FORMS);
    said
}

/// The error itself, out of the batch that failed over it.
fn refusal((form, said): Said) -> (&'static str, StoreError) {
    let error = said.expect_err(form);
    assert!(error.certainly_not_written(), "{form}: {error}");
    match error {
        StoreError::BatchFailed {
            item_index, source, ..
        } => {
            assert_eq!(item_index, 0);
            (form, *source)
        }
        other => (form, other),
    }
}

fn kinds(is_reserved: bool) -> impl Iterator<Item = EventKind> {
    let kinds = (0..=u16::MAX).map(EventKind::from_u16);
    kinds.filter(move |kind| kind.is_reserved() == is_reserved)
}

#[test]
fn reserved_kinds() {
    let directory = temporary();
    let store = open(directory.path());
    let assert_refused = |kind: EventKind, said: Vec<Said>| {
        for (form, error) in said.into_iter().map(refusal) {
            let StoreError::ReservedKind(named) = error else {
                panic!("{form} says something else: {error}");
            };
            assert_eq!(named, kind);
        }
    };
    assert_eq!(kinds(true).count(), 2 * 4096);
    for kind in kinds(true) {
        assert_refused(kind, outside_of_fences(&store, kind, "text"));
    }
    let fence = store.begin_visibility_fence().unwrap();
    for kind in kinds(true) {
        assert_refused(kind, in_a_fence(&fence, kind, "text"));
    }
    fence.commit().unwrap();
    assert_eq!(store.stats().event_count, 0);
    store.close().unwrap();
    assert_sound(&open(directory.path()), 0);
}

#[test]
fn free_kinds_are_stored() {
    let directory = temporary();
    let most = config(directory.path()).with_batch_max_size(4096);
    let store = Store::open(most).unwrap();
    let mut expected = Vec::new();
    for kind in kinds(false).filter(|kind| matches!(kind.type_id(), 0 | 0xFFF)) {
        for (form, said) in in_every_form(&store, kind, "text") {
            said.unwrap_or_else(|error| panic!("{form} of {kind}: {error}"));
            expected.push(kind);
        }
    }
    let all: Vec<_> = kinds(false).collect();
    for some in all.chunks(4096) {
        let items = some.iter().flat_map(|kind| batch_of(*kind, ""));
        store.append_batch(items.collect()).unwrap();
    }
    expected.extend(all);
    store.close().unwrap();
    let store = open(directory.path());
    let stored: Vec<_> = store.stream("a").iter().map(|entry| entry.kind).collect();
    assert!(stored == expected, "other kinds than were written");
}

#[test]
fn payloads_at_their_limit_and_over_it() {
    let directory = temporary();
    let config = config(directory.path())
        .with_single_append_max_bytes(100)
        .with_batch_max_bytes(100);
    let store = Store::open(config).unwrap();
    // A text of this length takes two bytes more.
    for (form, said) in in_every_form(&store, KIND, &"x".repeat(98)) {
        said.unwrap_or_else(|error| panic!("{form}: {error}"));
    }
    assert_sound(&store, FORMS);
    for (form, error) in in_every_form(&store, KIND, &"x".repeat(99))
        .into_iter()
        .map(refusal)
    {
        let StoreError::Configuration(text) = error else {
            panic!("{form} says something else: {error}");
        };
        assert!(text.contains("max_bytes"), "{form}: {text}");
    }
    assert_sound(&store, FORMS);
}

#[test]
fn a_batch_of_nothing_stores_nothing() {
    let directory = temporary();
    let store = open(directory.path());
    let check = |store: &Store| {
        assert_eq!(store.append_batch(Vec::new()).unwrap(), []);
        assert_eq!(store.append_reaction_batch(1, 2, Vec::new()).unwrap(), []);
        assert_eq!(store.submit_batch(Vec::new()).unwrap().wait().unwrap(), []);
        let wait = |ticket: BatchAppendTicket| ticket.wait().map(drop);
        tried(store.try_submit_batch(Vec::new()), wait).unwrap();
        let mut outbox = store.outbox();
        assert_eq!(outbox.flush().unwrap(), []);
        assert_eq!(outbox.submit_flush().unwrap().wait().unwrap(), []);
    };
    check(&store);
    let fence = store.begin_visibility_fence().unwrap();
    check(&store);
    let nothing = fence.submit_batch(Vec::new()).unwrap();
    assert_eq!(nothing.try_check().unwrap().unwrap(), []);
    assert_eq!(nothing.wait_durable().unwrap(), []);
    assert_eq!(nothing.wait().unwrap(), []);
    assert_eq!(fence.outbox().flush().unwrap(), []);
    fence.commit().unwrap();
    store.close().unwrap();
    assert_sound(&open(directory.path()), 0);
}
