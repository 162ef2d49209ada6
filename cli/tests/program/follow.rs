//! Commands beside a process that writes.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, lines, program};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Starts a writer that stores each line it is given at once, and keeps the store open.
fn writer(store: &Path) -> (Child, ChildStdin) {
    let mut child = program(args!["import", "ndjson", "-", store, "--batch", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

fn tail(store: &Path, more: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut command = program(args!["tail", store, "--follow", "--json"]);
    let mut child = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn number(from: &mut impl BufRead) -> u64 {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    event["payload"]["n"].as_u64().unwrap()
}

#[test]
fn tail_follows_a_writer_and_ends_with_ctrl_c() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 10).as_bytes(),
    )
    .ok();
    let (mut writing, mut stdin) = writer(&store);
    let (mut following, mut events) = tail(&store, &["-n", "2"]);
    assert_eq!((number(&mut events), number(&mut events)), (8, 9));
    for expected in 10..400 {
        stdin
            .write_all(lines(expected, expected + 1).as_bytes())
            .unwrap();
    }
    drop(stdin);
    assert!(writing.wait().unwrap().success());
    for expected in 10..400 {
        assert_eq!(number(&mut events), expected);
    }
    let pid = following.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(following.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = Place::new();
    let store = place.path("store");
    let (mut writing, mut stdin) = writer(&store);
    let (mut following, mut events) = loop {
        stdin.write_all(lines(0, 3).as_bytes()).unwrap();
        if batpak(args!["tail", &store]).ok_or_not_there() {
            break tail(&store, &["-n", "100"]);
        }
    };
    assert_eq!(number(&mut events), 0);
    let second = batpak_fed(args!["import", "ndjson", "-", &store], b"");
    assert!(second.failed(3).contains("open for writing elsewhere"));
    for command in ["stats", "verify", "check"] {
        batpak(args![command, &store]).ok();
    }
    following.kill().unwrap();
    following.wait().unwrap();
    drop(stdin);
    assert!(writing.wait().unwrap().success());
}

#[test]
fn a_reader_of_the_output_may_go_away() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 5000).as_bytes(),
    )
    .ok();
    for command in [
        &args!["export", "ndjson", &store][..],
        &args!["stream", &store, "e:1"],
    ] {
        let mut child = program(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = BufReader::with_capacity(16, child.stdout.take().unwrap());
        let mut line = String::new();
        events.read_line(&mut line).unwrap();
        drop(events);
        let mut complaint = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaint)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(complaint, "");
    }
}
