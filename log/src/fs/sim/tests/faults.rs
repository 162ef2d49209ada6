//! What strikes a call, when, and what it leaves.

use super::*;

const OTHER: Fault = Fault::Error(ErrorKind::Other);

#[test]
fn a_fault_strikes_the_call_of_its_index_alone() {
    let (fs, file) = with_file(b"abc");
    let start = fs.calls();
    fs.fault(start + 1, Fault::Error(ErrorKind::TimedOut));
    assert_eq!(file.len().unwrap(), 3);
    assert_eq!(kind_of(file.truncate(1)), ErrorKind::TimedOut);
    file.truncate(2).unwrap();
    assert_eq!((fs.calls(), fs.injected()), (start + 3, 1));
    assert_eq!(fs.bytes("f").unwrap(), b"ab");
    assert_eq!(fs.calls(), start + 3, "surgery is no call");
}

#[test]
fn every_call_is_counted_once() {
    let fs = SimFs::new();
    let file = fs.create_new("f").unwrap();
    write(&*file, 0, b"x");
    file.read_at(&mut [0], 0).unwrap();
    file.len().unwrap();
    file.truncate(0).unwrap();
    file.allocate(0, 1).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    fs.list("").unwrap();
    fs.open("f", Access::Read).unwrap();
    fs.rename("f", "g").unwrap();
    fs.exists("g").unwrap();
    fs.remove("g").unwrap();
    fs.create_directory("d").unwrap();
    fs.sync_directory("d").unwrap();
    drop(fs.lock("lock").unwrap());
    assert!(fs.remove("/").is_err());
    fs.boot_id();
    assert_eq!(fs.calls(), 17);
}

#[test]
fn a_lasting_fault_strikes_all_calls_or_those_of_one_kind() {
    let (fs, file) = with_file(b"abc");
    fs.fail_from(fs.calls() + 1, Some(FsCall::Len), OTHER);
    file.len().unwrap();
    for _ in 0..3 {
        assert!(file.len().is_err());
        file.truncate(1).unwrap();
    }
    assert_eq!(fs.injected(), 3);
    fs.fail_from(fs.calls() + 1, None, Fault::Interrupted);
    assert_eq!(kind_of(file.len()), ErrorKind::Other);
    assert_eq!(
        kind_of(file.len()),
        ErrorKind::Interrupted,
        "the later order"
    );
    assert_eq!(kind_of(fs.list("")), ErrorKind::Interrupted);
    fs.clear_faults();
    assert_eq!((file.len().unwrap(), fs.injected()), (1, 6));
}

#[test]
fn a_fault_waits_for_the_nth_call_of_its_kind() {
    let (fs, file) = with_file(b"abc");
    file.len().unwrap();
    fs.fail_nth(FsCall::Len, 2, OTHER);
    fs.fail_next(FsCall::Len, OTHER);
    fs.fail_next(FsCall::Len, Fault::Interrupted);
    fs.fail_next(FsCall::Len, Fault::Error(ErrorKind::TimedOut));
    fs.list("").unwrap();
    let kinds = [0; 4].map(|_| kind_of(file.len()));
    let (other, interrupted) = (ErrorKind::Other, ErrorKind::Interrupted);
    assert_eq!(kinds, [other, interrupted, other, ErrorKind::TimedOut]);
    file.len().unwrap();
    assert_eq!(fs.injected(), 4);
}

#[test]
fn an_error_after_the_effect_leaves_the_effect() {
    let (fs, file) = with_file(b"old");
    let after = Fault::ErrorAfter(ErrorKind::Other);
    fs.fail_from(0, None, after);
    assert!(file.write_at(b"new", 0).is_err());
    assert!(file.sync_data().is_err());
    assert!(fs.create_new("g").is_err());
    assert!(fs.sync_directory("").is_err());
    assert!(fs.lock("lock").is_err());
    assert!(fs.rename("f", "h").is_err());
    assert_eq!(kind_of(fs.remove("missing")), ErrorKind::NotFound);
    assert_eq!(fs.injected(), 7);
    fs.clear_faults();
    assert_eq!(fs.files(), ["g", "h", "lock"]);
    assert!(fs.lock("lock").unwrap().is_some(), "nobody holds it");
    assert_eq!(left(&fs, NOTHING), b"new");
}

#[test]
fn writes_and_reads_are_short() {
    let (fs, file) = with_file(b"");
    fs.fail_next(FsCall::WriteAt, Fault::Short(3));
    fs.fail_next(FsCall::WriteAt, Fault::Zero);
    fs.fail_next(FsCall::WriteAt, Fault::Short(99));
    assert_eq!(file.write_at(b"12345", 0).unwrap(), 3);
    assert_eq!(file.write_at(b"45", 3).unwrap(), 0);
    assert_eq!(file.write_at(b"45", 3).unwrap(), 2);
    assert_eq!(fs.bytes("f").unwrap(), b"12345");
    fs.fail_from(fs.calls(), None, Fault::Short(0));
    assert_eq!(file.read_at(&mut [0; 9], 0).unwrap(), 1, "no false end");
    assert_eq!(file.read_at(&mut [0; 9], 5).unwrap(), 0);
    assert_eq!((file.len().unwrap(), fs.injected()), (5, 5));
}

