//! A real directory on a disk that hangs, or fails, when it is told to.

use batpak::testkit::{Access, DirectoryLock, File, Fs, RealFs};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Write,
    Sync,
}

/// What the disk does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    Hangs,
    Fails,
}

/// Which calls the disk does not carry out, and how many wait.
#[derive(Debug)]
struct Valve {
    mood: Mood,
    calls: &'static [Call],
    /// Only files whose name contains this.
    name: &'static str,
    waiting: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Disk {
    inner: Arc<RealFs>,
    valve: Arc<(Mutex<Valve>, Condvar)>,
}

pub(crate) const ALL: &[Call] = &[Call::Write, Call::Sync];

impl Disk {
    pub(crate) fn new(directory: &Path) -> Self {
        let valve = Valve {
            mood: Mood::Works,
            calls: ALL,
            name: "",
            waiting: 0,
        };
        Self {
            inner: Arc::new(RealFs::create(directory).unwrap()),
            valve: Arc::new((Mutex::new(valve), Condvar::new())),
        }
    }

    /// From now on these calls hang, on files whose name contains `name`.
    pub(crate) fn hang(&self, calls: &'static [Call], name: &'static str) {
        self.turn(Mood::Hangs, calls, name);
    }

    /// From now on these calls fail.
    pub(crate) fn fail(&self, calls: &'static [Call]) {
        self.turn(Mood::Fails, calls, "");
    }

    /// Lets everything pass that hangs, and everything to come.
    pub(crate) fn release(&self) {
        self.turn(Mood::Works, ALL, "");
    }

    /// Waits until a call hangs.
    pub(crate) fn wait_for_hang(&self) {
        let (_, changed) = &*self.valve;
        let valve = self.valve();
        let nothing_hangs = |valve: &mut Valve| valve.waiting == 0;
        let waited = changed.wait_timeout_while(valve, super::HANG, nothing_hangs);
        assert!(!waited.unwrap().1.timed_out(), "nothing hangs");
    }

    fn turn(&self, mood: Mood, calls: &'static [Call], name: &'static str) {
        let mut valve = self.valve();
        (valve.mood, valve.calls, valve.name) = (mood, calls, name);
        self.valve.1.notify_all();
    }

    fn valve(&self) -> MutexGuard<'_, Valve> {
        self.valve.0.lock().unwrap()
    }

    /// Comes back once the call may be carried out.
    fn pass(&self, call: Call, name: &str) -> io::Result<()> {
        let (_, changed) = &*self.valve;
        let concerns = |valve: &Valve| valve.calls.contains(&call) && name.contains(valve.name);
        let mut valve = self.valve();
        while valve.mood == Mood::Hangs && concerns(&valve) {
            valve.waiting += 1;
            changed.notify_all();
            valve = changed.wait(valve).unwrap();
            valve.waiting -= 1;
        }
        match valve.mood == Mood::Fails && concerns(&valve) {
            true => Err(io::Error::other("the test's disk has failed")),
            false => Ok(()),
        }
    }

    fn wrap(&self, name: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(DiskFile {
            inner,
            name: name.to_owned(),
            disk: self.clone(),
        })
    }
}

impl Fs for Disk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.inner.list(directory)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(name, self.inner.open(name, access)?))
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(name, self.inner.create_new(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.inner.create_directory(name)
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.pass(Call::Sync, name)?;
        self.inner.sync_directory(name)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.inner.lock(name)
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.inner.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.inner.exists(name)
    }
}

#[derive(Debug)]
struct DiskFile {
    inner: Arc<dyn File>,
    name: String,
    disk: Disk,
}

impl File for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.pass(Call::Write, &self.name)?;
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.allocate(offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.pass(Call::Sync, &self.name)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.pass(Call::Sync, &self.name)?;
        self.inner.sync_all()
    }
}
