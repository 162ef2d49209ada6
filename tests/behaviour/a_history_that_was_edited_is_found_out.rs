//! Whoever edits stored events and repairs every checksum is still found out: `verify` names the
//! first event whose content does not give its hash.

use crate::forged_log::{Forged, write_log, write_log_that_ends_as};
use crate::harness::*;
use batpak::prelude::*;

const EVENTS: u64 = 8;

/// A closed store of one segment: its directory, its bytes, and where its events stand.
fn written() -> (tempfile::TempDir, Vec<u8>, Vec<AppendReceipt>) {
    let directory = temporary();
    let store = open(directory.path());
    let receipts: Vec<_> = (0..EVENTS)
        .map(|number| {
            let entity = if number % 2 == 0 { "even" } else { "odd" };
            append_numbers(&store, entity, number..number + 1)[0]
        })
        .collect();
    store.close().unwrap();
    let bytes = std::fs::read(&segments(directory.path())[0]).unwrap();
    (directory, bytes, receipts)
}

/// Where the first group of a segment that replaces no others stands.
const FIRST_GROUP: usize = 168;

/// Changes a byte of an event's frame, counted from its end, and repairs the frame's checksum and
/// those of its group's header, in which the event is the last.
///
/// Checksums are bound to store and place, but their differences are those of the bytes alone.
fn edit(bytes: &mut [u8], receipt: &AppendReceipt, from_end: usize) {
    let start = receipt.disk_pos.offset as usize;
    let end = start + receipt.disk_pos.length as usize;
    bytes[end - from_end] ^= 1;
    let mut difference = vec![0; end - start - 8];
    let place = difference.len() - from_end;
    difference[place] = 1;
    let of_frame = crc_difference(&difference);
    let of_frames = crc_difference(&of_frame);
    let of_header = crc_difference(&of_frames);
    let marker = bytes[FIRST_GROUP..FIRST_GROUP + 8].to_vec();
    let group = (0..start)
        .rev()
        .find(|at| bytes[*at..].starts_with(&marker))
        .unwrap();
    for (at, difference) in [
        (start + 4, of_frame),
        (group + 36, of_frames),
        (group + 8, of_header),
    ] {
        for (byte, difference) in bytes[at..].iter_mut().zip(difference) {
            *byte ^= difference;
        }
    }
}

