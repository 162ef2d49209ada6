//! Runs the git program.
//!
//! What is asked for must not depend on a person's configuration: the same commit has to give the
//! same events on every machine.

use super::log_reader;
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// How much of git's output is read at once.
const READ_BYTES: usize = 256 * 1024;
/// How much of git's complaints is read, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 4096;

/// Variables that would make git look at another repository than the one that was named.
const VARIABLES: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
];

/// Which commits an import takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commits {
    /// What leads to the commit that is checked out.
    Head,
    /// What leads to any branch or tag.
    All,
}

impl Commits {
    fn argument(self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::All => "--all",
        }
    }
}

/// A repository to read.
pub(crate) struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Finds the repository at, or around, a path.
    pub(crate) fn find(path: &Path) -> Result<Self, Failure> {
        let repository = Self {
            path: path.to_owned(),
        };
        repository.answer(&["rev-parse", "--git-dir"])?;
        Ok(repository)
    }

    /// Returns the name of the repository's directory.
    pub(crate) fn name(&self) -> Result<String, Failure> {
        let top = match self.answer(&["rev-parse", "--show-toplevel"]) {
            Ok(top) => top,
            // A bare repository has no files, only git's own directory.
            Err(_) => self.answer(&["rev-parse", "--absolute-git-dir"])?,
        };
        let name = Path::new(&top).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        match name.strip_suffix(".git").unwrap_or(&name) {
            "" => Ok("unnamed".into()),
            name => Ok(name.to_owned()),
        }
    }

    /// Counts the commits to import.
    pub(crate) fn count(&self, commits: Commits) -> Result<u64, Failure> {
        let count = self.answer(&["rev-list", "--count", commits.argument(), "--"])?;
        count
            .parse()
            .map_err(|_| Failure::Failed(format!("git counts {count} commits")))
    }

    /// Tells whether there is any commit.
    pub(crate) fn has_commits(&self, commits: Commits) -> Result<bool, Failure> {
        match commits {
            Commits::Head => {
                let arguments = ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"];
                Ok(self.answer(&arguments).is_ok())
            }
            Commits::All => Ok(!self
                .answer(&["rev-list", "--max-count=1", "--all", "--"])?
                .is_empty()),
        }
    }

    /// Starts the log: parents before children, the changes of each commit against its first
    /// parent.
    pub(crate) fn log(&self, commits: Commits) -> Result<RunningLog, Failure> {
        let mut command = self.command();
        command
            .args(["-c", "log.showRoot=true", "log", log_reader::FORMAT])
            .args(["--reverse", "--topo-order", "--raw", "-z", "--no-abbrev"])
            .args([
                "--diff-merges=first-parent",
                "-M50%",
                "-l1000",
                "-O/dev/null",
            ])
            .args([
                "--no-ext-diff",
                "--no-textconv",
                "--no-relative",
                "--no-color",
            ])
            .args([
                "--ignore-submodules=none",
                "--no-show-signature",
                "--no-notes",
            ])
            .args(["--date=raw", "--encoding=UTF-8", commits.argument(), "--"]);
        // A file takes all that git complains about, where a pipe that nobody reads would fill.
        let complaints = tempfile::tempfile().map_err(|error| starting(&error))?;
        let taken = complaints.try_clone().map_err(|error| starting(&error))?;
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(taken)
            .spawn()
            .map_err(|error| starting(&error))?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| Failure::Failed("git has no output".into()))?;
        Ok(RunningLog {
            child,
            output: BufReader::with_capacity(READ_BYTES, output),
            complaints,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--no-replace-objects")
            .arg("-C")
            .arg(&self.path);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        // Ctrl-C in a terminal goes to a whole group: git is ended by this program, which can then
        // tell a stop from a failure.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null());
        command
    }

    /// Runs git to its end and returns what it printed.
    fn answer(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.command().args(arguments).output();
        let output = output.map_err(|error| starting(&error))?;
        if !output.status.success() {
            let complaint = last_line(&output.stderr);
            let path = self.path.display();
            return Err(Failure::CannotOpen(format!(
                "git cannot read a repository at {path}: {complaint}"
            )));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// A log that git is printing. Dropping it ends git.
pub(crate) struct RunningLog {
    child: Child,
    pub(crate) output: BufReader<ChildStdout>,
    complaints: File,
}

impl RunningLog {
    /// Waits until git has ended and tells whether it was content.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let status = self.child.wait();
        let status = status.map_err(|error| Failure::io("waiting for git", &error))?;
        match status.success() {
            true => Ok(()),
            false => Err(self.complaint(&format!("git log ended with {status}"))),
        }
    }

    /// Makes a failure of what git said last, or else of `otherwise`.
    pub(crate) fn complaint(&mut self, otherwise: &str) -> Failure {
        let mut said = Vec::new();
        let read = self.complaints.seek(SeekFrom::Start(0)).and_then(|_| {
            (&self.complaints)
                .take(COMPLAINT_BYTES_MAX)
                .read_to_end(&mut said)
        });
        match (read, last_line(&said)) {
            (Ok(_), line) if !line.is_empty() => Failure::Failed(format!("{otherwise}: {line}")),
            _ => Failure::Failed(otherwise.to_owned()),
        }
    }
}

impl Drop for RunningLog {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn starting(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::Failed("the program git is not there: install it and try again".into());
    }
    Failure::io("starting git", error)
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    crate::output::clean(line.strip_prefix("fatal: ").unwrap_or(line))
}
