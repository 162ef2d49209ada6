//! A crash while a repair writes leaves a directory that no opening takes for a store, or all of
//! it; a disk that fails leaves nothing.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{Call, Fault, Fs, FsCall, Keep, Loss, Machine, SimFs, repair_to};
use std::sync::{Arc, Mutex};

/// A store with damage in it.
fn damaged() -> Arc<dyn Fs> {
    let (mut files, _) = rich_store();
    let name = segments(&files)[1].clone();
    let middle = files[&name].len() / 2;
    files.get_mut(&name).unwrap()[middle] ^= 0x10;
    Arc::new(directory_of(&files))
}

fn told(disk: SimFs) -> Result<Vec<u128>, StoreError> {
    let store = Machine::with_disk(disk, 1).open(StoreConfig::new("simulated"))?;
    let all = store.try_query(&Region::all())?;
    Ok(all.iter().map(|entry| entry.event_id).collect())
}

#[test]
fn after_any_crash() {
    let from = damaged();
    let copy = SimFs::new();
    let images = Arc::new(Mutex::new(Vec::new()));
    let (disk, kept) = (copy.clone(), Arc::clone(&images));
    copy.observe(Some(Box::new(move |call: &Call<'_>| {
        if call.changes() {
            let mut random = fastrand::Rng::with_seed(call.index);
            for keep in [Keep::Nothing, Keep::Some] {
                let loss = Loss::Power { sector: 512, keep };
                kept.lock().unwrap().push(disk.crash(loss, &mut random));
            }
            let killed = disk.crash(Loss::Kill, &mut random);
            kept.lock().unwrap().push(killed);
        }
    })));
    let report = repair_to(&from, Arc::new(copy.clone())).unwrap();
    copy.observe(None);
    assert!(report.saved_events > 0);
    let mut random = fastrand::Rng::with_seed(1);
    let loss = Loss::Power {
        sector: 512,
        keep: Keep::Nothing,
    };
    let expected = told(copy.crash(loss, &mut random)).unwrap();
    let (mut whole, mut refused) = (0, 0);
    for image in std::mem::take(&mut *images.lock().unwrap()) {
        let files = image.files();
        match told(image) {
            Ok(events) if files.iter().all(|name| name == "store.lock") => {
                assert_eq!(events, Vec::<u128>::new());
            }
            Ok(events) => {
                assert_eq!(events, expected);
                whole += 1;
            }
            Err(StoreError::UnfinishedSnapshot) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(
        refused > 20 && whole > 0,
        "{refused} refused, {whole} whole"
    );
}

#[test]
fn a_disk_that_fails_is_told_and_left_empty() {
    let from = damaged();
    for nth in 0.. {
        let copy = SimFs::new();
        let fault = Fault::Error(std::io::ErrorKind::StorageFull);
        copy.fail_nth(FsCall::WriteAt, nth, fault);
        match repair_to(&from, Arc::new(copy.clone())) {
            Ok(_) => {
                assert!(nth > 5);
                break;
            }
            Err(_) => {
                let mut left = copy.list("").unwrap();
                left.retain(|name| name != "store.lock");
                assert_eq!(left, Vec::<String>::new());
            }
        }
    }
}
