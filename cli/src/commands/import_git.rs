//! `batpak import git`: the history of a git repository becomes events.

use super::summary::Summary;
use crate::batching::{BATCH_ITEMS, Batching};
use crate::event_line::id_text;
use crate::failure::Failure;
use crate::git::log_reader::{Commit, Item, LogReader};
use crate::git::program::{Commits, Repository};
use crate::git::{events, naming};
use crate::interrupt::Interrupt;
use crate::output::{Output, counted};
use crate::place::open_for_writing;
use crate::progress;
use crate::recorder::Recorder;
use batpak::prelude::*;
use indicatif::ProgressBar;
use serde_json::json;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(
    repository: &Path,
    path: &Path,
    all: bool,
    name: Option<&str>,
    output: &mut Output,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let source = Source {
        repository: Repository::find(repository)?,
        commits: if all { Commits::All } else { Commits::Head },
        name,
    };
    let store = open_for_writing(path)?;
    let imported = source.import(&store);
    let closed = store.close();
    let (seen, interrupted) = imported?;
    closed?;
    seen.tell(path, begun, output)?;
    match interrupted {
        false => Ok(()),
        true => Err(Failure::Interrupted(
            "stopped before the end of the history: run the same command again to go on".into(),
        )),
    }
}

/// What is imported, and under which name.
struct Source<'a> {
    repository: Repository,
    commits: Commits,
    name: Option<&'a str>,
}

impl Source<'_> {
    /// Imports until the log ends or the user stops it, which the second value tells.
    fn import(&self, store: &Store<Open>) -> Result<(Seen, bool), Failure> {
        if !self.repository.has_commits(self.commits)? {
            return Ok((Seen::default(), false));
        }
        let interrupt = Interrupt::listen()?;
        let bar = self.progress()?;
        let mut log = self.repository.log(self.commits)?;
        let mut import = Import {
            source: self,
            store,
            recorder: Recorder::new(store),
            batching: Batching::new(BATCH_ITEMS),
            commit: None,
            coordinate: None,
            seen: Seen::default(),
        };
        let read = import.take_all(LogReader::new(&mut log.output), &interrupt, &bar);
        import.recorder.settle()?;
        import.seen.tally = import.recorder.tally();
        bar.finish_and_clear();
        let seen = import.seen;
        match read {
            Ok(Ended::Interrupted) => Ok((seen, true)),
            Ok(Ended::AtTheEnd) => log.finish().map(|()| (seen, false)),
            // Output that is cut off is no riddle when git says why it ended.
            Err(Failure::Failed(text)) => Err(log.complaint(&text)),
            Err(failure) => Err(failure),
        }
    }

    /// Counting the commits takes git a while, and only a bar that is seen needs it.
    fn progress(&self) -> Result<ProgressBar, Failure> {
        let bar = progress::start("importing", None);
        match bar.is_hidden() {
            true => Ok(bar),
            false => {
                let count = self.repository.count(self.commits)?;
                Ok(progress::start("importing commits", Some(count)))
            }
        }
    }

    /// Returns the entity and scope of the repository, whose first commit is `first`.
    ///
    /// A store that has this commit knows the repository, perhaps under the name of a directory
    /// that it was moved from; its history goes on under that name.
    fn coordinate(&self, first: &Commit, store: &Store<Open>) -> Result<Coordinate, Failure> {
        if let Some(name) = self.name {
            return naming::repository(name);
        }
        match store.get_raw(naming::commit_id(&first.hash)) {
            Ok(known) => Ok(known.coordinate),
            Err(StoreError::NotFound(_)) => naming::repository(&self.repository.name()?),
            Err(error) => Err(error.into()),
        }
    }
}

enum Ended {
    AtTheEnd,
    Interrupted,
}

/// An import on its way.
struct Import<'a> {
    source: &'a Source<'a>,
    store: &'a Store<Open>,
    recorder: Recorder<'a>,
    batching: Batching,
    /// The commit that changed paths belong to.
    commit: Option<Commit>,
    /// The repository's, once its first commit was seen.
    coordinate: Option<Coordinate>,
    seen: Seen,
}

impl Import<'_> {
    fn take_all(
        &mut self,
        mut log: LogReader<impl BufRead>,
        interrupt: &Interrupt,
        bar: &ProgressBar,
    ) -> Result<Ended, Failure> {
        loop {
            let item = log.next_item();
            match item.map_err(|error| Failure::Failed(error.to_string()))? {
                None => break,
                Some(Item::Commit(commit)) => {
                    // A batch never holds more than one commit.
                    self.end_batch()?;
                    if interrupt.is_asked() {
                        return Ok(Ended::Interrupted);
                    }
                    self.take_commit(commit)?;
                    bar.inc(1);
                }
                Some(Item::Change(change)) => {
                    let (Some(commit), Some(repository)) = (&self.commit, &self.coordinate) else {
                        let text = "git's output is not understood: a path before any commit";
                        return Err(Failure::Failed(text.into()));
                    };
                    let event = events::of_change(&change, commit, repository)?;
                    self.seen.file = Some(event.coord.entity().to_owned());
                    self.take(event)?;
                }
            }
        }
        self.end_batch()?;
        Ok(Ended::AtTheEnd)
    }

    fn take_commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let repository = match self.coordinate.take() {
            Some(known) => known,
            None => self.source.coordinate(&commit, self.store)?,
        };
        let event = events::of_commit(&commit, &repository)?;
        self.seen.commits += 1;
        self.seen.repository = Some(repository.entity().to_owned());
        self.seen.last_commit = event.options.idempotency_key;
        self.coordinate = Some(repository);
        self.commit = Some(commit);
        self.take(event)
    }

    fn take(&mut self, event: BatchAppendItem) -> Result<(), Failure> {
        match self.batching.push(event) {
            Some(batch) => self.recorder.record(batch),
            None => Ok(()),
        }
    }

    fn end_batch(&mut self) -> Result<(), Failure> {
        self.recorder.record(self.batching.take())
    }
}

/// What an import has seen.
#[derive(Debug, Default)]
struct Seen {
    commits: u64,
    tally: crate::recorder::Tally,
    repository: Option<String>,
    file: Option<String>,
    last_commit: Option<u128>,
}

impl Seen {
    fn tell(&self, path: &Path, begun: Instant, output: &mut Output) -> Result<(), Failure> {
        let summary = Summary {
            tally: self.tally,
            took: begun.elapsed(),
        };
        let last_commit = self.last_commit.map(id_text);
        let details = json!({
            "commits": self.commits,
            "repository": self.repository,
            "last_commit": last_commit,
        });
        summary.tell(&counted(self.commits, "commit"), &details, output)?;
        if output.is_json() {
            return Ok(());
        }
        let store = shell_word(&path.display().to_string());
        let batpak = program();
        output.line(format_args!("\nTry next:"))?;
        output.line(format_args!("  {batpak} stats {store}"))?;
        for entity in [&self.repository, &self.file].into_iter().flatten() {
            output.line(format_args!(
                "  {batpak} stream {store} {}",
                shell_word(entity)
            ))?;
        }
        if let Some(event) = last_commit {
            output.line(format_args!("  {batpak} show {store} {event}"))?;
        }
        output.line(format_args!("  {batpak} verify {store}"))
    }
}

/// Returns the program as it was called, so that a command works where this one did.
fn program() -> String {
    let called = std::env::args().next();
    called.map_or_else(|| "batpak".into(), |called| shell_word(&called))
}

/// Quotes a word for a shell where it needs it, so that a command can be copied.
fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-:@+=,~".contains(letter);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", crate::output::clean(word).replace('\'', r"'\''")),
    }
}
