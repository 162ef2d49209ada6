//! Makes git repositories out of nothing, with `git fast-import`.

use crate::harness::hermetic;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A history as it is told to `git fast-import`; commits are numbered from 1.
pub(crate) struct History {
    stream: String,
    commits: u32,
}

/// What a commit does to a path.
pub(crate) enum Change<'a> {
    Write(&'a [u8], &'a str),
    Delete(&'a [u8]),
    Rename(&'a [u8], &'a [u8]),
    Link(&'a [u8], &'a str),
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            stream: String::new(),
            commits: 0,
        }
    }

    /// Adds a commit with these parents to the main branch; returns its number.
    pub(crate) fn commit(&mut self, subject: &str, parents: &[u32], changes: &[Change<'_>]) -> u32 {
        self.commits += 1;
        let mark = self.commits;
        let seconds = 1_700_000_000 + u64::from(mark);
        // A reset first: without it a commit without `from` continues the branch.
        let stream = &mut self.stream;
        writeln!(
            stream,
            "reset refs/heads/main\ncommit refs/heads/main\nmark :{mark}"
        )
        .unwrap();
        writeln!(stream, "author Ada Löve <ada@example.com> {seconds} +0530").unwrap();
        writeln!(stream, "committer C <c@example.com> {seconds} +0000").unwrap();
        writeln!(stream, "data {}\n{subject}", subject.len()).unwrap();
        for (at, parent) in parents.iter().enumerate() {
            let verb = if at == 0 { "from" } else { "merge" };
            writeln!(stream, "{verb} :{parent}").unwrap();
        }
        for change in changes {
            match change {
                Change::Write(path, text) => self.blob("100644", path, text),
                Change::Link(path, text) => self.blob("120000", path, text),
                Change::Delete(path) => writeln!(self.stream, "D {}", quoted(path)).unwrap(),
                Change::Rename(from, to) => {
                    writeln!(self.stream, "R {} {}", quoted(from), quoted(to)).unwrap();
                }
            }
        }
        mark
    }

    fn blob(&mut self, mode: &str, path: &[u8], text: &str) {
        let path = quoted(path);
        writeln!(
            self.stream,
            "M {mode} inline {path}\ndata {}\n{text}",
            text.len()
        )
        .unwrap();
    }

    /// Makes the repository.
    pub(crate) fn write(&self, path: &Path) {
        git(
            Path::new("/"),
            &[
                "init",
                "--quiet",
                "--initial-branch=main",
                path.to_str().unwrap(),
            ],
        );
        let mut command = Command::new("git");
        hermetic(&mut command);
        let mut child = command
            .args(["fast-import", "--quiet", "--force"])
            .current_dir(path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(self.stream.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }
}

/// Writes a path as fast-import reads any bytes: in quotes, as octal numbers.
fn quoted(path: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in path {
        write!(text, "\\{byte:03o}").unwrap();
    }
    text.push('"');
    text
}

/// Runs git and returns what it printed.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    hermetic(&mut command);
    let output = command
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A path that is no text.
pub(crate) const NO_TEXT: &[u8] = b"bytes/\xff\xfe \n.bin";

/// A small history that has everything: merges, renames, deletions, spaces, no text, a long path,
/// a change of type, a commit without changes, two roots.
pub(crate) fn everything() -> History {
    use Change::{Delete, Link, Rename, Write};
    let long = long_path();
    let text = "a line\nand another\nand a third, so that a rename is seen\n";
    let mut history = History::new();
    let root = history.commit(
        "begin",
        &[],
        &[Write(b"a b.txt", text), Write(NO_TEXT, "1")],
    );
    let left = history.commit(
        "left \u{1b}[31m: :",
        &[root],
        &[Rename(b"a b.txt", "ü ä.txt".as_bytes())],
    );
    let right = history.commit("right", &[root], &[Write(b"right", "1"), Write(&long, "1")]);
    let merge = history.commit(
        "merge",
        &[left, right],
        &[Write(b"right", "1"), Write(&long, "1")],
    );
    let empty = history.commit("", &[merge], &[]);
    let gone = history.commit(
        "gone",
        &[empty],
        &[Delete(NO_TEXT), Link(b"right", "ü ä.txt")],
    );
    let other_root = history.commit("elsewhere", &[], &[Write(b"other", "1")]);
    let many: Vec<String> = (0..450).map(|n| format!("many/{n}")).collect();
    let writes: Vec<_> = many
        .iter()
        .map(|path| Write(path.as_bytes(), "1"))
        .collect();
    let many = history.commit("many", &[gone], &writes);
    history.commit("join", &[many, other_root], &[Write(b"other", "1")]);
    history
}

/// A path that is longer than an entity's name may be.
pub(crate) fn long_path() -> Vec<u8> {
    let part = format!("{}/", "l".repeat(200));
    format!("{}end", part.repeat(6)).into_bytes()
}
