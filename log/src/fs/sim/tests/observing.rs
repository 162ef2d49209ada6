//! What an observer sees and may do.

use super::*;

/// Crashes the disk within every call of a kind and collects the images.
fn crash_within(fs: &SimFs, wanted: FsCall, loss: Loss, times: usize) -> Arc<Mutex<Vec<SimFs>>> {
    let images = Arc::new(Mutex::new(Vec::new()));
    let (disk, sink) = (fs.clone(), Arc::clone(&images));
    let mut random = seeded_random();
    fs.observe(Some(Box::new(move |call| {
        if call.call == wanted {
            let mut sink = sink.lock().unwrap();
            sink.extend((0..times).map(|_| disk.crash(loss, &mut random)));
        }
    })));
    images
}

fn all_bytes(images: &Mutex<Vec<SimFs>>) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = images.lock().unwrap().iter().map(bytes_of_f).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn every_call_is_shown_before_its_effect() {
    let (fs, file) = with_file(b"abc");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (sink, disk) = (Arc::clone(&seen), fs.clone());
    fs.observe(Some(Box::new(move |call| {
        let before = disk.files();
        let shown = (call.index, call.call, call.name.to_owned(), call.bytes);
        sink.lock().unwrap().push((shown, before, call.changes()));
    })));
    let start = fs.calls();
    fs.rename("f", "g").unwrap();
    file.write_at(b"xy", 0).unwrap();
    file.read_at(&mut [0; 7], 0).unwrap();
    fs.observe(None);
    fs.list("").unwrap();
    let f = || String::from("f");
    let seen = seen.lock().unwrap();
    let wanted = [
        ((start, FsCall::Rename, f(), 0), vec![f()], true),
        ((start + 1, FsCall::WriteAt, f(), 2), vec!["g".into()], true),
        ((start + 2, FsCall::ReadAt, f(), 7), vec!["g".into()], false),
    ];
    assert_eq!(*seen, wanted);
}

#[test]
fn a_write_about_to_be_made_is_torn_by_a_kill() {
    let (fs, file) = with_file(b"....");
    let images = crash_within(&fs, FsCall::WriteAt, Loss::Kill, 200);
    write(&*file, 2, b"abcd");
    let wanted = [&b"...."[..], b"..a.", b"..ab", b"..abc", b"..abcd"];
    assert_eq!(all_bytes(&images), wanted);
    for image in images.lock().unwrap().iter() {
        assert_eq!(left(image, NOTHING), b"....", "nothing of it is durable");
    }
    assert_eq!(fs.bytes("f").unwrap(), b"..abcd", "once and no more");
    assert_eq!(fs.pending_changes(), 2, "a length and a write");
}

#[test]
fn a_write_about_to_be_made_is_pending_in_a_power_cut() {
    let (fs, file) = with_file(b"........");
    let images = crash_within(&fs, FsCall::WriteAt, SOME, 500);
    write(&*file, 0, b"abcdefgh");
    let wanted = [&b"........"[..], b"....efgh", b"abcd....", b"abcdefgh"];
    assert_eq!(all_bytes(&images), wanted);
    for (loss, wanted) in [(ALL, b"ABCDEFGH"), (NOTHING, b"........")] {
        let images = crash_within(&fs, FsCall::WriteAt, loss, 1);
        write(&*file, 0, b"ABCDEFGH");
        assert_eq!(all_bytes(&images), [wanted]);
    }
}

#[test]
fn a_sync_about_to_be_made_has_done_nothing() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    let images = crash_within(&fs, FsCall::SyncData, NOTHING, 1);
    file.sync_data().unwrap();
    assert_eq!(all_bytes(&images), [b"old"]);
    assert_eq!(left(&fs, NOTHING), b"new");
}

#[test]
fn an_observer_calls_orders_and_kills() {
    let (fs, file) = with_file(b"abc");
    let disk = fs.clone();
    fs.observe(Some(Box::new(move |call| {
        if call.call == FsCall::Len {
            disk.fault(call.index, Fault::Interrupted);
        } else if call.call == FsCall::WriteAt {
            disk.die();
        } else {
            disk.create_new("made").unwrap();
        }
    })));
    assert_eq!(kind_of(file.len()), ErrorKind::Interrupted);
    assert_eq!(fs.list("").unwrap(), ["f", "made"]);
    assert!(file.write_at(b"x", 0).is_err(), "it died before the write");
    assert_eq!(fs.bytes("f").unwrap(), b"abc");
}

#[test]
fn an_observer_that_panics_goes_on_observing() {
    let (fs, file) = with_file(b"");
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    fs.observe(Some(Box::new(move |_| {
        *counted.lock().unwrap() += 1;
        assert!(*counted.lock().unwrap() != 1, "the first call");
    })));
    assert!(catch_unwind(AssertUnwindSafe(|| file.write_at(b"x", 0))).is_err());
    assert!(enter(&fs.disk).in_flight.is_none());
    assert!(fs.bytes("f").unwrap().is_empty());
    write(&*file, 0, b"x");
    assert_eq!(*count.lock().unwrap(), 2);
}

#[test]
fn an_observer_may_take_itself_away() {
    let (fs, file) = with_file(b"");
    let (disk, count) = (fs.clone(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&count);
    fs.observe(Some(Box::new(move |_| {
        *counted.lock().unwrap() += 1;
        disk.observe(None);
    })));
    file.len().unwrap();
    file.len().unwrap();
    assert_eq!(*count.lock().unwrap(), 1);
}
