//! Runs the models of one edge until the first of them fails.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the text of a panic is waited for when a model has failed.
const PANIC_LIMIT: Duration = Duration::from_secs(2);

/// How many letters of a reason are told.
const REASON_LETTERS: usize = 120;

/// What became of a run.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Every model passed.
    Green,
    /// A model failed, for this reason.
    Red(String),
    /// It went on for longer than it may.
    TimedOut,
}

enum Line {
    Out(String),
    Error(String),
}

/// Runs a program of models, at most that long.
pub(crate) fn run(program: &Path, limit: Duration) -> Result<Outcome, String> {
    let failed = |error| format!("{}: {error}", program.display());
    let started = Instant::now();
    let mut child = Command::new(program)
        .arg("--nocapture")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (sender, lines) = channel();
    forward(child.stdout.take(), sender.clone(), Line::Out);
    forward(child.stderr.take(), sender, Line::Error);
    let watched = watch(&lines, started + limit);
    if !matches!(watched, Watched::Ended(_)) {
        child.kill().map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    match watched {
        Watched::Failed(reason) => Ok(Outcome::Red(shortened(&reason))),
        Watched::TimedOut => Ok(Outcome::TimedOut),
        Watched::Ended(_) if status.success() => Ok(Outcome::Green),
        // A panic while another one unwinds ends the program.
        Watched::Ended(Some(panic)) => Ok(Outcome::Red(format!("aborted: {}", shortened(&panic)))),
        Watched::Ended(None) => Err(format!("{}: {status} without a panic", program.display())),
    }
}

/// Returns as much of a reason as a line has room for.
fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_LETTERS).collect()
}

/// Why nobody reads a program's lines any more.
enum Watched {
    /// A model failed.
    Failed(String),
    /// The program has closed its output, and this was its first panic.
    Ended(Option<String>),
    TimedOut,
}

fn watch(lines: &Receiver<Line>, mut deadline: Instant) -> Watched {
    let mut failed: Option<String> = None;
    let mut panic: Option<String> = None;
    let mut panic_follows = false;
    loop {
        if let (Some(name), Some(panic)) = (&failed, &panic) {
            return Watched::Failed(format!("{name}: {panic}"));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(Line::Out(line)) => {
                let name = line
                    .strip_prefix("test ")
                    .and_then(|line| line.strip_suffix(" ... FAILED"));
                if let (None, Some(name)) = (&failed, name) {
                    failed = Some(name.to_owned());
                    // What it panicked with may still be on its way.
                    deadline = Instant::now() + PANIC_LIMIT;
                }
            }
            Ok(Line::Error(line)) => {
                if std::mem::take(&mut panic_follows) {
                    panic.get_or_insert(line);
                } else {
                    panic_follows = line.contains(" panicked at ");
                }
            }
            Err(_) if failed.is_some() => return Watched::Failed(failed.unwrap_or_default()),
            Err(RecvTimeoutError::Timeout) => return Watched::TimedOut,
            Err(RecvTimeoutError::Disconnected) => return Watched::Ended(panic),
        }
    }
}

/// Sends the lines of one output, on a thread of its own that ends with the program.
fn forward(
    output: Option<impl Read + Send + 'static>,
    lines: Sender<Line>,
    which: fn(String) -> Line,
) {
    let Some(output) = output else { return };
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(which(line)).is_err() {
                return;
            }
        }
    });
}
