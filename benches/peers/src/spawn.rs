//! Child processes, one for each measurement.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::child::{Answer, ChildOptions, Figures};
use crate::process;
use crate::workloads::Job;
use crate::workloads::prepare::ids_path;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const FAILURE_LINES: usize = 3;

/// Starts children, one at a time, below one directory that is removed in the end.
pub(crate) struct Spawner {
    directory: TempDir,
    timeout: Duration,
}

impl Spawner {
    /// Makes a directory for this run below `parent`.
    pub(crate) fn new(parent: &Path, timeout_s: u64) -> Result<Self> {
        fs::create_dir_all(parent)?;
        Ok(Self {
            directory: tempfile::Builder::new().prefix("run-").tempdir_in(parent)?,
            timeout: Duration::from_secs(timeout_s),
        })
    }

    /// Returns where all stores of this run are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Measures on a store of its own, empty at first, and removes it.
    pub(crate) fn on_new_store(&self, options: &ChildOptions) -> Result<Figures> {
        let options = ChildOptions {
            dir: self.directory().join("new"),
            ..options.clone()
        };
        self.discard(&options.dir)?;
        let figures = self.measure(&options);
        self.discard(&options.dir)?;
        figures
    }

    /// Measures on a copy of a store, and removes the copy.
    pub(crate) fn on_copy(&self, original: &Path, options: &ChildOptions) -> Result<Figures> {
        let copy = self.directory().join("copy");
        self.discard(&copy)?;
        process::copy(original, &copy)?;
        fs::copy(ids_path(original), ids_path(&copy))?;
        let figures = self.measure(&ChildOptions {
            dir: copy.clone(),
            ..options.clone()
        });
        self.discard(&copy)?;
        figures
    }

    /// Removes a store.
    pub(crate) fn discard(&self, store: &Path) -> Result<()> {
        if store.exists() {
            fs::remove_dir_all(store)?;
        }
        let ids = ids_path(store);
        if ids.exists() {
            fs::remove_file(ids)?;
        }
        Ok(())
    }

    /// Measures in the directory that the options name.
    pub(crate) fn measure(&self, options: &ChildOptions) -> Result<Figures> {
        fs::create_dir_all(&options.dir)?;
        process::settle();
        let said: PathBuf = self.directory().join("stdout");
        let complained: PathBuf = self.directory().join("stderr");
        let mut command = command(options)?;
        command.stdin(Stdio::null()).env("RUST_BACKTRACE", "0");
        command
            .stdout(File::create(&said)?)
            .stderr(File::create(&complained)?);
        let mut child = command.spawn()?;
        let ended_well = self.wait(&mut child)?;
        let said = fs::read_to_string(said)?;
        let answer = said
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok());
        match answer {
            // A child that kills itself on purpose has answered before.
            Some(Answer { figures }) if ended_well || options.job == Job::PrepareAborted => {
                Ok(figures)
            }
            _ => bail!("{}", last_lines(&complained)),
        }
    }

    fn wait(&self, child: &mut Child) -> Result<bool> {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            if begun.elapsed() > self.timeout {
                child.kill()?;
                child.wait()?;
                bail!("took longer than {} s", self.timeout.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn command(options: &ChildOptions) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("child");
    command.args([
        "--engine",
        options.engine.text(),
        "--job",
        &options.job.text(),
    ]);
    command.arg("--dir").arg(&options.dir);
    let mut number = |flag: &str, value: u64| {
        command.args([flag, &value.to_string()]);
    };
    number("--events", options.events);
    number("--reads", options.reads);
    number("--entities", options.entities);
    number("--cache-mib", options.cache_mib);
    if let Some(mib) = options.segment_mib {
        number("--segment-mib", mib);
    }
    if options.keyed {
        command.arg("--keyed");
    }
    Ok(command)
}

/// Returns the end of what a child complained of.
fn last_lines(file: &Path) -> String {
    let mut text = String::new();
    let read = File::open(file).and_then(|mut file| file.read_to_string(&mut text));
    if let Err(error) = read.context("its complaint cannot be read") {
        return error.to_string();
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.len().saturating_sub(FAILURE_LINES);
    match lines.split_at(end).1 {
        [] => "it ended without a word".to_owned(),
        end => end.join(" / "),
    }
}
