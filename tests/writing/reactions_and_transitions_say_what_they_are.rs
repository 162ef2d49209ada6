//! A reaction is in its cause's correlation, in every form; a transition is the event that it
//! names.

use crate::harness::*;
use batpak::prelude::*;
use batpak::typestate::Transition;

#[test]
fn reactions_in_every_form() {
    let directory = temporary();
    let store = open(directory.path());
    let cause = append_numbers(&store, "a", 0..1)[0].event_id;
    let to = at("b");
    store.append_reaction(&to, KIND, &1u64, 7, cause).unwrap();
    let submitted = store.submit_reaction(&to, KIND, &2u64, 7, cause);
    submitted.unwrap().wait().unwrap();
    let tried = store.try_submit_reaction(&to, KIND, &3u64, 7, cause);
    tried.unwrap().into_result().unwrap().wait().unwrap();
    let items = vec![item("b", 4), item("b", 5)];
    store.append_reaction_batch(7, cause, items).unwrap();
    for (number, entry) in (1u64..).zip(&store.stream("b")) {
        assert_eq!(entry.correlation_id, 7);
        assert!(entry.is_correlated() && entry.is_caused_by(cause));
        let read = store.get_as::<u64>(entry.event_id).unwrap();
        assert_eq!(read.event.payload, number);
    }
    assert_sound(&store, 6);
}

#[test]
fn an_item_with_a_cause_of_its_own_keeps_it() {
    let directory = temporary();
    let store = open(directory.path());
    let plain = AppendOptions::new();
    let items = vec![
        item("a", 0),
        item_with("a", 1, plain, CausationRef::PriorItem(0)),
        item_with("a", 2, plain, CausationRef::Absolute(5)),
        item_with("a", 3, plain.with_causation(6), CausationRef::None),
        item_with("a", 4, plain.with_correlation(8), CausationRef::None),
    ];
    let receipts = store.append_reaction_batch(7, 9, items).unwrap();
    let found = store.stream("a");
    let causes: Vec<_> = found.iter().map(|entry| entry.causation_id).collect();
    let first = receipts[0].event_id;
    assert_eq!(causes, [Some(9), Some(first), Some(5), Some(6), Some(9)]);
    assert!(found.iter().all(|entry| entry.correlation_id == 7));
    let none = store.append_reaction_batch(7, 9, Vec::new());
    assert_eq!(none.unwrap(), []);
}

batpak::define_state_machine!(OrderState { Placed, Paid });

#[test]
fn a_transition_is_its_event() {
    let directory = temporary();
    let store = open(directory.path());
    let pay = Transition::<Placed, Paid, u64>::new(KIND, 480);
    let receipt = store.apply_transition(&at("order"), pay).unwrap();
    let event = store.get_as::<u64>(receipt.event_id).unwrap().event;
    assert_eq!((event.event_kind(), event.payload), (KIND, 480));
    assert!(event.is_genesis());
}
