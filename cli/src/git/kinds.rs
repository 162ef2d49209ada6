//! The kinds of the events that `import git` makes. They are part of what users build on, so a
//! number never gets another meaning.

use batpak::event::EventKind;

/// A commit; an event of the repository's entity.
pub(crate) const COMMIT: EventKind = EventKind::custom(0x1, 0x001);
/// A path that the first parent did not have. Copies are not searched for: they are added paths.
pub(crate) const ADDED: EventKind = EventKind::custom(0x1, 0x002);
/// A path whose content or mode is another one. A change of type, as from a file to a symbolic
/// link, is one of these: the modes in the payload tell it.
pub(crate) const MODIFIED: EventKind = EventKind::custom(0x1, 0x003);
/// A path that the commit no longer has.
pub(crate) const DELETED: EventKind = EventKind::custom(0x1, 0x004);
/// A path under which the content of a deleted one goes on; an event of the new path's entity,
/// with the old path in its payload.
pub(crate) const RENAMED: EventKind = EventKind::custom(0x1, 0x005);

/// Returns what a kind means in a scope that `import git` writes.
pub(crate) fn name(scope: &str, kind: EventKind) -> Option<&'static str> {
    const NAMES: [(EventKind, &str); 5] = [
        (COMMIT, "commit"),
        (ADDED, "added"),
        (MODIFIED, "modified"),
        (DELETED, "deleted"),
        (RENAMED, "renamed"),
    ];
    if !scope.starts_with(super::naming::SCOPE_PREFIX) {
        return None;
    }
    let named = NAMES.iter().find(|(named, _)| *named == kind)?;
    Some(named.1)
}
