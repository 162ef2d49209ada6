//! The way of every call: it is counted and observed, and a fault may strike it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::directory::InodeId;
use super::disk::{Disk, enter};
use super::fault::{Fault, When, syncs_a_file};
use crate::fs::FsCall;

/// What [`SimFs::observe`](super::SimFs::observe) calls before each call.
pub type Observer = Box<dyn FnMut(&Call<'_>) + Send>;

/// A call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Its number, from 0.
    pub index: u64,
    /// What it is.
    pub call: FsCall,
    /// The name it was given, the old one of two; for a file the name it was opened under.
    pub name: &'a str,
    /// How many bytes a read or a write is to move; 0 for all others.
    pub bytes: usize,
}

impl<'a> Call<'a> {
    /// Makes a call that has no number yet.
    pub(super) fn new(call: FsCall, name: &'a str, bytes: usize) -> Self {
        Self {
            index: 0,
            call,
            name,
            bytes,
        }
    }

    /// Tells whether the call may change what a crash leaves.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self.call {
            FsCall::CreateNew
            | FsCall::Rename
            | FsCall::Remove
            | FsCall::CreateDirectory
            | FsCall::SyncDirectory
            | FsCall::Lock
            | FsCall::WriteAt
            | FsCall::Truncate
            | FsCall::Allocate
            | FsCall::SyncData
            | FsCall::SyncAll => true,
            FsCall::List | FsCall::Open | FsCall::Exists | FsCall::ReadAt | FsCall::Len => false,
        }
    }
}

/// A write that is about to be made.
pub(super) struct InFlight {
    pub(super) inode: InodeId,
    pub(super) offset: usize,
    pub(super) bytes: Arc<[u8]>,
}

/// The bytes that a write is to write; every other call has none.
pub(super) struct Writing<'a> {
    pub(super) inode: InodeId,
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// How the body of a call is to do its work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it should.
    Fully,
    /// It moves at most so many bytes.
    Short(usize),
    /// It looks at its arguments and does nothing.
    Lying,
    /// A sync loses what it should make durable.
    Losing,
    /// A sync makes a part durable, drawn from this seed, and the rest is gone.
    Tearing(u64),
}

impl Way {
    /// Returns how many of `len` bytes to move.
    pub(super) fn limit(self, len: usize) -> usize {
        match self {
            Self::Short(limit) => limit.min(len),
            Self::Fully | Self::Lying | Self::Losing | Self::Tearing(_) => len,
        }
    }
}

/// Makes a call: runs its body over the disk unless a fault strikes.
pub(super) fn make<T>(
    disk: &Mutex<Disk>,
    mut call: Call<'_>,
    writing: Option<&Writing<'_>>,
    body: impl FnOnce(&mut Disk, Way) -> io::Result<T>,
) -> io::Result<T> {
    let mut state = announce(disk, &mut call, writing);
    if state.is_dead {
        return Err(gone());
    }
    let fault = state.plan.strike(call.index, call.call, call.bytes);
    let way = match fault {
        None | Some(Fault::ErrorAfter(_) | Fault::Panic(When::After)) => Way::Fully,
        Some(Fault::Short(limit)) => Way::Short(limit),
        Some(Fault::Zero) => Way::Short(0),
        Some(Fault::Lie) => Way::Lying,
        Some(Fault::Panic(When::Middle)) if writing.is_some() => Way::Short(call.bytes / 2),
        Some(Fault::Error(_)) if syncs_a_file(call.call) => Way::Losing,
        Some(Fault::Torn(seed)) => Way::Tearing(seed),
        Some(Fault::Error(kind)) => return Err(kind.into()),
        Some(Fault::Interrupted) => return Err(io::ErrorKind::Interrupted.into()),
        Some(Fault::Panic(When::Before | When::Middle)) => {
            drop(state);
            fall(&call)
        }
        Some(Fault::Dead) => {
            state.is_dead = true;
            return Err(gone());
        }
    };
    let made = body(&mut state, way);
    // What was made may be a file, whose end takes the lock again.
    drop(state);
    match fault {
        Some(Fault::Panic(_)) => fall(&call),
        Some(Fault::Torn(_)) => Err(io::ErrorKind::Other.into()),
        Some(Fault::Error(kind) | Fault::ErrorAfter(kind)) => {
            Err(made.err().unwrap_or(kind.into()))
        }
        None | Some(Fault::Short(_) | Fault::Zero | Fault::Lie) => made,
        Some(Fault::Interrupted | Fault::Dead) => made,
    }
}

/// Numbers a call and shows it to the observer.
fn announce<'a>(
    disk: &'a Mutex<Disk>,
    call: &mut Call<'_>,
    writing: Option<&Writing<'_>>,
) -> MutexGuard<'a, Disk> {
    let mut state = enter(disk);
    call.index = state.calls;
    state.calls += 1;
    let Some(observer) = state.observer.take() else {
        return state;
    };
    state.in_flight = writing.map(|writing| InFlight {
        inode: writing.inode,
        offset: writing.offset,
        bytes: writing.bytes.into(),
    });
    let mut watch = Watch {
        disk,
        number: state.observers,
        observer: Some(observer),
    };
    drop(state);
    if let Some(observer) = &mut watch.observer {
        observer(call);
    }
    drop(watch);
    enter(disk)
}

/// The observer while it runs; it is put back even when it panics.
struct Watch<'a> {
    disk: &'a Mutex<Disk>,
    /// Tells it from one that takes its place meanwhile.
    number: u64,
    observer: Option<Observer>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut state = enter(self.disk);
        state.in_flight = None;
        if state.observers == self.number {
            state.observer = self.observer.take();
        }
    }
}

/// What a call on a dead disk answers.
fn gone() -> io::Error {
    io::Error::other("the disk is gone")
}

/// Ends the calling thread, as was ordered.
fn fall(call: &Call<'_>) -> ! {
    panic!(
        "an ordered panic in call {}, {:?} of {:?}",
        call.index, call.call, call.name
    )
}
