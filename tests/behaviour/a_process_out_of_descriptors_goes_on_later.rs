//! A process that has no file descriptor left is refused, typed, whatever the store is at; with a
//! few free again the same store goes on, and nothing is lost.

use crate::harness::*;
use batpak::prelude::*;
use std::fs::File;
use std::process::{Command, Stdio};

const CHILD: &str = "a_process_out_of_descriptors_goes_on_later::child_appends";
const EVENTS: u64 = 60;

#[test]
fn child_appends() {
    let Some((role, directory)) = part_to_play() else {
        return;
    };
    let free: usize = role.parse().unwrap();
    let store = Store::open(config(&directory).with_segment_max_bytes(1024)).unwrap();
    let mut refused = 0;
    // They stay taken over several rotations: one new segment may have been prepared before.
    let mut taken = all_but(free);
    for number in 0..EVENTS {
        if let Err(error) = store.append(&at("a"), KIND, &number) {
            assert!(matches!(error, StoreError::Io(_)), "{number}: {error}");
            assert!(error.certainly_not_written());
            refused += 1;
            drop(taken);
            store.append(&at("a"), KIND, &number).unwrap();
            taken = all_but(free);
        }
    }
    drop(taken);
    store.close().unwrap();
    tell_parent(&format!("{refused}"));
}

/// Takes all file descriptors that this process may have but for a few.
fn all_but(free: usize) -> Vec<File> {
    let mut taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len().saturating_sub(free));
    taken
}

/// Segments of a few events, so that most of the refusals are in the middle of a rotation.
#[test]
fn at_any_number_of_descriptors() {
    let mut refused = 0;
    for free in 0..4 {
        let directory = temporary();
        let child = child_command(&this_program(), CHILD, &free.to_string(), directory.path());
        let limited = Command::new("sh")
            .args(["-c", "ulimit -n 60; exec \"$@\"", "sh"])
            .arg(child.get_program())
            .args(child.get_args())
            .envs(
                child
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&limited.stdout).into_owned();
        assert!(limited.status.success(), "{free} free: {told}");
        let count = told.lines().find_map(|line| line.strip_prefix('>'));
        refused += count.unwrap().parse::<usize>().unwrap();
        let store = open(directory.path());
        assert_eq!(numbers(&store, "a"), (0..EVENTS).collect::<Vec<_>>());
        assert_sound(&store, EVENTS as usize);
    }
    assert!(refused > 0, "the limit was never met");
}
