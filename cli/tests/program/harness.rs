//! Starts the program and looks at what it leaves.

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Demands that it succeeded and returns what it printed.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self.stdout
    }

    /// Demands an exit code and one readable sentence, and returns the sentence.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        assert!(self.stderr.starts_with("batpak: "), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        self.stderr
    }

    /// Demands that it succeeded or found no store, and tells which.
    pub(crate) fn ok_or_not_there(self) -> bool {
        assert!(matches!(self.code, Some(0 | 3)), "stderr: {}", self.stderr);
        self.code == Some(0)
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    pub(crate) fn json_lines(self) -> Vec<Value> {
        let lines = self.ok();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Prepares the program; git reads no configuration but its own defaults.
pub(crate) fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_batpak"));
    command.args(arguments);
    hermetic(&mut command);
    command
}

pub(crate) fn hermetic(command: &mut Command) {
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
}

pub(crate) fn batpak<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    batpak_fed(arguments, b"")
}

/// Runs the program with something on its standard input.
pub(crate) fn batpak_fed<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Ran {
    let mut child = program(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may end without reading all.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory that goes away, and names in it.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Arguments of several types in one call.
#[macro_export]
macro_rules! args {
    ($($argument:expr),* $(,)?) => {
        [$(std::ffi::OsString::from($argument)),*]
    };
}

/// Returns the content of a store: all that must be equal in an equal store, which leaves out the
/// times and, since sequences may be skipped after a crash, those.
pub(crate) fn content(store: &Path) -> Vec<Value> {
    let mut lines = batpak(args!["export", "ndjson", store]).json_lines();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        line.remove("time").unwrap();
        line.remove("sequence").unwrap();
    }
    lines
}

/// Returns all files below a directory with their bytes.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// Returns the path of the newest segment of a store.
pub(crate) fn newest_segment(store: &Path) -> PathBuf {
    let segments = files(store).into_keys();
    segments
        .filter(|path| path.extension().is_some_and(|e| e == "fbat"))
        .max()
        .unwrap()
}

/// Returns lines to import: events `from` to `to` of an entity.
pub(crate) fn lines(from: u32, to: u32) -> String {
    let line = |number| {
        format!(
            "{{\"id\":\"{number:032x}\",\"entity\":\"e:{}\",\"scope\":\"s\",\"kind\":\"0x1000\",\
             \"payload\":{{\"n\":{number}}}}}\n",
            number % 3
        )
    };
    (from..to).map(line).collect()
}
