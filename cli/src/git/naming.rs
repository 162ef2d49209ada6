//! Which entity, which scope and which event id a commit and a changed path get.

use crate::failure::Failure;
use batpak::coordinate::MAX_COORDINATE_COMPONENT_LEN;
use batpak::prelude::*;

/// What the scope of every imported event starts with; the repository's name follows.
pub(crate) const SCOPE_PREFIX: &str = "git:";

/// How many hexadecimal digits of a hash tell apart the names that had to be changed.
const SUFFIX_DIGITS: usize = 16;

/// Returns the entity and scope of a repository's commits.
pub(crate) fn repository(name: &str) -> Result<Coordinate, Failure> {
    let made = Coordinate::new(
        format!("repository:{name}"),
        format!("{SCOPE_PREFIX}{name}"),
    );
    made.map_err(|error| Failure::Failed(format!("the repository's name cannot be used: {error}")))
}

/// Returns the entity and scope of a path's changes, in the scope of its repository.
pub(crate) fn file(path: &[u8], scope: &str) -> Result<Coordinate, Failure> {
    let made = Coordinate::new(entity("file:", path), scope);
    made.map_err(|error| Failure::Failed(format!("a path cannot be used as a name: {error}")))
}

/// Names a path: as it is where it is text that fits, else as much of it as can be said and a
/// hash of all of it, so that two paths never share a name. The payload keeps the path itself.
fn entity(prefix: &str, path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if prefix.len() + text.len() <= MAX_COORDINATE_COMPONENT_LEN => {
            format!("{prefix}{text}")
        }
        Ok(text) => shortened(prefix, text, path),
        Err(_) => shortened(prefix, &String::from_utf8_lossy(path), path),
    }
}

fn shortened(prefix: &str, text: &str, path: &[u8]) -> String {
    let hash = blake3::hash(path).to_hex();
    let suffix: String = hash.chars().take(SUFFIX_DIGITS).collect();
    let room = MAX_COORDINATE_COMPONENT_LEN.saturating_sub(prefix.len() + 1 + suffix.len());
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).unwrap_or_default();
    format!("{prefix}{kept}#{suffix}")
}

/// Returns the id of a commit's event.
///
/// Ids follow from the commit alone, never from where the repository is: another clone of it has
/// the same ones.
pub(crate) fn commit_id(commit: &str) -> u128 {
    id(&[b"batpak import git v1 commit", commit.as_bytes()])
}

/// Returns the id of the event of one path that a commit changed.
pub(crate) fn change_id(commit: &str, path: &[u8]) -> u128 {
    id(&[b"batpak import git v1 path", commit.as_bytes(), path])
}

/// Hashes parts that contain no NUL, which neither hashes nor paths do.
fn id(parts: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part).update(&[0]);
    }
    let mut first = [0; 16];
    hasher.finalize_xof().fill(&mut first);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &[u8]) -> String {
        file(path, "git:x").unwrap().entity().to_owned()
    }

    #[test]
    fn a_path_that_is_text_is_its_own_name() {
        assert_eq!(
            name("src/grün und so.rs".as_bytes()),
            "file:src/grün und so.rs"
        );
    }

    #[test]
    fn paths_that_cannot_be_said_get_names_that_differ_and_stay() {
        let (one, other) = (name(b"a\xff"), name(b"a\xfe"));
        assert_ne!(one, other);
        assert_eq!(one, name(b"a\xff"));
        assert!(one.starts_with("file:a\u{fffd}#"), "{one}");
    }

    #[test]
    fn long_paths_are_shortened_between_letters_and_told_apart() {
        let long = |last: &str| name(format!("{}{last}", "ü".repeat(600)).as_bytes());
        assert!(long("a").len() <= MAX_COORDINATE_COMPONENT_LEN);
        assert_ne!(long("a"), long("b"));
        let invalid = name(&[0xff; 4096]);
        assert!(invalid.len() <= MAX_COORDINATE_COMPONENT_LEN);
    }

    /// Stores that exist hold these ids: another way to make them would import everything twice.
    #[test]
    fn ids_stay_what_they_are() {
        let commit = "07d7387ea427c8775cae5bbe868df2f7db7ceb4c";
        assert_eq!(commit_id(commit), 0x645c_d612_1117_b604_cf9f_a8a5_32e5_9f1c);
        let change = change_id(commit, b"a b");
        assert_eq!(change, 0x7b91_4266_5fa9_f65b_d2ba_f20c_22e8_7402);
    }
}
