//! While a visibility fence is open nobody else writes: reactions wait, and what the fence hides is
//! not reacted to.

use crate::harness::*;
use crate::reactors::*;
use batpak::prelude::*;
use serde_json::Value;
use std::sync::Arc;
use std::sync::mpsc::channel;

#[test]
fn and_are_appended_then() {
    for commits in [true, false] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let (told, asked) = channel();
        let (go_on, wait) = channel::<()>();
        let slow = Answer(move |event: &Event<Value>| {
            told.send(()).unwrap();
            wait.recv().unwrap();
            vec![(at("answers"), ANSWER, event.payload.clone())]
        });
        let region = Region::entity_exact("a");
        let config = ReactionConfig::default();
        let handle = store.react_with(&region, config, slow).unwrap();
        append_numbers(&store, "a", 0..1);
        asked.recv_timeout(HANG).unwrap();
        let fence = store.begin_visibility_fence().unwrap();
        let ticket = fence.submit(&at("a"), KIND, &1u64).unwrap();
        // The loop comes with its answer while the fence is open.
        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        ticket.wait_durable().unwrap();
        assert_eq!(store.by_fact(ANSWER).len(), 0);
        match commits {
            true => fence.commit().unwrap(),
            false => fence.cancel().unwrap(),
        }
        let events = 1 + u64::from(commits);
        answers(&store, 1 + usize::from(commits));
        assert_eq!(numbers(&store, "answers"), (0..events).collect::<Vec<_>>());
        assert!(handle.error().is_none());
        drop(go_on);
        handle.join().unwrap();
    }
}

#[test]
fn whichever_comes_first() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let thread = store
        .react_loop(&Region::entity_exact("a"), echo(2))
        .unwrap();
    let rounds = scaled(50) as u64;
    for number in 0..rounds {
        append_numbers(&store, "a", number..number + 1);
        let fence = store.begin_visibility_fence().unwrap();
        fence.submit(&at("hidden"), KIND, &number).unwrap();
        drop(fence);
    }
    answers(&store, 2 * usize::try_from(rounds).unwrap());
    assert_eq!(store.diagnostics().reaction_fault, None);
    close(store);
    thread.join().unwrap();
}
