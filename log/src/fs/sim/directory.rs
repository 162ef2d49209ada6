//! The names of a disk: as calls see them, as they are durable, and what lies between.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fs::name;
use crate::fs::names::Names;

/// What tells the files of one disk apart, whatever their names.
pub(super) type InodeId = u64;

/// A change of names that no sync of a directory made durable yet.
#[derive(Clone)]
pub(super) enum NameChange {
    /// A file got its first name.
    Link(Arc<str>, InodeId),
    /// A directory was created.
    Directory(Arc<str>),
    /// A file got another name, from the first to the second.
    Rename(Arc<str>, Arc<str>, InodeId),
    /// A file lost its name.
    Unlink(Arc<str>),
}

/// The names of a disk.
#[derive(Clone, Default)]
pub(super) struct Directory {
    /// What calls see.
    pub(super) live: Names<InodeId>,
    /// What is left when all that is pending is lost. A file may be in a directory whose own name
    /// is not durable: it is out of reach then.
    pub(super) durable: Names<InodeId>,
    pub(super) pending: Vec<NameChange>,
}

impl NameChange {
    fn names(&self) -> (&Arc<str>, Option<&Arc<str>>) {
        match self {
            Self::Link(name, _) | Self::Directory(name) | Self::Unlink(name) => (name, None),
            Self::Rename(from, to, _) => (from, Some(to)),
        }
    }

    /// Tells whether one of the names passes.
    fn touches(&self, passes: impl Fn(&Arc<str>) -> bool) -> bool {
        let (first, second) = self.names();
        passes(first) || second.is_some_and(passes)
    }

    fn apply(&self, names: &mut Names<InodeId>) {
        match self {
            Self::Link(name, inode) => {
                names.files.insert(Arc::clone(name), *inode);
            }
            Self::Directory(name) => {
                names.directories.insert(Arc::clone(name));
            }
            Self::Rename(from, to, inode) => {
                names.files.remove(from);
                names.files.insert(Arc::clone(to), *inode);
            }
            Self::Unlink(name) => {
                names.files.remove(name);
            }
        }
    }
}

impl Directory {
    /// Makes names that are all durable.
    pub(super) fn settled(names: Names<InodeId>) -> Self {
        Self {
            live: names.clone(),
            durable: names,
            pending: Vec::new(),
        }
    }

    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    /// Makes what happened in a directory durable.
    pub(super) fn sync(&mut self, directory: &str) {
        self.settle(|name| name::parent(name) == directory);
    }

    /// Makes what happened to a name durable.
    pub(super) fn settle_name(&mut self, name: &str) {
        self.settle(|touched| **touched == *name);
    }

    fn settle(&mut self, passes: impl Fn(&Arc<str>) -> bool) {
        let mut chosen: Vec<bool> = self.pending.iter().map(|c| c.touches(&passes)).collect();
        self.complete(&mut chosen);
        let mut chosen = chosen.into_iter();
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let is_chosen = chosen.next().unwrap_or(false);
            if is_chosen {
                change.apply(durable);
            }
            !is_chosen
        });
    }

    /// Returns the names that are left when of the pending changes the chosen ones survive.
    pub(super) fn survivor(&self, mut chosen: Vec<bool>) -> Names<InodeId> {
        self.complete(&mut chosen);
        let mut names = self.durable.clone();
        for (change, is_chosen) in self.pending.iter().zip(chosen) {
            if is_chosen {
                change.apply(&mut names);
            }
        }
        drop_unreachable(&mut names);
        names
    }

    /// Chooses also whatever happened before to a name of a chosen change: no file system swaps
    /// two changes of one entry, and with this a rename is never seen by halves.
    fn complete(&self, chosen: &mut [bool]) {
        let mut names = BTreeSet::new();
        for (change, is_chosen) in self.pending.iter().zip(chosen).rev() {
            *is_chosen |= change.touches(|name| names.contains(name));
            if *is_chosen {
                let (first, second) = change.names();
                names.insert(first);
                names.extend(second);
            }
        }
    }

    /// Returns every file that has a name, had a durable one, or may get one back.
    pub(super) fn inodes(&self) -> BTreeSet<InodeId> {
        let pending = self.pending.iter().filter_map(|change| match change {
            NameChange::Link(_, inode) | NameChange::Rename(_, _, inode) => Some(inode),
            NameChange::Directory(_) | NameChange::Unlink(_) => None,
        });
        let named = self.live.files.values().chain(self.durable.files.values());
        named.chain(pending).copied().collect()
    }
}

/// Drops what is in a directory that is not there.
fn drop_unreachable(names: &mut Names<InodeId>) {
    let all = std::mem::take(&mut names.directories);
    // A directory comes before what is in it.
    for directory in all {
        if has_parent(names, &directory) {
            names.directories.insert(directory);
        }
    }
    let mut files = std::mem::take(&mut names.files);
    files.retain(|name, _| has_parent(names, name));
    names.files = files;
}

fn has_parent(names: &Names<InodeId>, name: &str) -> bool {
    let parent = name::parent(name);
    parent.is_empty() || names.directories.contains(parent)
}
