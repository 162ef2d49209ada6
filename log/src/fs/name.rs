//! Judges and splits the names that an [`Fs`](super::Fs) is asked for.
//!
//! Owns the rule that no name leads out of the directory; both implementations ask here.

use std::io;

/// Splits a name into its directory (`""` for the root) and its last component.
///
/// A name that could lead outside is refused.
pub(super) fn split(name: &str) -> io::Result<(&str, &str)> {
    if name.split('/').all(is_plain) {
        Ok(name.rsplit_once('/').unwrap_or(("", name)))
    } else {
        let text = format!("{name:?} is no name of a file in this directory");
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

/// Returns the directory of a name.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Says that a name belongs to something else than a regular file.
pub(super) fn not_a_regular_file(name: &str) -> io::Error {
    let text = format!("{name:?} is not a regular file");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Adds the name to an error that is about what stands there; the system leaves it out.
pub(super) fn told(name: &str, error: io::Error) -> io::Error {
    let kind = error.kind();
    let what = if kind == io::ErrorKind::IsADirectory {
        "is a directory"
    } else if kind == io::ErrorKind::NotADirectory {
        "is not a directory"
    } else {
        return error;
    };
    io::Error::new(kind, format!("{name:?} {what}: move it away"))
}

fn is_plain(component: &str) -> bool {
    !matches!(component, "" | "." | "..") && !component.contains('\0')
}
