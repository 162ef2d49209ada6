//! Facts about the machine, without which no figure means anything.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where a run took place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// How many of its threads the run could use.
    pub(crate) threads: usize,
    /// The memory, in MiB.
    pub(crate) memory_mib: u64,
    /// The kernel and its release.
    pub(crate) kernel: String,
    /// The file system under the data.
    pub(crate) file_system: String,
    /// The commit that was measured, and whether anything was changed since.
    pub(crate) commit: String,
}

impl Machine {
    /// Asks this machine; what it does not tell is "unknown".
    pub(crate) fn this(data: &Path) -> Self {
        let uname = rustix::system::uname();
        let system = uname.sysname().to_string_lossy();
        let release = uname.release().to_string_lossy();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            threads: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory_mib(),
            kernel: format!("{system} {release}"),
            file_system: file_system(data).unwrap_or_else(unknown),
            commit: commit().unwrap_or_else(unknown),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn memory_mib() -> u64 {
    let total = field("/proc/meminfo", "MemTotal");
    let kib: Option<u64> = total.split(' ').next().and_then(|kib| kib.parse().ok());
    kib.unwrap_or_default() / 1024
}

/// Returns the type of the mount that a path is below: the longest mount point that begins it.
fn file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        path.starts_with(point)
            .then(|| (point.len(), kind.to_owned()))
    });
    mounts
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        let output = git
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    // Results of earlier runs are not what is measured.
    let sources = [":/src", ":/log", ":/actors", ":/benches/peers/src"];
    let status = [&["status", "--porcelain", "--"][..], &sources].concat();
    let changed = git(&status).is_some_and(|text| !text.is_empty());
    Some(hash + if changed { ", changed" } else { "" })
}
