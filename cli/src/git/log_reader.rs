//! Reads what `git log --raw -z` prints, one commit or changed path at a time.
//!
//! Every field ends with a NUL, which no field can contain, so any bytes in names, subjects and
//! paths are read as they are. A changed path starts with a colon and a commit with its hash.

use std::io::{self, BufRead, Read};

/// The format to ask git for: the fields of [`Commit`], in order.
pub(crate) const FORMAT: &str = "--format=tformat:%H%x00%P%x00%an%x00%ae%x00%ad%x00%s";

/// The longest field; a longer one is taken for nonsense rather than for a reason to use up all
/// memory.
const FIELD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A commit, in git's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) hash: String,
    /// The first one is the parent that changes are told against.
    pub(crate) parents: Vec<String>,
    pub(crate) author_name: Vec<u8>,
    pub(crate) author_email: Vec<u8>,
    pub(crate) unix_seconds: i64,
    /// The author's offset from UTC, as `+hhmm`.
    pub(crate) offset: String,
    pub(crate) subject: Vec<u8>,
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Added,
    Modified,
    Deleted,
    Renamed,
}

/// A path that the commit before it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) status: Status,
    pub(crate) old_mode: String,
    pub(crate) mode: String,
    pub(crate) blob: String,
    pub(crate) path: Vec<u8>,
    /// Where a renamed path was before.
    pub(crate) old_path: Option<Vec<u8>>,
}

/// What stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Commit(Commit),
    Change(Change),
}

/// Reads items until the log ends.
pub(crate) struct LogReader<R> {
    from: R,
}

impl<R: BufRead> LogReader<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from }
    }

    /// Returns the next item, or none at the end.
    ///
    /// # Errors
    /// When git's output cannot be read, ends within an item, or is none that this reader knows.
    pub(crate) fn next_item(&mut self) -> io::Result<Option<Item>> {
        let Some(start) = self.field_or_end()? else {
            return Ok(None);
        };
        // The format and the changed paths are separated by a newline.
        let start = start.strip_prefix(b"\n").unwrap_or(&start);
        match start.strip_prefix(b":") {
            Some(facts) => self.change(facts).map(|change| Some(Item::Change(change))),
            None => self.commit(start).map(|commit| Some(Item::Commit(commit))),
        }
    }

    fn commit(&mut self, hash: &[u8]) -> io::Result<Commit> {
        let hash = ascii(hash)?;
        if hash.len() < 40 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(not_understood(&format!("{hash} is no commit")));
        }
        let parents = ascii(&self.field()?)?;
        let author_name = self.field()?;
        let author_email = self.field()?;
        let date = ascii(&self.field()?)?;
        let (seconds, offset) = date.split_once(' ').unwrap_or((&date, "+0000"));
        Ok(Commit {
            hash,
            parents: parents
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            author_name,
            author_email,
            // A commit whose time is no number still is a commit.
            unix_seconds: seconds.parse().unwrap_or(0),
            offset: offset.to_owned(),
            subject: self.field()?,
        })
    }

    fn change(&mut self, facts: &[u8]) -> io::Result<Change> {
        let facts = ascii(facts)?;
        let fields: Vec<&str> = facts.split(' ').collect();
        let [old_mode, mode, _, blob, status] = fields.as_slice() else {
            return Err(not_understood(&facts));
        };
        let first_path = self.field()?;
        let (status, old_path) = match status.bytes().next() {
            // Copies are not asked for; what is copied is there in addition all the same.
            Some(b'C') => (Status::Added, Some(first_path)),
            Some(b'R') => (Status::Renamed, Some(first_path)),
            Some(b'A') => return Ok(plain(Status::Added, old_mode, mode, blob, first_path)),
            Some(b'D') => return Ok(plain(Status::Deleted, old_mode, mode, blob, first_path)),
            Some(b'M' | b'T') => {
                return Ok(plain(Status::Modified, old_mode, mode, blob, first_path));
            }
            _ => return Err(not_understood(&facts)),
        };
        let path = self.field()?;
        Ok(Change {
            old_path,
            ..plain(status, old_mode, mode, blob, path)
        })
    }

    fn field(&mut self) -> io::Result<Vec<u8>> {
        self.field_or_end()?
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "git's output is cut off"))
    }

    fn field_or_end(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut field = Vec::new();
        let read = (&mut self.from)
            .take(FIELD_BYTES_MAX)
            .read_until(0, &mut field)?;
        match field.pop() {
            None => Ok(None),
            Some(0) => Ok(Some(field)),
            Some(_) if read as u64 == FIELD_BYTES_MAX => Err(not_understood("a field is too long")),
            Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn plain(status: Status, old_mode: &str, mode: &str, blob: &str, path: Vec<u8>) -> Change {
    Change {
        status,
        old_mode: old_mode.to_owned(),
        mode: mode.to_owned(),
        blob: blob.to_owned(),
        path,
        old_path: None,
    }
}

fn ascii(bytes: &[u8]) -> io::Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(not_understood(&String::from_utf8_lossy(bytes))),
    }
}

fn not_understood(text: &str) -> io::Error {
    let text = format!("git's output is not understood: {text:?}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
#[path = "log_reader_tests.rs"]
mod tests;
