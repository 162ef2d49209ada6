//! What is kept of a commit and of a changed path.
//!
//! Texts are kept as text. Git allows any bytes in most of them: where they are no UTF-8, the text
//! has replacement characters and a second field ending in `_hex` has the bytes.

use super::log_reader::{Change, Commit, Status};
use crate::clock_text;
use crate::hex;
use serde::Serialize;
use std::borrow::Cow;

/// A subject or an author's name is kept up to this length: the commit itself has the rest.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The payload of every event of an import; what a kind does not have is left out. What a person
/// looks for comes first, since a row has room for little more.
#[derive(Debug, Serialize)]
pub(crate) struct Payload<'a> {
    subject: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_hex: Option<String>,
    author_name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_name_hex: Option<String>,
    author_email: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_email_hex: Option<String>,
    /// The author's time in the author's zone; left out where no calendar has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    unix_seconds: i64,
    commit: &'a str,
    /// Of a commit: the hashes of its parents.
    #[serde(skip_serializing_if = "Option::is_none")]
    parents: Option<&'a [String]>,
    /// Of a path: the path after the commit, and before it where it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path_hex: Option<String>,
    /// Of a path, unless deleted: git's mode and the hash of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    /// Of a path that was there before, when its mode was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<&'a str>,
}

impl<'a> Payload<'a> {
    /// Returns the payload of a commit's own event.
    pub(crate) fn of_commit(commit: &'a Commit) -> Self {
        Self {
            parents: Some(&commit.parents),
            ..Self::shared(commit)
        }
    }

    /// Returns the payload of the event of a path that the commit has changed.
    pub(crate) fn of_change(commit: &'a Commit, change: &'a Change) -> Self {
        let was_there = !matches!(change.status, Status::Added);
        let is_there = !matches!(change.status, Status::Deleted);
        let other_mode = was_there && is_there && change.old_mode != change.mode;
        let (path, path_hex) = text(&change.path);
        let (old_path, old_path_hex) = change.old_path.as_deref().map(text).unzip();
        Self {
            path: Some(path),
            path_hex,
            old_path,
            old_path_hex: old_path_hex.flatten(),
            mode: is_there.then_some(change.mode.as_str()),
            old_mode: other_mode.then_some(change.old_mode.as_str()),
            blob: is_there.then_some(change.blob.as_str()),
            ..Self::shared(commit)
        }
    }

    /// Returns what every event of a commit tells.
    fn shared(commit: &'a Commit) -> Self {
        let (subject, subject_hex) = text(shortened(&commit.subject));
        let (author_name, author_name_hex) = text(shortened(&commit.author_name));
        let (author_email, author_email_hex) = text(shortened(&commit.author_email));
        Self {
            path: None,
            path_hex: None,
            old_path: None,
            old_path_hex: None,
            subject,
            subject_hex,
            author_name,
            author_name_hex,
            author_email,
            author_email_hex,
            time: clock_text::from_git(commit.unix_seconds, &commit.offset),
            unix_seconds: commit.unix_seconds,
            commit: &commit.hash,
            parents: None,
            mode: None,
            old_mode: None,
            blob: None,
        }
    }
}

/// Returns bytes as text, and as hexadecimal digits where the text does not say them all.
fn text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => (Cow::Borrowed(text), None),
        lossy @ Cow::Owned(_) => (lossy, Some(hex::encode(bytes))),
    }
}

fn shortened(bytes: &[u8]) -> &[u8] {
    let Some(kept) = bytes.get(..TEXT_BYTES_MAX) else {
        return bytes;
    };
    // Text is cut between letters, so that it stays text.
    match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() => {
            kept.get(..error.valid_up_to()).unwrap_or(kept)
        }
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_kept_beside_what_can_be_read() {
        assert_eq!(text("grün".as_bytes()), ("grün".into(), None));
        assert_eq!(text(b"a\xff"), ("a\u{fffd}".into(), Some("61ff".into())));
    }

    #[test]
    fn a_long_subject_is_cut_between_letters() {
        let long = format!("a{}", "ü".repeat(TEXT_BYTES_MAX));
        let kept = shortened(long.as_bytes());
        assert_eq!(kept.len(), TEXT_BYTES_MAX - 1);
        assert!(std::str::from_utf8(kept).is_ok());
    }
}
