//! What the system tells about this process, and measurements in processes of their own.

use std::env;
use std::fmt::Display;
use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The first word that a process of its own is started with.
pub(crate) const CHILD: &str = "measure-in-child";

/// Returns a number that the system tells in `/proc/self/status`: memory in KiB.
pub(crate) fn status(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("memory is measured on Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("the system tells it")
}

/// Returns how many files this process has open.
pub(crate) fn open_files() -> f64 {
    let files = fs::read_dir("/proc/self/fd").expect("files are counted on Linux");
    files.count() as f64
}

/// Returns how long this process has been on a core so far, all threads together.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it does not go back");
    let nanoseconds = u64::try_from(time.tv_nsec).expect("it does not go back");
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// Lets this process open as many files as it may allow itself.
pub(crate) fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).expect("a process may go up to its maximum");
}

/// Measures in a new process, whose memory nothing else has touched.
pub(crate) fn in_child<const FIGURES: usize>(words: &[&str]) -> [f64; FIGURES] {
    let program = env::current_exe().expect("a program knows where it is");
    let output = Command::new(program)
        .arg(CHILD)
        .args(words)
        .output()
        .expect("the program can be started again");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("figures are text");
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|figure| figure.parse().expect("figures are numbers"))
        .collect();
    figures
        .try_into()
        .expect("there are as many as were asked for")
}

/// Tells the figures to the process that has started this one.
pub(crate) fn tell(figures: &[f64]) {
    let words: Vec<String> = figures.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}

/// Reads back a word that [`in_child`] was given.
pub(crate) fn number(word: &str) -> u64 {
    word.parse().expect("the word is a number")
}

/// Says a number as a word for [`in_child`].
pub(crate) fn word(number: impl Display) -> String {
    number.to_string()
}
