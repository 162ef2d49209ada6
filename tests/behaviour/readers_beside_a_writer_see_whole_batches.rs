//! A reader beside a writing process sees whole batches only, in order, and creates nothing.

use crate::harness::*;
use batpak::prelude::*;
use std::path::Path;

const CHILD: &str = "readers_beside_a_writer_see_whole_batches::child_writes_batches";
const BATCH: u64 = 5;

#[test]
fn child_writes_batches() {
    let Some((role, directory)) = part_to_play() else {
        return;
    };
    let config = config(&directory).with_segment_max_bytes(8 * 1024);
    let store = Store::open(config).unwrap();
    tell_parent("open");
    let mut number = 0;
    for round in 0..role.parse::<u64>().unwrap() {
        if round % 10 == 0 && !hear_parent() {
            break;
        }
        let items = (0..BATCH).map(|place| item(&format!("entity:{place}"), number + place));
        store.append_batch(items.collect()).unwrap();
        number += BATCH;
        tell_parent(&number.to_string());
    }
    hear_parent();
    store.close().unwrap();
    tell_parent("closed");
}

/// Reads everything that a reader sees now: whole batches, in order.
fn read_all(reader: &Store<ReadOnly>) -> u64 {
    reader.refresh().unwrap();
    let entries = reader.query(&Region::all());
    for (place, entry) in (0..).zip(&entries) {
        let read = reader.get_as::<u64>(entry.event_id).unwrap();
        assert_eq!(read.event.payload, place, "out of order");
    }
    let seen = entries.len() as u64;
    assert_eq!(seen % BATCH, 0, "{seen} events are not whole batches");
    seen
}

fn assert_created_nothing(directory: &Path) {
    for name in contents(directory).keys() {
        let known = name.ends_with(".fbat") || name == "next.tmp" || name == "checkpoint.fbcp";
        assert!(known || name.starts_with("checkpoint"), "what is {name}?");
    }
}

#[test]
fn refresh_and_cursor_follow_another_process() {
    let rounds = scaled(30) as u64 * 10;
    let directory = temporary();
    let mut child = Playing::start(CHILD, &rounds.to_string(), directory.path());
    child.expect("open");
    let reader = open_read_only(directory.path());
    let mut cursor = reader.cursor_guaranteed(&Region::all());
    let mut followed = Vec::new();
    assert_eq!(read_all(&reader), 0);
    let mut acked = 0;
    let mut seen_before = 0;
    for _ in 0..rounds / 10 {
        child.go_on();
        // While the child writes ten batches, look whenever one is acknowledged.
        for _ in 0..10 {
            acked = child.hear().unwrap().parse().unwrap();
            let seen = read_all(&reader);
            assert!(seen >= acked, "{acked} were acknowledged, {seen} are seen");
            assert!(seen >= seen_before, "what was seen is seen again");
            seen_before = seen;
            while let Some(entry) = cursor.try_poll().unwrap() {
                followed.push(entry.global_sequence);
            }
            assert!(followed.len() as u64 >= acked);
        }
    }
    let late = open_read_only(directory.path());
    assert_eq!(read_all(&late), acked);
    assert_created_nothing(directory.path());
    child.go_on();
    child.expect("closed");
    child.finish();
    // The clean close, with its footer and a merge, changes nothing for those who read on.
    assert_eq!(read_all(&reader), acked);
    assert_eq!(cursor.try_poll().unwrap(), None);
    assert!(followed.is_sorted_by(|one, next| one < next));
    assert_eq!(followed.len() as u64, acked);
    assert_sound(&reader, followed.len());
    assert!(reader.diagnostics().read_fault.is_none());
}

#[test]
fn a_reader_goes_on_when_the_writer_is_killed_and_another_takes_over() {
    let directory = temporary();
    let mut child = Playing::start(CHILD, "1000000", directory.path());
    child.expect("open");
    child.go_on();
    let reader = open_read_only(directory.path());
    while child.hear().unwrap() != "50" {}
    child.kill();
    assert_eq!(read_all(&reader), 50);
    let store = open(directory.path());
    store
        .append_batch((50..55).map(|number| item("entity:0", number)).collect())
        .unwrap();
    assert_eq!(read_all(&reader), 55);
    store.close().unwrap();
    assert_eq!(read_all(&reader), 55);
}

#[test]
fn a_reader_without_a_wish_to_write_follows_many_reopenings() {
    let directory = temporary();
    open(directory.path()).close().unwrap();
    let reader = open_read_only(directory.path());
    let mut cursor = reader.cursor_guaranteed(&Region::all());
    let mut followed = Vec::new();
    for cycle in 0..40 {
        let store = open(directory.path());
        append_numbers(&store, "a", cycle..cycle + 1);
        if cycle % 3 == 0 {
            followed.extend(cursor.try_poll_batch(100).unwrap());
        }
        // Closing merges small segments away under the reader.
        store.close().unwrap();
        assert_eq!(reader.try_stream("a").unwrap().len() as u64, cycle + 1);
        assert_eq!(numbers(&reader, "a"), (0..=cycle).collect::<Vec<_>>());
    }
    followed.extend(cursor.try_poll_batch(100).unwrap());
    let clocks: Vec<_> = followed.iter().map(|entry| entry.clock).collect();
    assert_eq!(clocks, (0..40).collect::<Vec<_>>());
}

/// Of the space that is reserved ahead, any number of bytes may be left.
#[test]
fn a_reader_is_content_with_whatever_is_left_of_the_reserved_space() {
    let directory = temporary();
    let store = open(directory.path());
    let last = append_numbers(&store, "a", 0..10).pop().unwrap();
    let end = last.disk_pos.offset + u64::from(last.disk_pos.length);
    let files = contents(directory.path());
    for left in 0..20 {
        let image = directory_of(&files);
        let segment = segments(image.path()).pop().unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(segment);
        file.unwrap().set_len(end + left).unwrap();
        let reader = open_read_only(image.path());
        let refreshed = reader.refresh();
        assert!(refreshed.is_ok(), "{left} bytes are left: {refreshed:?}");
        assert_eq!(numbers(&reader, "a"), (0..10).collect::<Vec<_>>());
    }
}
