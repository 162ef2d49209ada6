//! One store in one room: its plan, what children have told of it, and the openings that judge it.

use crate::ledger::{After, Ledger};
use crate::plan::{Plan, Style, scramble};
use crate::process::{Child, HANG};
use anyhow::{Context, Result, bail};
use batpak::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) struct History {
    pub(crate) room: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) ledger: Ledger,
    /// Snapshots, and whether they were told to be finished.
    copies: Vec<(PathBuf, bool)>,
}

impl History {
    /// A history whose store will be at `place` in the room.
    pub(crate) fn new(room: &Path, place: &str, seed: u64, style: Style) -> Self {
        let plan = Plan {
            seed: scramble(seed),
            style,
        };
        Self {
            room: room.to_path_buf(),
            store: room.join(place),
            plan,
            ledger: Ledger::new(plan),
            copies: Vec::new(),
        }
    }

    /// Begins a session of threads that do everything.
    pub(crate) fn writer(&mut self, threads: u8, steps: u32, openings: u32) -> Vec<String> {
        let style = self.plan.style.name();
        let (session, seed) = (self.ledger.begin(), self.plan.seed);
        let text = format!(
            "--seed {seed} --style {style} --session {session} --threads {threads} --steps {steps} \
             --openings {openings}"
        );
        self.part("write", &text)
    }

    /// Begins a session of one thread that appends so many durable events.
    pub(crate) fn appender(&mut self, events: u32, more: &str) -> Vec<String> {
        let (session, seed) = (self.ledger.begin(), self.plan.seed);
        let text = format!("--seed {seed} --session {session} --events {events} {more}");
        self.part("append", &text)
    }

    /// Begins a session of threads that submit so many events together, and wait only for the first
    /// few.
    pub(crate) fn flooder(&mut self, threads: u8, submits: u32, ahead: u32) -> Vec<String> {
        let style = self.plan.style.name();
        let (session, seed) = (self.ledger.begin(), self.plan.seed);
        let text = format!(
            "--seed {seed} --style {style} --session {session} --threads {threads} \
             --submits {submits} --ahead {ahead}"
        );
        self.part("flood", &text)
    }

    fn part(&self, name: &str, options: &str) -> Vec<String> {
        let mut words = vec![name.to_owned(), self.store.display().to_string()];
        words.extend(options.split_whitespace().map(str::to_owned));
        words
    }

    /// Takes a line; returns it if it is not about events or snapshots.
    pub(crate) fn hear(&mut self, line: String) -> Result<Option<String>> {
        let Some(words) = self.ledger.hear(&line)? else {
            return Ok(None);
        };
        match words.as_slice() {
            ["copying", place] => self.copies.push((place.into(), false)),
            ["copied", place] => {
                let copy = self.copies.last_mut();
                let copy = copy.filter(|copy| copy.0.as_path() == Path::new(place));
                copy.context("a copy that was not begun")?.1 = true;
            }
            _ => return Ok(Some(line)),
        }
        Ok(None)
    }

    /// Takes everything that a child tells until it is gone; returns what is not about events.
    pub(crate) fn hear_out(&mut self, child: &Child) -> Result<Vec<String>> {
        let mut others = Vec::new();
        while let Some(line) = child.hear()? {
            others.extend(self.hear(line)?);
        }
        Ok(others)
    }

    /// Opens and closes the store once its owner is gone, who was killed: one of its threads may
    /// sit in a call, and the lock stays until the whole process is gone.
    pub(crate) fn wait_until_free(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match Store::open(self.config()) {
                Err(StoreError::Locked { .. }) if begun.elapsed() < HANG => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => {
                    opened.context("opening")?.close().context("closing")?;
                    return Ok(());
                }
            }
        }
    }

    fn config(&self) -> StoreConfig {
        StoreConfig::new(&self.store).with_segment_max_bytes(16 * 1024)
    }

    /// Opens the store for writing, judges it and closes it.
    pub(crate) fn judge(&mut self, after: After) -> Result<()> {
        self.open_and_judge(after)?.close().context("closing")?;
        self.judge_copies()
    }

    /// Opens the store for writing and judges it.
    pub(crate) fn open_and_judge(&mut self, after: After) -> Result<Store> {
        let store = Store::open(self.config()).context("opening")?;
        self.ledger.judge(&store, after)?;
        Ok(store)
    }

    /// Judges what a reader sees that mends nothing.
    pub(crate) fn judge_read_only(&mut self, after: After) -> Result<()> {
        let store = Store::open_read_only(self.config()).context("opening read-only")?;
        self.ledger.judge(&store, after).context("read-only")
    }

    /// Judges the snapshots that were taken since the last time, and removes them.
    fn judge_copies(&mut self) -> Result<()> {
        for (place, finished) in std::mem::take(&mut self.copies) {
            let config = StoreConfig::new(&place);
            match Store::open_read_only(config) {
                Ok(copy) => {
                    let judged = self.ledger.judge(&copy, After::Earlier);
                    judged.with_context(|| place.display().to_string())?;
                }
                Err(error) if finished => bail!("{} was finished: {error}", place.display()),
                // One that was cut short may be refused, and may not even be there.
                Err(_) => {}
            }
            if place.exists() {
                std::fs::remove_dir_all(&place)?;
            }
        }
        Ok(())
    }
}
