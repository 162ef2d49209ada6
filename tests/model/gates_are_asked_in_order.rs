//! Gates are asked in the order of their pushing; the first denial ends it, unless all are wanted.

use batpak::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often it is asked, and answers by its name.
struct Answering {
    name: &'static str,
    asked: Arc<AtomicUsize>,
}

impl Gate<u32> for Answering {
    fn name(&self) -> &'static str {
        self.name
    }

    fn evaluate(&self, limit: &u32) -> Result<(), Denial> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.name {
            "denies" => Err(Denial::new(self.name, format!("over {limit}")).with_code("OVER")),
            "breaks" => panic!("no rule for {limit}"),
            "breaks with a constant" => panic!("no rule"),
            "breaks with a number" => std::panic::panic_any(7),
            _ => Ok(()),
        }
    }
}

/// Makes a set of gates, each with the count of its questions.
fn gates<const N: usize>(names: [&'static str; N]) -> (GateSet<u32>, [Arc<AtomicUsize>; N]) {
    let mut set = GateSet::new();
    let counts = names.map(|name| {
        let asked = Arc::new(AtomicUsize::new(0));
        set.push(Answering {
            name,
            asked: Arc::clone(&asked),
        });
        asked
    });
    (set, counts)
}

fn counted<const N: usize>(counts: &[Arc<AtomicUsize>; N]) -> [usize; N] {
    std::array::from_fn(|i| counts.get(i).unwrap().load(Ordering::Relaxed))
}

#[test]
fn without_gates_everything_passes() {
    let set = GateSet::<u32>::default();
    assert!(set.is_empty());
    assert_eq!(set.len(), 0);
    let receipt = set.evaluate(&1, Proposal::new("payload")).unwrap();
    assert_eq!(receipt.into_parts(), ("payload", vec![]));
    assert_eq!(set.evaluate_all(&1), []);
}

#[test]
fn a_receipt_names_the_gates_that_were_passed_in_order() {
    let (set, counts) = gates(["first", "second", "first"]);
    assert_eq!((set.len(), set.is_empty()), (3, false));
    assert_eq!(set.names(), ["first", "second", "first"]);
    let receipt = set.evaluate(&1, Proposal::new(String::from("p"))).unwrap();
    assert_eq!(receipt.payload(), "p");
    assert_eq!(receipt.gates_passed(), ["first", "second", "first"]);
    assert_eq!(counted(&counts), [1, 1, 1]);
}

#[test]
fn the_first_denial_wins_and_ends_it() {
    let (set, counts) = gates(["first", "denies", "breaks", "denies"]);
    let denial = set.evaluate(&9, Proposal::new(())).unwrap_err();
    assert_eq!(denial, Denial::new("denies", "over 9").with_code("OVER"));
    assert_eq!(counted(&counts), [1, 1, 0, 0]);
}

#[test]
fn all_denials_are_told_when_all_are_asked() {
    let (set, counts) = gates(["denies", "passes", "breaks", "denies"]);
    let denials = set.evaluate_all(&9);
    let told: Vec<_> = denials.iter().map(|denial| denial.gate).collect();
    assert_eq!(told, ["denies", "breaks", "denies"]);
    assert_eq!(counted(&counts), [1, 1, 1, 1]);
}

#[test]
fn a_gate_that_panics_denies_and_says_what_the_panic_said() {
    let expected = [
        ("breaks", "no rule for 9"),
        ("breaks with a constant", "no rule"),
        (
            "breaks with a number",
            "the gate panicked without a message",
        ),
    ];
    for (name, message) in expected {
        let defect = Denial::new(name, message).with_code("GATE_DEFECT");
        let (set, _) = gates([name, "passes"]);
        let refused = set.evaluate(&9, Proposal::new(())).unwrap_err();
        assert_eq!(refused, defect, "what is broken lets nothing pass");
        assert_eq!(set.evaluate_all(&9), [defect]);
    }
}

#[test]
fn a_denial_carries_code_and_context_and_is_an_error() {
    let denial = Denial::new("limit", "too much")
        .with_code("OVER")
        .with_context("asked", "9")
        .with_context("asked", "10");
    assert_eq!(denial.to_string(), "[limit] too much");
    let twice = [("asked", "9"), ("asked", "10")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(denial.context, twice);
    assert_eq!(
        serde_json::to_string(&denial).unwrap(),
        r#"{"gate":"limit","code":"OVER","message":"too much","#.to_owned()
            + r#""context":[["asked","9"],["asked","10"]]}"#
    );
    let error: Box<dyn std::error::Error + Send + Sync> = denial.into();
    assert!(error.source().is_none());
    let bare = Denial::new("", "");
    assert_eq!((bare.code.as_str(), bare.to_string().as_str()), ("", "[] "));
}

#[test]
fn gates_are_asked_from_many_threads_at_once() {
    let (set, counts) = gates(["passes", "also passes"]);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let set = &set;
            scope.spawn(move || {
                for _ in 0..100 {
                    let receipt = set.evaluate(&thread, Proposal::new(thread));
                    assert_eq!(receipt.unwrap().payload(), &thread);
                }
            });
        }
    });
    assert_eq!(counted(&counts), [400, 400]);
}

#[test]
fn a_gate_needs_no_description() {
    let gate = Answering {
        name: "plain",
        asked: Arc::default(),
    };
    assert_eq!(gate.description(), "");
}
