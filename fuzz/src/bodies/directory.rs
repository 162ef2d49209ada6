use super::{SEALED, mode};
use crate::checksums::seal_file;
use crate::damage;
use crate::depth::reached;
use crate::memory::{STORE, bounded};
use crate::vandal::made::{Files, config, coordinate, disk};
use batpak::prelude::*;
use batpak::testkit::Machine;
use fastrand::Rng;

/// Puts a directory into bytes: for each file its name and its bytes, lengths in front.
pub(crate) fn encode(mode: u8, files: &Files) -> Vec<u8> {
    let mut data = vec![mode];
    for (name, bytes) in files {
        data.push(name.len() as u8);
        data.extend(name.as_bytes());
        data.extend((bytes.len() as u32).to_be_bytes());
        data.extend(bytes);
    }
    data
}

/// Takes a directory out of bytes; what is not whole is left out.
pub(crate) fn decode(mut data: &[u8]) -> Files {
    let mut files = Files::new();
    while let Some((name, bytes, rest)) = decode_one(data) {
        let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !name.is_empty() && name.bytes().all(may_be) && !name.starts_with('.') {
            files.insert(name.to_owned(), bytes.to_vec());
        }
        data = rest;
    }
    files
}

fn decode_one(data: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (length, rest) = data.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = (u32::from_be_bytes(*length) as usize).min(rest.len());
    let (bytes, rest) = rest.split_at(length);
    Some((std::str::from_utf8(name).ok()?, bytes, rest))
}

/// Damages some files of a directory, and sometimes the directory itself.
pub(super) fn damaged(random: &mut Rng, samples: &[Vec<u8>], length_max: usize) -> Vec<u8> {
    if random.u8(..) < 16 {
        return damage::damaged(random, samples, length_max);
    }
    let sample = &samples[random.usize(..samples.len())];
    let other = &samples[random.usize(..samples.len())];
    let (mut files, others) = (decode(&sample[1..]), decode(&other[1..]));
    let donors: Vec<_> = others.into_values().collect();
    for _ in 0..1 << random.u32(0..3) {
        let names: Vec<_> = files.keys().cloned().collect();
        if names.is_empty() {
            break;
        }
        let name = &names[random.usize(..names.len())];
        match random.u8(0..10) {
            0 => drop(files.remove(name)),
            1 => drop(files.insert(name.clone(), donors[random.usize(..donors.len())].clone())),
            2 => {
                let to = format!("{:06}.fbat", random.u8(1..12));
                files.insert(to, files[name].clone());
            }
            _ => {
                let mut from = vec![files[name].clone()];
                from.push(donors[random.usize(..donors.len())].clone());
                from.truncate(random.usize(1..3));
                let bytes = damage::damaged(random, &from, length_max);
                files.insert(name.clone(), bytes);
            }
        }
    }
    encode(sample[0] ^ random.u8(0..2), &files)
}

pub(super) fn body(data: &[u8]) {
    let Some((mode, rest)) = mode(data) else {
        return;
    };
    let mut files = decode(&rest);
    if mode & SEALED != 0 {
        for (name, bytes) in &mut files {
            seal_file(name, bytes);
        }
    }
    let machine = Machine::with_disk(disk(&files), 5);
    bounded(data.len(), STORE, || open(&machine));
}

fn open(machine: &Machine) {
    if let Ok(store) = machine.open_read_only(config("hostile")) {
        drop(read(&store));
        store.close().unwrap();
    }
    let Ok(store) = machine.open(config("hostile")) else {
        return;
    };
    let before = read(&store);
    let appended = store.append(&coordinate(1), EventKind::DATA, &"more");
    let after = read(&store);
    let closed = store.close();
    let (Ok(mut due), Ok(receipt), Ok(after), Ok(_)) = (before, appended, after, closed) else {
        return;
    };
    reached();
    due.push(receipt.event_id);
    assert_eq!(after, due, "an append changes what is read");
    let store = machine
        .open(config("hostile"))
        .expect("what was closed opens");
    assert_eq!(read(&store).expect("what was read is read"), due);
    store.close().unwrap();
}

/// Reads all events in several ways, and returns their ids in order.
fn read<S>(store: &Store<S>) -> Result<Vec<u128>, StoreError> {
    let mut ids = Vec::new();
    let mut result = Ok(());
    for entry in store.events(&Region::all(), 0) {
        assert!(result.is_ok(), "an iterator goes on behind its error");
        match entry {
            Ok(entry) => {
                let _ = store.get_raw(entry.event_id);
                let _ = store.get(entry.event_id);
                ids.push(entry.event_id);
            }
            Err(error) => result = Err(error),
        }
    }
    let _ = store.verify();
    let _ = store.try_stream("entity:1");
    let _ = store.try_by_scope("scope:1");
    result.map(|()| ids)
}
