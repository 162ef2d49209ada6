use std::io::ErrorKind;

use super::*;
use crate::fs::{create_atomically, write_all_at};

fn with_file(bytes: &[u8]) -> MemoryFs {
    let fs = MemoryFs::new();
    fs.set_bytes("f", bytes.to_vec());
    fs
}

#[test]
fn a_clone_shares_and_a_snapshot_does_not() {
    let fs = with_file(b"one");
    let (clone, snapshot) = (fs.clone(), fs.snapshot());
    let file = fs.open("f", Access::ReadWrite).unwrap();
    write_all_at(&*file, b"TWO", 0).unwrap();
    fs.create_directory("d").unwrap();
    assert_eq!(clone.bytes("f").unwrap(), b"TWO");
    assert!(clone.exists("d").unwrap());
    assert_eq!(snapshot.bytes("f").unwrap(), b"one");
    assert!(!snapshot.exists("d").unwrap());
    snapshot.set_bytes("f", vec![]);
    assert_eq!(fs.bytes("f").unwrap(), b"TWO");
}

#[test]
fn a_snapshot_is_what_a_crash_leaves_neither_locks_nor_faults() {
    let fs = with_file(b"");
    fs.set_bytes("d/g", vec![1]);
    let _held = fs.lock("lock").unwrap().unwrap();
    fs.fail_next(FsCall::List, ErrorKind::Other);
    let snapshot = fs.snapshot();
    assert_eq!(snapshot.list("").unwrap(), ["f", "lock"]);
    assert_eq!(snapshot.list("d").unwrap(), ["g"]);
    assert!(snapshot.lock("lock").unwrap().is_some());
}

#[test]
fn the_boot_id_belongs_to_the_handle() {
    let fs = with_file(b"kept");
    let rebooted = fs.clone().with_boot_id(Some([7; 16]));
    let unknown = fs.clone().with_boot_id(None);
    assert_eq!(rebooted.boot_id(), Some([7; 16]));
    assert_eq!(rebooted.snapshot().boot_id(), Some([7; 16]));
    assert_eq!(unknown.boot_id(), None);
    assert_ne!(fs.boot_id(), rebooted.boot_id());
    assert_eq!(rebooted.bytes("f").unwrap(), b"kept");
}

#[test]
fn corruption_flips_the_bits_of_one_byte() {
    let fs = with_file(b"\x00\x0F");
    fs.corrupt("f", 1, 0xFF).unwrap();
    assert_eq!(fs.bytes("f").unwrap(), [0x00, 0xF0]);
    let beyond = fs.corrupt("f", 2, 1).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::UnexpectedEof);
    let missing = fs.corrupt("g", 0, 1).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn set_bytes_changes_the_file_that_is_open() {
    let fs = with_file(b"before");
    let file = fs.open("f", Access::Read).unwrap();
    fs.set_bytes("f", b"after".to_vec());
    assert_eq!(file.len().unwrap(), 5);
    fs.set_bytes("a/b/c", vec![]);
    assert_eq!(fs.list("a/b").unwrap(), ["c"]);
}

#[test]
fn a_file_cannot_grow_without_limit() {
    let fs = with_file(b"");
    let file = fs.open("f", Access::ReadWrite).unwrap();
    for offset in [1 << 31, 1 << 40, u64::MAX] {
        let refused = ErrorKind::FileTooLarge;
        assert_eq!(file.write_at(b"x", offset).unwrap_err().kind(), refused);
        assert_eq!(file.truncate(offset).unwrap_err().kind(), refused);
        assert_eq!(file.allocate(offset, 1).unwrap_err().kind(), refused);
    }
    assert_eq!(file.len().unwrap(), 0);
}

#[test]
fn debug_output_names_files_and_hides_bytes() {
    let fs = with_file(b"secret");
    let file = fs.open("f", Access::Read).unwrap();
    let text = format!("{fs:?} {file:?}");
    assert!(text.contains("\"f\"") && !text.contains("115"), "{text}");
}

type Call<'a> = Box<dyn Fn() -> io::Result<()> + 'a>;

/// The operation that each name stands for.
fn calls(fs: &MemoryFs) -> Vec<(FsCall, Call<'_>)> {
    let file = fs.open("f", Access::ReadWrite).unwrap();
    let on_file = move |call: fn(&dyn File) -> io::Result<()>| {
        let file = Arc::clone(&file);
        move || call(&*file)
    };
    vec![
        (FsCall::List, Box::new(|| fs.list("").map(drop))),
        (
            FsCall::Open,
            Box::new(|| fs.open("f", Access::Read).map(drop)),
        ),
        (FsCall::CreateNew, Box::new(|| fs.create_new("g").map(drop))),
        (FsCall::Rename, Box::new(|| fs.rename("g", "h"))),
        (FsCall::Remove, Box::new(|| fs.remove("h"))),
        (
            FsCall::CreateDirectory,
            Box::new(|| fs.create_directory("d")),
        ),
        (FsCall::SyncDirectory, Box::new(|| fs.sync_directory(""))),
        (FsCall::Lock, Box::new(|| fs.lock("lock").map(drop))),
        (FsCall::Exists, Box::new(|| fs.exists("f").map(drop))),
        (
            FsCall::ReadAt,
            Box::new(on_file(|file| file.read_at(&mut [0], 0).map(drop))),
        ),
        (
            FsCall::WriteAt,
            Box::new(on_file(|file| file.write_at(b"x", 0).map(drop))),
        ),
        (FsCall::Len, Box::new(on_file(|file| file.len().map(drop)))),
        (FsCall::Truncate, Box::new(on_file(|file| file.truncate(9)))),
        (
            FsCall::Allocate,
            Box::new(on_file(|file| file.allocate(0, 10))),
        ),
        (FsCall::SyncData, Box::new(on_file(|file| file.sync_data()))),
        (FsCall::SyncAll, Box::new(on_file(|file| file.sync_all()))),
    ]
}

#[test]
fn an_ordered_fault_strikes_its_call_alone_and_nothing_is_done() {
    let fs = with_file(b"");
    let all = calls(&fs);
    for (struck, _) in &all {
        let before = format!("{:?} {:?}", fs.bytes("f"), fs);
        fs.fail_next(*struck, ErrorKind::StorageFull);
        fs.fail_next(*struck, ErrorKind::TimedOut);
        let (_, call) = all.iter().find(|(name, _)| name == struck).unwrap();
        assert_eq!(
            call().unwrap_err().kind(),
            ErrorKind::StorageFull,
            "{struck:?}"
        );
        assert_eq!(
            call().unwrap_err().kind(),
            ErrorKind::TimedOut,
            "{struck:?}"
        );
        assert_eq!(
            format!("{:?} {:?}", fs.bytes("f"), fs),
            before,
            "{struck:?}"
        );
        call().unwrap();
    }
}

#[test]
fn a_fault_waits_for_its_call() {
    let fs = with_file(b"");
    fs.fail_next(FsCall::SyncAll, ErrorKind::Other);
    create_atomically(&fs, "g", b"x").unwrap();
    let file = fs.open("g", Access::Read).unwrap();
    assert!(file.sync_all().is_err());
    file.sync_all().unwrap();
}
