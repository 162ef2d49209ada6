//! What the behaviours share: stores in temporary directories, seeds, images of crashed stores,
//! child processes, and a watch over hangs.

use batpak::event::EventKind;
use batpak::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A kind that callers may use.
pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
/// Everything that waits in a test gives up after this: a hang is a failure, not a stuck run.
pub(crate) const HANG: Duration = Duration::from_secs(30);
/// Names the part that a re-executed test binary plays.
const ROLE: &str = "BATPAK_TEST_ROLE";
/// Names the directory that a child works in.
const DIRECTORY: &str = "BATPAK_TEST_DIRECTORY";

/// Multiplies a count by `BATPAK_TEST_SCALE`.
pub(crate) fn scaled(count: usize) -> usize {
    let scale = std::env::var("BATPAK_TEST_SCALE").ok();
    let scale: f64 = scale.and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let scaled = (count as f64 * scale) as usize;
    scaled.max(1)
}

/// Returns a seeded source of chance and prints the seed; `BATPAK_TEST_SEED` replays one.
pub(crate) fn seeded(what: &str) -> fastrand::Rng {
    let seed = std::env::var("BATPAK_TEST_SEED").ok();
    let seed = seed
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("{what}: BATPAK_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

pub(crate) fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A configuration whose segments reserve little, so that images of a store are small.
pub(crate) fn config(directory: &Path) -> StoreConfig {
    StoreConfig::new(directory).with_segment_max_bytes(64 * 1024)
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(config(directory)).unwrap()
}

pub(crate) fn open_read_only(directory: &Path) -> Store<ReadOnly> {
    Store::open_read_only(config(directory)).unwrap()
}

/// Appends the numbers of a range to an entity.
pub(crate) fn append_numbers(
    store: &Store,
    entity: &str,
    numbers: std::ops::Range<u64>,
) -> Vec<AppendReceipt> {
    let coord = at(entity);
    numbers
        .map(|number| store.append(&coord, KIND, &number).unwrap())
        .collect()
}

/// Reads the numbers of an entity back, in order, from the log itself.
pub(crate) fn numbers<S>(store: &Store<S>, entity: &str) -> Vec<u64> {
    store
        .stream(entity)
        .iter()
        .map(|entry| {
            let read = store.get_as::<u64>(entry.event_id).unwrap();
            read.event.payload
        })
        .collect()
}

/// An item of a batch that asks for nothing.
pub(crate) fn item(entity: &str, number: u64) -> BatchAppendItem {
    item_with(entity, number, AppendOptions::new(), CausationRef::None)
}

pub(crate) fn item_with(
    entity: &str,
    number: u64,
    options: AppendOptions,
    causation: CausationRef,
) -> BatchAppendItem {
    BatchAppendItem::new(at(entity), KIND, &number, options, causation).unwrap()
}

/// Demands that every hash and every chain holds, over exactly so many events.
pub(crate) fn assert_sound<S>(store: &Store<S>, events: usize) {
    let found = store.verify().unwrap();
    assert_eq!(found.first_bad, None);
    assert_eq!(
        found.events, events as u64,
        "verify saw another number of events"
    );
    assert_eq!(store.stats().event_count, events);
}

/// The names and bytes of every file below a directory, apart from the lock file.
pub(crate) fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![directory.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().display().to_string();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                folders.push(path);
            } else if name != "store.lock" {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Writes files as [`contents`] returned them into a new directory.
pub(crate) fn directory_of(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let directory = temporary();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    directory
}

/// Demands that two directories hold the same files; says which differ, not their bytes.
pub(crate) fn assert_same_files(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after), "{what}: other files");
    for (name, bytes) in before {
        assert_eq!(
            bytes.len(),
            after[name].len(),
            "{what}: {name} has another size"
        );
        assert!(*bytes == after[name], "{what}: {name} has other bytes");
    }
}

/// The segments of a store, oldest first.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "fbat")
        })
        .collect();
    found.sort();
    found
}

/// Runs something that must come to an end, and fails if it does not.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, finished) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let outcome = work();
        let _ = done.send(());
        outcome
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = finished.recv_timeout(limit) {
        panic!("{what} did not end within {limit:?}");
    }
    worker.join().unwrap()
}

/// Runs `work` on so many threads at once and returns what each returned.
pub(crate) fn race<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(thread)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Makes the command that runs one test of this binary as a child with a part to play.
pub(crate) fn child_command(program: &str, test: &str, role: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// The path of this test binary.
pub(crate) fn this_program() -> String {
    std::env::current_exe().unwrap().display().to_string()
}

/// Returns what a child is asked to do, and where; `None` in a normal run, where a test that plays
/// a child has nothing to do.
pub(crate) fn part_to_play() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    Some((role, std::env::var_os(DIRECTORY)?.into()))
}

/// Writes a line to the parent with one call, past libtest and every buffer.
pub(crate) fn tell_parent(line: &str) {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
    // A parent that has gone is no business of the child.
    let _ = fs::File::from(stdout).write_all(format!("\n>{line}\n").as_bytes());
}

/// Waits for a line from the parent; `false` once it has gone.
pub(crate) fn hear_parent() -> bool {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .is_ok_and(|read| read > 0)
}

/// A child process that tells lines; killed when dropped.
pub(crate) struct Playing {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Playing {
    pub(crate) fn start(test: &str, role: &str, directory: &Path) -> Self {
        let mut child = child_command(&this_program(), test, role, directory)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Returns the next line that the child told; `None` at its end.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            // A line that the kill cut off is not a line.
            if self.lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                return None;
            }
            if let Some(told) = line.trim_end().strip_prefix('>') {
                return Some(told.to_owned());
            }
        }
    }

    /// Waits until the child tells exactly this.
    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(
            self.hear().as_deref(),
            Some(line),
            "the child told something else"
        );
    }

    /// Lets the child go on from where it waits.
    pub(crate) fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Kills the child as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the child has ended in good order.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        while self.hear().is_some() {}
        assert!(self.child.wait().unwrap().success(), "the child failed");
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
