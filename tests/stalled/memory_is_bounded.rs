//! However much is submitted to a disk that hangs, the process does not grow beyond the mailbox.

use super::disk::{ALL, Disk};
use super::*;
use std::process::Command;

const THREADS: u64 = 4;
const MEBIBYTE: usize = 1024 * 1024;
/// The process may grow by so much: the mailbox's 64 MiB, and half as much again.
const CAP: usize = 96 * MEBIBYTE;
/// Names the test that a child process is to play.
const CHILD: &str = "BATPAK_TEST_CHILD";

/// Runs a test in a process of its own, where nobody else takes memory.
fn alone(test: &str, play: impl FnOnce()) {
    if std::env::var(CHILD).is_ok() {
        return play();
    }
    let test = format!("memory_is_bounded::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &test)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

/// A line of the process's status, in bytes.
fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kibibytes = line.split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}

/// Submits from several threads to a disk that hangs; returns how many found room.
fn flood(capacity: usize, submits: u64, bytes: usize) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let config = StoreConfig::new(directory.path())
        .with_writer_channel_capacity(capacity)
        .with_reply_timeout(Some(Duration::ZERO));
    let store = open(config, &disk);
    let payload = "x".repeat(bytes);
    disk.hang(ALL, "");
    let before = status("VmRSS");
    let begun = std::time::Instant::now();
    let submit = || {
        let (mut tickets, mut busy) = (Vec::new(), 0);
        let coord = at("a");
        for _ in 0..submits / THREADS {
            match store.submit(&coord, KIND, &payload) {
                Ok(ticket) => tickets.push(ticket),
                Err(StoreError::Busy { .. }) => busy += 1,
                Err(error) => panic!("{error}"),
            }
        }
        (tickets, busy)
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(submit)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let grown = status("VmHWM").saturating_sub(before);
    let busy: u64 = outcomes.iter().map(|(_, busy)| busy).sum();
    let tickets: Vec<_> = outcomes
        .into_iter()
        .flat_map(|(tickets, _)| tickets)
        .collect();
    let accepted = tickets.len() as u64;
    println!(
        "{submits} submits of {bytes} bytes in {:?}: {accepted} found room, {busy} did not, \
         {} KiB more memory",
        begun.elapsed(),
        grown / 1024
    );
    assert_eq!(accepted + busy, submits);
    assert!(grown < CAP, "{grown} bytes more, the cap is {CAP}");

    // Each of them was promised an answer.
    disk.release();
    for ticket in tickets {
        ticket.receiver().recv_timeout(HANG).unwrap().unwrap();
    }
    assert_eq!(store.stats().event_count as u64, accepted);
    assert_eq!(store.verify().unwrap().first_bad, None);
    store.close().unwrap();
    accepted
}

/// The number of commands is what holds: those being written, those offered, those that wait.
#[test]
fn by_a_million_small_events() {
    alone("by_a_million_small_events", || {
        let accepted = flood(4096, 1_000_000, 160);
        assert!((4096..=3 * 4096).contains(&accepted), "{accepted}");
    });
}

/// The number of bytes is what holds: 64 MiB that wait, and 16 MiB that are being written.
#[test]
fn by_large_events() {
    alone("by_large_events", || {
        let accepted = flood(100_000, 2000, MEBIBYTE);
        assert!((60..=81).contains(&accepted), "{accepted}");
    });
}