/// Returns how a checksum changes when the last bytes that it covers change like this.
fn crc_difference(difference: &[u8]) -> [u8; 4] {
    let unchanged = crc32(&vec![0; difference.len()]);
    (crc32(difference) ^ unchanged).to_be_bytes()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn an_edited_payload() {
    let (directory, bytes, receipts) = written();
    let segment = segments(directory.path()).remove(0);
    for (place, receipt) in receipts.iter().enumerate() {
        let mut edited = bytes.clone();
        // The payload, one small number, is the last byte of its frame.
        edit(&mut edited, receipt, 1);
        std::fs::write(&segment, &edited).unwrap();
        let store = open_read_only(directory.path());
        let read = store.get_as::<u64>(receipt.event_id).unwrap().event.payload;
        assert_eq!(read, place as u64 ^ 1, "the edit is a good one");
        let found = store.verify().unwrap();
        let bad = found.first_bad.expect("an edit that nobody noticed");
        assert_eq!(
            (bad.event_id, bad.sequence),
            (receipt.event_id, receipt.sequence)
        );
        assert_eq!(bad.entity, if place % 2 == 0 { "even" } else { "odd" });
        assert_eq!(found.events, place as u64, "what stands before it is good");
    }
    std::fs::write(&segment, &bytes).unwrap();
    assert_sound(&open_read_only(directory.path()), EVENTS as usize);
}

/// Everything that callers can see of a store.
fn visible<S>(store: &Store<S>) -> Vec<(IndexEntry, StoredEvent<Vec<u8>>)> {
    let read = |entry: IndexEntry| {
        let event = store.get_raw(entry.event_id).unwrap();
        (entry, event)
    };
    store.query(&Region::all()).into_iter().map(read).collect()
}

#[test]
fn any_byte_of_an_event() {
    let (directory, bytes, receipts) = written();
    let segment = segments(directory.path()).remove(0);
    let before = visible(&open_read_only(directory.path()));
    let receipt = &receipts[3];
    for from_end in 1..=receipt.disk_pos.length as usize - 8 {
        let mut edited = bytes.clone();
        edit(&mut edited, receipt, from_end);
        std::fs::write(&segment, &edited).unwrap();
        // An edit that makes no event, or another log hash, is refused by the opening already.
        let Ok(store) = Store::open_read_only(config(directory.path())) else {
            continue;
        };
        if store.verify().unwrap().first_bad.is_none() {
            // Whether the id was given by the caller is a note beside the event.
            let same = visible(&store) == before;
            assert!(same, "byte {from_end} from the end: nobody noticed");
        }
    }
}

/// A sound history of two entities, whose events take turns.
fn sound() -> Vec<Forged> {
    let mut history: Vec<Forged> = Vec::new();
    for number in 0..EVENTS as u8 {
        let place = usize::from(number);
        let before = place.checked_sub(2).map(|before| history[before]);
        let event = Forged {
            event_id: u128::from(number) + 1,
            entity: ["even", "odd"][place % 2],
            clock: u32::from(number / 2),
            after_us: u64::from(number),
            payload: [number],
            event_hash: [0; 32],
        };
        let prev_hash = before.map_or([0; 32], |before| before.event_hash);
        history.push(event.chained(&prev_hash));
    }
    history
}

/// Demands that in this history the first bad event is the one at a place; all before it are good.
fn assert_bad_at(history: &[Forged], place: usize, what: &str) {
    let directory = temporary();
    write_log(directory.path(), history);
    let found = open_read_only(directory.path()).verify().unwrap();
    let bad = found
        .first_bad
        .unwrap_or_else(|| panic!("nobody noticed: {what}"));
    assert_eq!(bad.sequence, place as u64, "{what}");
    assert_eq!(bad.event_id, history[place].event_id, "{what}");
    assert_eq!(bad.entity, history[place].entity, "{what}");
    assert_eq!(found.events, place as u64, "{what}");
}

#[test]
fn an_event_that_was_taken_out() {
    let directory = temporary();
    write_log(directory.path(), &sound());
    assert_sound(&open_read_only(directory.path()), EVENTS as usize);
    for place in 0..EVENTS as usize - 2 {
        let mut history = sound();
        history.remove(place);
        // The other entity's event stands there now, and behind it the next one.
        assert_bad_at(&history, place + 1, "a gap in the clocks");
        for later in history[place..].iter_mut().skip(1).step_by(2) {
            later.clock -= 1;
        }
        assert_bad_at(&history, place + 1, "clocks without a gap");
    }
}

#[test]
fn an_event_that_was_put_in() {
    for place in 0..EVENTS as usize - 2 {
        let mut history = sound();
        let before = history[place];
        let inserted = Forged {
            event_id: 99,
            clock: before.clock + 1,
            ..before
        };
        history.insert(place + 1, inserted);
        assert_bad_at(&history, place + 1, "with a hash of another event");
        history[place + 1] = inserted.chained(&before.event_hash);
        assert_bad_at(&history, place + 3, "with a hash of its own");
        for later in history[place + 3..].iter_mut().step_by(2) {
            later.clock += 1;
        }
        assert_bad_at(&history, place + 3, "with the clocks behind it mended");
    }
}

#[test]
fn events_that_were_exchanged() {
    for place in 0..EVENTS as usize - 2 {
        let mut history = sound();
        history.swap(place, place + 2);
        assert_bad_at(&history, place, "with their clocks");
        let (one, other) = (history[place].clock, history[place + 2].clock);
        history[place].clock = other;
        history[place + 2].clock = one;
        assert_bad_at(&history, place, "without their clocks");
    }
}

#[test]
fn an_event_that_was_given_to_another_entity() {
    for place in 0..EVENTS as usize {
        let mut history = sound();
        history[place].entity = ["odd", "even"][place % 2];
        assert_bad_at(&history, place, "an entity that it was not of");
    }
}

/// No chain can tell that an entity's latest event is not there; the fold over all events can.
#[test]
fn the_latest_event_of_an_entity_that_was_taken_out() {
    let directory = temporary();
    for taken in 1..=EVENTS as usize {
        let mut history = sound();
        history.truncate(EVENTS as usize - taken);
        write_log_that_ends_as(directory.path(), &history, &sound());
        let found = Store::open_read_only(config(directory.path()));
        let found = found.and_then(|store| store.verify());
        if let Ok(found) = found {
            let bad = found.first_bad.expect("nobody noticed");
            assert_eq!(bad.sequence, history.len() as u64, "{}", bad.detail);
            assert_eq!(bad.event_id, 0);
        }
    }
}