#[test]
fn a_fault_that_means_nothing_to_a_call_does_not_strike() {
    let (fs, file) = with_file(b"abc");
    for fault in [Fault::Lie, Fault::Zero, Fault::Short(1)] {
        fs.fail_from(0, None, fault);
        file.truncate(3).unwrap();
        file.len().unwrap();
        assert_eq!(fs.injected(), 0, "{fault:?}");
    }
}

#[test]
fn an_interrupted_sync_loses_nothing() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    fs.fail_next(FsCall::SyncData, Fault::Interrupted);
    assert_eq!(kind_of(file.sync_data()), ErrorKind::Interrupted);
    file.sync_data().unwrap();
    assert_eq!(left(&fs, NOTHING), b"new");
}

#[test]
fn an_ordered_panic_leaves_the_disk_usable() {
    let written: [(_, &[u8]); 3] = [
        (When::Before, b"...."),
        (When::Middle, b"ab.."),
        (When::After, b"abcd"),
    ];
    for (when, bytes) in written {
        let (fs, file) = with_file(b"....");
        fs.fail_next(FsCall::WriteAt, Fault::Panic(when));
        let fell = catch_unwind(AssertUnwindSafe(|| file.write_at(b"abcd", 0)));
        assert!(fell.is_err());
        assert!(!fs.disk.is_poisoned());
        assert_eq!((fs.bytes("f").unwrap(), fs.injected()), (bytes.to_vec(), 1));
        fs.fail_next(FsCall::CreateNew, Fault::Panic(when));
        fs.fail_next(FsCall::Lock, Fault::Panic(when));
        assert!(catch_unwind(AssertUnwindSafe(|| fs.create_new("g"))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| fs.lock("lock"))).is_err());
        let is_made = when == When::After;
        assert_eq!(fs.exists("g").unwrap(), is_made);
        assert_eq!(fs.exists("lock").unwrap(), is_made);
        assert!(fs.lock("lock").unwrap().is_some());
        write(&*file, 0, b"more");
    }
}

#[test]
fn a_dead_disk_refuses_everything_and_changes_nothing() {
    let (fs, file) = with_file(b"old");
    write(&*file, 0, b"new");
    fs.fail_next(FsCall::Remove, Fault::Dead);
    assert_eq!(kind_of(fs.remove("f")), ErrorKind::Other);
    fs.clear_faults();
    assert!(file.write_at(b"x", 0).is_err());
    assert!(file.sync_all().is_err());
    assert!(fs.create_new("g").is_err());
    assert!(fs.sync_directory("").is_err());
    assert!(fs.lock("lock").is_err());
    assert!(file.len().is_err());
    assert_eq!((fs.files(), fs.injected()), (vec!["f".into()], 1));
    assert_eq!(left(&fs, ALL), b"new");
    assert_eq!(left(&fs, NOTHING), b"old");
    let crashed = fs.crash(ALL, &mut seeded_random());
    assert_eq!((crashed.calls(), crashed.injected()), (0, 0));
    assert!(crashed.exists("f").unwrap());
}

#[test]
fn noise_strikes_at_its_rate_and_again_in_the_same_way() {
    let run = |noise: Noise| {
        let (fs, file) = with_file(&[0; 10]);
        fs.noise(noise);
        let mut answers = Vec::new();
        for _ in 0..500 {
            answers.push(file.write_at(&[1; 10], 0).map_err(|error| error.kind()));
            answers.push(file.sync_data().map(|()| 0).map_err(|error| error.kind()));
            file.len().unwrap();
        }
        (answers, fs.injected())
    };
    let seed = seeded_random().u64(..);
    let quiet = Noise {
        seed,
        ..Noise::default()
    };
    assert_eq!(run(quiet).1, 0);
    let loud = Noise {
        short_write: 64,
        interrupted: 64,
        lying_sync: 64,
        error: 64,
        ..quiet
    };
    let (answers, struck) = run(loud);
    assert_eq!((answers.clone(), struck), run(loud));
    assert!((300..800).contains(&struck), "{struck}");
    for wanted in [ErrorKind::Interrupted, ErrorKind::Other] {
        assert!(answers.contains(&Err(wanted)), "{wanted:?}");
    }
    assert!(answers.iter().any(|answer| matches!(answer, Ok(1..10))));
    assert_ne!(
        run(Noise {
            seed: !seed,
            ..loud
        })
        .0,
        answers
    );
    let (fs, file) = with_file(b"");
    fs.noise(Noise {
        lying_sync: 255,
        ..quiet
    });
    write(&*file, 0, b"x");
    file.sync_data().unwrap();
    fs.clear_faults();
    assert!(fs.injected() == 0 || left(&fs, NOTHING).is_empty());
}
