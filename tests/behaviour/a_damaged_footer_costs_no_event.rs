//! The footer of a closed store is advisory: whatever becomes of it, every event is still there.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::BTreeMap;

/// A closed store of one segment, with the place where its footer starts.
fn closed() -> (BTreeMap<String, Vec<u8>>, String, usize) {
    let directory = temporary();
    let store = open(directory.path());
    let receipts = append_numbers(&store, "a", 0..6);
    store.close().unwrap();
    let last = receipts[5].disk_pos;
    let files = contents(directory.path());
    let footer = usize::try_from(last.offset).unwrap() + last.length as usize;
    let name = "000001.fbat".to_owned();
    assert!(
        footer < files[&name].len(),
        "a closed segment ends with a footer"
    );
    (files, name, footer)
}

#[test]
fn cut_at_every_byte() {
    let (files, name, footer) = closed();
    for cut in footer..files[&name].len() {
        let mut files = files.clone();
        files.get_mut(&name).unwrap().truncate(cut);
        let directory = directory_of(&files);
        let store = Store::open(config(directory.path()))
            .unwrap_or_else(|error| panic!("cut at {cut}, footer at {footer}: {error}"));
        assert_eq!(numbers(&store, "a"), [0, 1, 2, 3, 4, 5], "cut at {cut}");
        assert_sound(&store, 6);
        append_numbers(&store, "a", 6..7);
        store.close().unwrap();
        assert_eq!(numbers(&open(directory.path()), "a"), [0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn flipped_at_every_byte() {
    let (files, name, footer) = closed();
    let mut refused = 0;
    for at in footer..files[&name].len() {
        let mut files = files.clone();
        files.get_mut(&name).unwrap()[at] ^= 0x10;
        let directory = directory_of(&files);
        match Store::open(config(directory.path())) {
            Ok(store) => {
                assert_eq!(numbers(&store, "a"), [0, 1, 2, 3, 4, 5], "flipped at {at}");
                assert_sound(&store, 6);
            }
            Err(StoreError::CorruptSegment { .. }) => refused += 1,
            Err(error) => panic!("flipped at {at}: {error}"),
        }
    }
    println!(
        "{refused} of {} flips were refused",
        files[&name].len() - footer
    );
}

#[test]
fn the_checkpoint_may_be_gone_or_hold_anything() {
    let (files, _, _) = closed();
    let checkpoint = "checkpoint.fbcp";
    let whole = files[checkpoint].clone();
    let mut forms: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new()), Some(vec![0xff; 5000])];
    forms.extend((0..whole.len()).map(|cut| Some(whole[..cut].to_vec())));
    forms.extend((0..whole.len()).map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        Some(flipped)
    }));
    for (form, bytes) in forms.into_iter().enumerate() {
        let mut files = files.clone();
        match bytes {
            Some(bytes) => drop(files.insert(checkpoint.to_owned(), bytes)),
            None => drop(files.remove(checkpoint)),
        }
        let directory = directory_of(&files);
        let store = Store::open(config(directory.path()))
            .unwrap_or_else(|error| panic!("form {form}: {error}"));
        assert_eq!(numbers(&store, "a"), [0, 1, 2, 3, 4, 5]);
        append_numbers(&store, "a", 6..7);
        store.close().unwrap();
        assert_eq!(numbers(&open(directory.path()), "a").len(), 7);
    }
}
