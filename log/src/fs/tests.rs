//! What all file systems promise, tested on each, and the functions over any file.

#![expect(
    clippy::disallowed_types,
    reason = "a double of a file counts its calls behind a lock"
)]

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Mutex;

use super::*;
use crate::seed::seeded_random;

mod conformance;
mod lockstep;

/// Runs a check over an empty directory of each kind.
fn on_each(check: impl Fn(&dyn Fs)) {
    check(&MemoryFs::new());
    check(&SimFs::new());
    let directory = tempfile::tempdir().unwrap();
    check(&RealFs::create(directory.path()).unwrap());
}

fn put(fs: &dyn Fs, name: &str, bytes: &[u8]) {
    write_all_at(&*fs.create_new(name).unwrap(), bytes, 0).unwrap();
}

fn get(fs: &dyn Fs, name: &str) -> Vec<u8> {
    all(&*fs.open(name, Access::Read).unwrap())
}

fn all(file: &dyn File) -> Vec<u8> {
    let len = usize::try_from(file.len().unwrap()).unwrap();
    read_range(file, 0, len).unwrap()
}

fn kind_of<T: Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// A file that gives the ordered answers and then works as the file behind it.
#[derive(Debug)]
struct Moody {
    file: Arc<dyn File>,
    /// `Ok(n)` lets the next read or write move at most n bytes.
    answers: Mutex<VecDeque<Result<usize, ErrorKind>>>,
}

impl Moody {
    fn new(bytes: &[u8], answers: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Self {
        let fs = MemoryFs::new();
        fs.set_bytes("f", bytes.to_vec());
        let file = fs.open("f", Access::ReadWrite).unwrap();
        let answers = Mutex::new(answers.into_iter().collect());
        Self { file, answers }
    }

    fn limit(&self, wanted: usize) -> io::Result<usize> {
        let answer = self.answers.lock().unwrap().pop_front();
        Ok(answer.unwrap_or(Ok(wanted))?.min(wanted))
    }
}

impl File for Moody {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let limit = self.limit(buffer.len())?;
        self.file.read_at(&mut buffer[..limit], offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let limit = self.limit(bytes.len())?;
        self.file.write_at(&bytes[..limit], offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.allocate(offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[test]
fn short_and_interrupted_calls_are_carried_on() {
    let moods = [Ok(1), Err(ErrorKind::Interrupted), Ok(2), Ok(1)];
    let file = Moody::new(b"", moods);
    write_all_at(&file, b"0123456789", 3).unwrap();
    assert_eq!(all(&*file.file), b"\0\0\x000123456789");
    let file = Moody::new(b"0123456789", moods);
    let mut buffer = [0; 8];
    read_exact_at(&file, &mut buffer, 1).unwrap();
    assert_eq!(&buffer, b"12345678");
}

#[test]
fn a_file_that_takes_nothing_is_an_error_and_not_a_loop() {
    let file = Moody::new(b"", [Ok(2), Ok(0)]);
    assert_eq!(
        kind_of(write_all_at(&file, b"0123", 0)),
        ErrorKind::WriteZero
    );
}

#[test]
fn other_errors_are_passed_on_at_once() {
    let file = Moody::new(b"0123", [Ok(2), Err(ErrorKind::StorageFull)]);
    let written = write_all_at(&file, b"4567", 0);
    assert_eq!(kind_of(written), ErrorKind::StorageFull);
    let file = Moody::new(b"0123", [Ok(2), Err(ErrorKind::TimedOut)]);
    assert_eq!(kind_of(read_range(&file, 0, 4)), ErrorKind::TimedOut);
}

#[test]
fn nothing_to_move_needs_no_call() {
    let file = Moody::new(b"", [Err(ErrorKind::Other)]);
    write_all_at(&file, b"", 0).unwrap();
    read_exact_at(&file, &mut [], 0).unwrap();
}

#[test]
fn reading_beyond_the_end_is_unexpected() {
    let file = Moody::new(b"0123", []);
    assert_eq!(read_range(&file, 1, 3).unwrap(), b"123");
    assert_eq!(read_range(&file, 4, 0).unwrap(), b"");
    assert_eq!(kind_of(read_range(&file, 1, 4)), ErrorKind::UnexpectedEof);
    let mut buffer = [0; 4];
    let read = read_exact_at(&file, &mut buffer, 1);
    assert_eq!(kind_of(read), ErrorKind::UnexpectedEof);
}

/// A damaged length field must cost an error, never the memory that it claims.
#[test]
fn a_claimed_length_is_compared_with_the_file_first() {
    let file = Moody::new(b"0123", []);
    let huge = isize::MAX.unsigned_abs();
    assert_eq!(
        kind_of(read_range(&file, 0, huge)),
        ErrorKind::UnexpectedEof
    );
    let overflow = read_range(&file, u64::MAX, 2);
    assert_eq!(kind_of(overflow), ErrorKind::InvalidInput);
}

#[test]
fn a_file_appears_in_one_step_and_replaces_what_was_there() {
    on_each(|fs| {
        fs.create_directory("d").unwrap();
        put(fs, "d/f.tmp", b"a leftover that is longer than the file");
        create_atomically(fs, "d/f", b"one").unwrap();
        assert_eq!(get(fs, "d/f"), b"one");
        create_atomically(fs, "d/f", b"two").unwrap();
        assert_eq!(get(fs, "d/f"), b"two");
        create_atomically(fs, "g", b"").unwrap();
        assert_eq!(fs.list("d").unwrap(), ["f"]);
        assert_eq!(fs.list("").unwrap(), ["g"]);
    });
}

#[test]
fn a_failed_replacement_leaves_the_old_file_and_no_other() {
    for call in [
        FsCall::CreateNew,
        FsCall::WriteAt,
        FsCall::SyncData,
        FsCall::Rename,
    ] {
        let fs = MemoryFs::new();
        create_atomically(&fs, "f", b"old").unwrap();
        fs.fail_next(call, ErrorKind::StorageFull);
        let replaced = create_atomically(&fs, "f", b"new");
        assert_eq!(kind_of(replaced), ErrorKind::StorageFull, "{call:?}");
        assert_eq!(fs.bytes("f").unwrap(), b"old", "{call:?}");
        assert_eq!(fs.list("").unwrap(), ["f"], "{call:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_synced_is_reported() {
    let fs = MemoryFs::new();
    fs.fail_next(FsCall::SyncDirectory, ErrorKind::Other);
    let created = create_atomically(&fs, "f", b"new");
    assert_eq!(kind_of(created), ErrorKind::Other);
    assert_eq!(fs.bytes("f").unwrap(), b"new");
}
