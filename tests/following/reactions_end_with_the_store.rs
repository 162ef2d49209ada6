//! Closing or dropping a store ends its reaction loops, whatever they do just then.

use crate::harness::*;
use crate::reactors::*;
use batpak::prelude::*;
use std::sync::Arc;

#[test]
fn a_loop_that_idles() {
    for close in [true, false] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let thread = store.react_loop(&Region::all(), echo(0)).unwrap();
        let config = ReactionConfig::default();
        let handle = store.react_with(&Region::all(), config, echo(0)).unwrap();
        append_numbers(&store, "a", 0..1);
        let store = Arc::into_inner(store).expect("loops hold none");
        within(HANG, "the end of a store with idle loops", move || {
            match close {
                true => drop(store.close().unwrap()),
                false => drop(store),
            }
            thread.join().unwrap();
            // That is no error of the loop.
            handle.join().unwrap();
        });
    }
}

#[test]
fn a_loop_in_the_middle_of_its_work() {
    let mut random = seeded("closing under reactions");
    for round in 0..scaled(20) {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let region = Region::entity_exact("a");
        let thread = store.react_loop(&region, echo(3)).unwrap();
        let config = ReactionConfig::default();
        let handle = store.react_with(&region, config, echo(1)).unwrap();
        append_numbers(&store, "a", 0..random.u64(..200));
        if round % 2 == 0 {
            while store.by_fact(ANSWER).is_empty() && !store.stream("a").is_empty() {
                std::thread::yield_now();
            }
        }
        let events = store.stream("a").len();
        close(store);
        within(HANG, "loops of a closed store", move || {
            thread.join().unwrap();
            handle.join().unwrap();
        });
        let store = open(directory.path());
        // What was answered was answered whole.
        let answers = store.by_fact(ANSWER).len();
        assert!(
            answers <= 4 * events,
            "{answers} answers to {events} events"
        );
        assert_sound(&store, events + answers);
        assert_eq!(store.diagnostics().reaction_fault, None);
    }
}

#[test]
fn a_loop_whose_handle_was_let_go() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let region = Region::entity_exact("a");
    // A thread that nobody joins goes on, a handle that is dropped stops its loop.
    drop(store.react_loop(&region, echo(1)).unwrap());
    let config = ReactionConfig::default();
    drop(store.react_with(&region, config, echo(1)).unwrap());
    append_numbers(&store, "a", 0..10);
    answers(&store, 10);
    close(store);
}
