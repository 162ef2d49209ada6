//! Child processes: the same program in another part, perhaps under strace or a shell's limits.

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Whoever says nothing for so long has hung, which is a failure.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A child, killed with all that it has started when it is dropped.
pub(crate) struct Child {
    child: std::process::Child,
    lines: mpsc::Receiver<String>,
    errors: PathBuf,
}

impl Child {
    /// Starts this program in the part that `part` says, below `wrapper`, which ends with a program
    /// that takes a command. What it complains about goes to a file in the room.
    pub(crate) fn start(room: &Path, wrapper: &[String], part: &[String]) -> Result<Self> {
        let program = std::env::current_exe()?;
        let program = program
            .to_str()
            .context("the program's path is not UTF-8")?;
        let whole = wrapper.iter().map(String::as_str);
        let mut whole = whole.chain([program, "child"]);
        let errors = room.join("complaints");
        let log = File::options().create(true).append(true).open(&errors)?;
        let mut child = Command::new(whole.next().context("no program")?)
            .args(whole)
            .args(part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {wrapper:?} {part:?}"))?;
        let output = BufReader::new(child.stdout.take().context("no pipe")?);
        let (told, lines) = mpsc::channel();
        std::thread::spawn(move || pass_on(output, &told));
        Ok(Self {
            child,
            lines,
            errors,
        })
    }

    /// Returns the next line that the child told; `None` once it and all its pipes are gone.
    pub(crate) fn hear(&self) -> Result<Option<String>> {
        match self.lines.recv_timeout(HANG) {
            Ok(line) => Ok(Some(line)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(None),
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("the child hung for {HANG:?}"),
        }
    }

    /// Returns the next line if it comes until then.
    pub(crate) fn hear_until(&self, end: Instant) -> Result<Option<String>> {
        match self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            Ok(line) => Ok(Some(line)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("the child ended by itself: {}", self.complaints())
            }
        }
    }

    /// Waits until the child tells a line that begins so.
    pub(crate) fn expect(&self, start: &str) -> Result<String> {
        let line = self.hear()?.unwrap_or_else(|| self.complaints());
        ensure!(
            line.starts_with(start),
            "expected {start:?}, heard {line:?}"
        );
        Ok(line)
    }

    /// Lets the child go on from where it waits.
    pub(crate) fn go_on(&mut self, word: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("no pipe")?;
        writeln!(input, "{word}").context("the child is gone")
    }

    pub(crate) fn pid(&self) -> Result<Pid> {
        let number = i32::try_from(self.child.id())?;
        Pid::from_raw(number).context("no process")
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// Waits until it is gone; a panic or an exit in disorder is a failure.
    pub(crate) fn finish(mut self) -> Result<ExitStatus> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(begun.elapsed() < HANG, "the child hung at its end");
            std::thread::sleep(Duration::from_millis(1));
        };
        let complaints = self.complaints();
        ensure!(!complaints.contains("panicked at"), "a panic: {complaints}");
        let well = status.success() || status.signal().is_some();
        ensure!(well, "the child failed with {status}: {complaints}");
        Ok(status)
    }

    pub(crate) fn complaints(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let (Ok(None), Ok(group)) = (self.child.try_wait(), self.pid()) {
            // It may have ended this very moment.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Passes whole lines on; one that the kill cut off is not a line.
fn pass_on(mut output: impl BufRead, told: &mpsc::Sender<String>) {
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let whole = line.strip_suffix(b"\n").map(String::from_utf8_lossy);
        if whole.is_none_or(|whole| told.send(whole.into_owned()).is_err()) {
            return;
        }
        line.clear();
    }
}

/// Runs a program to its end and returns what it said.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {program}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} {arguments:?}: {complaints}"
    );
    Ok(said)
}

/// Returns a wrapper that runs a command from a shell, behind `script`.
pub(crate) fn shell(script: &str) -> Vec<String> {
    let script = format!("{script} exec \"$@\"");
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}
