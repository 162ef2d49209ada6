//! The oracle finds what it looks for: one that believes everything would pass every row.

use crate::ledger::{After, Ledger};
use crate::plan::{KIND, Plan, Step, Style, Token};
use crate::rows::judge_acknowledgements;
use crate::strace::{parse, places};
use batpak::prelude::*;
use std::path::Path;

const PLAN: Plan = Plan {
    seed: 7,
    style: Style::Mixed,
};

fn token(number: u32) -> Token {
    Token {
        session: 0,
        thread: 1,
        number,
    }
}

/// A store that holds these events of one thread, and a ledger that has heard of `answered`.
fn judged(stored: &[u32], answered: u32) -> Result<(), String> {
    let answered = (answered > 0).then(|| format!("ack 0 1 {answered}"));
    judged_after(stored, answered.as_slice())
}

/// A store that holds these events of one thread, and a ledger that has heard these lines.
fn judged_after(stored: &[u32], told: &[String]) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    for number in stored {
        let event = PLAN.event(token(*number)).unwrap();
        let (options, payload) = (event.options(), &event.payload);
        let appended = store.append_with_options(&event.coordinate, KIND, payload, options);
        let _receipt = appended.unwrap();
    }
    let mut ledger = Ledger::new(PLAN);
    ledger.begin();
    for line in told {
        ledger.hear(line).unwrap();
    }
    let judged = ledger.judge(&store, After::Crash);
    judged.map_err(|error| format!("{error:#}"))
}

/// The first batch of the thread: its first number and its items.
fn first_batch() -> (u32, u32) {
    let mut number = 0;
    loop {
        let step = PLAN.step(token(number));
        if matches!(step, Step::Batch { items } if items > 1) {
            return (number, step.items());
        }
        number += step.items();
    }
}

fn assert_found(stored: &[u32], answered: u32, what: &str) {
    let found = judged(stored, answered).unwrap_err();
    assert!(found.contains(what), "{found}");
}

#[test]
fn what_was_sent_and_acknowledged_is_good() {
    let (batch, items) = first_batch();
    let all: Vec<u32> = (0..batch + items).collect();
    judged(&all, batch + items).unwrap();
    judged(&all, batch).unwrap();
    judged(&[], 0).unwrap();
}

#[test]
fn what_is_lost_torn_invented_or_out_of_order_is_found() {
    let (batch, items) = first_batch();
    let all: Vec<u32> = (0..batch + items).collect();
    assert_found(&all[..batch as usize], batch + items, "is lost");
    assert_found(&all[..all.len() - 1], batch, "are there");
    assert_found(&all[1..], 0, "before it is not");
    let mut end = 0;
    while end < 40 {
        end += PLAN.step(token(end)).items();
    }
    let many: Vec<u32> = (0..end).collect();
    assert_found(&many, 0, "nobody can have taken");
    let mut swapped = all;
    swapped.swap(0, 1);
    assert_found(&swapped, 0, "stands behind");
}

#[test]
fn what_was_refused_and_is_stored_is_found() {
    let (batch, items) = first_batch();
    let refused = [
        format!("refused 0 1 0-{batch}"),
        format!("ack 0 1 {}", batch + items),
    ];
    let rest: Vec<u32> = (batch..batch + items).collect();
    judged_after(&rest, &refused).unwrap();
    let found = judged_after(&[&[0], rest.as_slice()].concat(), &refused).unwrap_err();
    assert!(found.contains("was refused, and is stored"), "{found}");
}

#[test]
fn a_sequence_or_an_answer_that_changes_is_found() {
    let mut ledger = Ledger::new(PLAN);
    ledger.begin();
    let first = token(0).bits();
    let second = token(1).bits();
    ledger.hear(&format!("ack 0 1 1 {first:x}:5")).unwrap();
    ledger.hear(&format!("same {first:x}:5")).unwrap();
    ledger.hear(&format!("same {first:x}:6")).unwrap_err();
    ledger.hear(&format!("ack 0 1 1 {first:x}:5")).unwrap_err();
    ledger.hear(&format!("ack 0 1 2 {second:x}:5")).unwrap_err();
    ledger.hear("fault anything").unwrap_err();
}

const LOG: [&str; 8] = [
    "1 pwrite64(9</s/next.tmp>, \"\", 10, 0) = 10",
    "1 fsync(9</s/next.tmp>) = 0",
    "1 renameat(8</s>, \"next.tmp\", 8</s>, \"000001.fbat\") = 0",
    "1 fsync(8</s>) = 0",
    "1 pwrite64(9</s/000001.fbat>, \"\", 90, 10 <unfinished ...>",
    "1 <... pwrite64 resumed>) = 90",
    "1 fdatasync(9</s/000001.fbat>) = 0",
    "2 write(1<pipe:[7]>, \"at 000001.fbat 20 100\\n\", 22) = 22",
];

#[test]
fn an_acknowledgement_without_any_of_its_calls_is_found() {
    let judge = |lines: &[&str]| {
        let calls = parse(&lines.join("\n"));
        judge_acknowledgements(&calls, Path::new("/s")).map_err(|error| format!("{error:#}"))
    };
    assert_eq!(judge(&LOG), Ok(1));
    for (missing, what) in [
        (2, "has no name"),
        (4, "not written"),
        (3, "its segment's name"),
        (6, "before its sync"),
    ] {
        let mut lines = LOG.to_vec();
        lines.remove(missing);
        let found = judge(&lines).unwrap_err();
        assert!(found.contains(what), "{found}");
    }
    // Under way is not done: the acknowledgement leaves before the sync has returned.
    let mut early = LOG.to_vec();
    early[6] = "1 fdatasync(9</s/000001.fbat> <unfinished ...>";
    early.push("1 <... fdatasync resumed>) = 0");
    assert!(judge(&early).unwrap_err().contains("before its sync"));
}

#[test]
fn places_are_counted_for_each_thread() {
    let log = "1 fsync(3) = 0\n2 fsync(3) = 0\n1 fsync(3) = 0\n1 write(1, \"x\", 1) = 1";
    let found = places(&parse(log));
    let due = [("fsync", 1), ("fsync", 2), ("write", 1)];
    assert!(
        found
            .iter()
            .map(|(name, nth)| (name.as_str(), *nth))
            .eq(due)
    );
}
