//! What can go wrong with a call, and the plan of when it does.
//!
//! Everything is ordered beforehand or drawn from a seed, so that a run can be replayed.

use std::collections::BTreeMap;
use std::io;

use crate::fs::FsCall;

/// What happens instead of a call, or besides it.
///
/// A fault that means nothing to a call, such as [`Fault::Lie`] to a read, does not strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and nothing happens.
    ///
    /// A sync of a file that fails in this way drops the writes that were pending: they stay
    /// readable, and no later sync makes them durable. Changes of the length stay pending.
    Error(io::ErrorKind),
    /// The call does all that it should and then fails.
    ErrorAfter(io::ErrorKind),
    /// A write moves at most so many bytes; so does a read, but at least one.
    Short(usize),
    /// A write answers that it took nothing.
    Zero,
    /// The call fails with [`io::ErrorKind::Interrupted`] and nothing happens; a sync loses
    /// nothing by it.
    Interrupted,
    /// The calling thread panics.
    Panic(When),
    /// A sync, of a file or a directory, reports success and does nothing.
    Lie,
    /// A sync of a file fails; of what was pending the lengths and some sectors, drawn from this
    /// seed, have reached the disk, the rest is gone, and calls see what the disk has: as on a file
    /// system that drops the pages which it could not write.
    Torn(u64),
    /// The disk is gone, from this call on: see [`SimFs::die`](super::SimFs::die).
    Dead,
}

/// At which moment of a call its thread panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before anything happened.
    Before,
    /// When half of a write is done; before any other call.
    Middle,
    /// When everything happened, before the caller learns of it.
    After,
}

/// Faults drawn at random, each given by how many of 256 calls it strikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// What the draws start from.
    pub seed: u64,
    /// Writes and reads that move only a part of the bytes, and at least one.
    pub short_write: u8,
    /// Writes and reads that are interrupted.
    pub interrupted: u8,
    /// Syncs that report success and do nothing.
    pub lying_sync: u8,
    /// Calls that fail with [`io::ErrorKind::Other`]: all but [`FsCall::Len`],
    /// [`FsCall::Exists`] and [`FsCall::Lock`].
    pub error: u8,
}

/// The faults to come.
#[derive(Default)]
pub(super) struct Plan {
    at: BTreeMap<u64, Fault>,
    nth: BTreeMap<(FsCall, u64), Fault>,
    from: Vec<From>,
    noise: Option<(Noise, fastrand::Rng)>,
    /// How many calls of each kind there were.
    made: BTreeMap<FsCall, u64>,
    injected: u64,
}

/// A fault that strikes every call from one on.
struct From {
    index: u64,
    only: Option<FsCall>,
    fault: Fault,
}

impl Plan {
    pub(super) fn at(&mut self, index: u64, fault: Fault) {
        self.at.insert(index, fault);
    }

    pub(super) fn from(&mut self, index: u64, only: Option<FsCall>, fault: Fault) {
        self.from.push(From { index, only, fault });
    }

    pub(super) fn nth(&mut self, call: FsCall, n: u64, fault: Fault) {
        let next = self.made.get(&call).copied().unwrap_or(0);
        self.nth.insert((call, next.saturating_add(n)), fault);
    }

    /// Orders a fault for the first call of a kind that has none yet.
    pub(super) fn next(&mut self, call: FsCall, fault: Fault) {
        let mut number = self.made.get(&call).copied().unwrap_or(0);
        while self.nth.contains_key(&(call, number)) {
            number += 1;
        }
        self.nth.insert((call, number), fault);
    }

    pub(super) fn noise(&mut self, noise: Noise) {
        self.noise = Some((noise, fastrand::Rng::with_seed(noise.seed)));
    }

    /// Forgets what is to come; what was counted stays.
    pub(super) fn clear(&mut self) {
        self.at.clear();
        self.nth.clear();
        self.from.clear();
        self.noise = None;
    }

    pub(super) fn injected(&self) -> u64 {
        self.injected
    }

    /// Returns the fault that strikes this call, and counts it; `bytes` are what it is to move.
    pub(super) fn strike(&mut self, index: u64, call: FsCall, bytes: usize) -> Option<Fault> {
        let made = self.made.entry(call).or_default();
        let number = *made;
        *made += 1;
        let at = self.at.remove(&index);
        let nth = self.nth.remove(&(call, number));
        let fault = at
            .or(nth)
            .or_else(|| self.lasting(index, call))
            .or_else(|| self.draw(call, bytes))
            .filter(|fault| fault.means_something_to(call));
        self.injected += u64::from(fault.is_some());
        fault
    }

    /// Of the faults that last, the one ordered last.
    fn lasting(&self, index: u64, call: FsCall) -> Option<Fault> {
        let strikes =
            |from: &&From| from.index <= index && from.only.is_none_or(|only| only == call);
        self.from.iter().rev().find(strikes).map(|from| from.fault)
    }

    fn draw(&mut self, call: FsCall, bytes: usize) -> Option<Fault> {
        let (noise, random) = self.noise.as_mut()?;
        let mut strikes = |rate: u8| rate > 0 && random.u8(..) < rate;
        if is_faultable(call) && strikes(noise.error) {
            return Some(Fault::Error(io::ErrorKind::Other));
        }
        if moves_bytes(call) && strikes(noise.interrupted) {
            return Some(Fault::Interrupted);
        }
        if moves_bytes(call) && bytes > 1 && strikes(noise.short_write) {
            return Some(Fault::Short(random.usize(1..bytes)));
        }
        (syncs(call) && strikes(noise.lying_sync)).then_some(Fault::Lie)
    }
}

impl Fault {
    fn means_something_to(self, call: FsCall) -> bool {
        match self {
            Self::Short(_) => moves_bytes(call),
            Self::Zero => call == FsCall::WriteAt,
            Self::Lie => syncs(call),
            Self::Torn(_) => syncs_a_file(call),
            Self::Error(_)
            | Self::ErrorAfter(_)
            | Self::Interrupted
            | Self::Panic(_)
            | Self::Dead => true,
        }
    }
}

fn moves_bytes(call: FsCall) -> bool {
    matches!(call, FsCall::ReadAt | FsCall::WriteAt)
}

fn syncs(call: FsCall) -> bool {
    call == FsCall::SyncDirectory || syncs_a_file(call)
}

/// Tells whether a call makes a file's bytes durable.
pub(super) fn syncs_a_file(call: FsCall) -> bool {
    matches!(call, FsCall::SyncData | FsCall::SyncAll)
}

fn is_faultable(call: FsCall) -> bool {
    !matches!(call, FsCall::Len | FsCall::Exists | FsCall::Lock)
}
