//! Random calls on all file systems side by side: every answer must be the same.

use super::*;

const NAMES: [&str; 8] = ["a", "b", "c", "d", "d/a", "d/b", "d/e", "../a"];

/// One directory of each kind, and the files that are open in it.
struct Side {
    fs: Box<dyn Fs>,
    open: Vec<Arc<dyn File>>,
    locks: Vec<(String, Box<dyn DirectoryLock>)>,
}

/// A call, drawn once and made on every side.
#[derive(Debug)]
enum Step {
    Create(&'static str),
    Open(&'static str, Access),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    CreateDirectory(&'static str),
    List(&'static str),
    Exists(&'static str),
    Lock(&'static str),
    Unlock,
    Write(usize, Vec<u8>, u64),
    Read(usize, u64),
    Truncate(usize, u64),
    Allocate(usize, u64, u64),
    Close(usize),
}

fn draw(random: &mut fastrand::Rng) -> Step {
    let name = NAMES[random.usize(..NAMES.len())];
    let other = NAMES[random.usize(..NAMES.len())];
    let (file, offset, len) = (random.usize(..), random.u64(..60), random.u64(..30));
    match random.u8(..16) {
        0 => Step::Create(name),
        1 => Step::Open(name, Access::Read),
        2 | 3 => Step::Open(name, Access::ReadWrite),
        4 => Step::Rename(name, other),
        5 => Step::Remove(name),
        6 => Step::CreateDirectory(name),
        7 => Step::List(name),
        8 => Step::Exists(name),
        9 if random.bool() => Step::Lock(name),
        9 => Step::Unlock,
        10 | 11 => Step::Write(
            file,
            vec![random.u8(..); usize::from(random.u8(..20))],
            offset,
        ),
        12 | 13 => Step::Read(file, offset),
        14 if random.bool() => Step::Truncate(file, offset),
        14 => Step::Allocate(file, offset, len),
        _ => Step::Close(file),
    }
}

impl Side {
    fn new(fs: Box<dyn Fs>) -> Self {
        let (open, locks) = (Vec::new(), Vec::new());
        Self { fs, open, locks }
    }

    /// Makes the call and returns its answer as text, errors by their kind.
    fn make(&mut self, step: &Step) -> String {
        let answer = match step {
            Step::Create(name) => self.fs.create_new(name).map(|file| self.keep(file)),
            Step::Open(name, access) => self.fs.open(name, *access).map(|file| self.keep(file)),
            Step::Rename(from, to) if self.is_directory(from) => {
                return format!("moving directories is not promised: {from} {to}");
            }
            Step::Rename(from, to) if self.is_directory(to) => {
                return debug(self.fs.rename(from, to).is_err());
            }
            Step::Rename(from, to) => self.fs.rename(from, to).map(debug),
            Step::Remove(name) => self.fs.remove(name).map(debug),
            Step::CreateDirectory(name) => self.fs.create_directory(name).map(debug),
            Step::List(name) => self.fs.list(name).map(debug),
            Step::Exists(name) => self.fs.exists(name).map(debug),
            Step::Lock(name) => self.lock(name),
            Step::Unlock => Ok(debug(self.locks.pop().map(|(name, _)| name))),
            Step::Write(file, bytes, offset) => {
                return self.with(*file, |file| file.write_at(bytes, *offset));
            }
            Step::Read(file, offset) => {
                return self.with(*file, |file| {
                    let mut buffer = [0; 40];
                    let count = file.read_at(&mut buffer, *offset)?;
                    Ok((buffer[..count].to_vec(), file.len()?))
                });
            }
            Step::Truncate(file, len) => return self.with(*file, |file| file.truncate(*len)),
            Step::Allocate(file, offset, len) => {
                return self.with(*file, |file| file.allocate(*offset, *len));
            }
            Step::Close(file) => {
                let index = file.checked_rem(self.open.len());
                Ok(debug(index.map(|index| drop(self.open.remove(index)))))
            }
        };
        debug(answer.map_err(|error| error.kind()))
    }

    fn keep(&mut self, file: Arc<dyn File>) -> String {
        self.open.push(file);
        String::from("opened")
    }

    fn is_directory(&self, name: &str) -> bool {
        self.fs.list(name).is_ok()
    }

    fn lock(&mut self, name: &str) -> io::Result<String> {
        let lock = self.fs.lock(name)?;
        let answer = debug(lock.is_some());
        self.locks.extend(lock.map(|lock| (name.to_owned(), lock)));
        Ok(answer)
    }

    /// Calls one of the open files; a refused write has another error kind on each side.
    fn with<T: Debug>(&self, file: usize, call: impl Fn(&dyn File) -> io::Result<T>) -> String {
        match file.checked_rem(self.open.len()) {
            Some(index) => debug(call(&*self.open[index]).map_err(|_| "refused")),
            None => String::from("no file is open"),
        }
    }
}

fn debug(value: impl Debug) -> String {
    format!("{value:?}")
}

/// Tells whether all sides promise the same: on disk a lock belongs to a file and in memory to a
/// name, so that the two must stay together while it is held.
fn is_promised(step: &Step, side: &Side) -> bool {
    let is_locked = |name: &str| side.locks.iter().any(|(locked, _)| locked == name);
    if let Step::Rename(from, to) = step {
        return !is_locked(from) && !is_locked(to);
    }
    !matches!(step, Step::Remove(name) if is_locked(name))
}

#[test]
fn random_calls_have_the_same_answers_in_memory_on_disk_and_simulated() {
    let mut random = seeded_random();
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let real = RealFs::create(directory.path()).unwrap();
        let mut memory = Side::new(Box::new(MemoryFs::new()));
        let mut disk = Side::new(Box::new(real));
        let mut simulated = Side::new(Box::new(SimFs::new()));
        for _ in 0..500 {
            let step = draw(&mut random);
            if !is_promised(&step, &memory) {
                continue;
            }
            let answer = disk.make(&step);
            assert_eq!(memory.make(&step), answer, "{step:?}");
            assert_eq!(simulated.make(&step), answer, "{step:?}");
        }
    }
}
