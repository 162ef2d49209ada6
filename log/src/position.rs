//! When an event happened and where it stands in its entity's history.
//!
//! Owns the hybrid logical clock and the position. Never reads a clock: times are proposed by
//! whoever appends.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

const MICROSECONDS_PER_MILLISECOND: u64 = 1_000;

/// A hybrid logical clock: wall time that never goes back, and a counter within a millisecond.
///
/// Its life in a log:
/// 1. A log begins with `Hlc::default()`, which is earlier than every event.
/// 2. An event takes [`Hlc::next`] of the event before it and of the time that its caller read.
/// 3. So the pair of [`Hlc::wall_ms`] and `counter` increases strictly from event to event,
///    whatever the wall clocks do; a clock that was set back only makes the counter run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Hlc {
    /// Microseconds since the epoch, never less than those of the event before.
    pub wall_us: u64,
    /// How many events before this one share its millisecond.
    pub counter: u16,
}

impl Hlc {
    /// Returns the time of the next event, for which the caller's clock shows `proposed_wall_us`.
    ///
    /// The wall time is the greater of this one and the proposed one (a time before the epoch
    /// counts as the epoch). The counter starts at 0 with every new millisecond; when it is
    /// spent, the next whole millisecond is taken, ahead of the wall clock. At the very end of
    /// time the last value repeats, since nothing can follow it.
    #[must_use]
    pub fn next(self, proposed_wall_us: i64) -> Self {
        let proposed = u64::try_from(proposed_wall_us).unwrap_or(0);
        let wall_us = self.wall_us.max(proposed);
        if wall_us / MICROSECONDS_PER_MILLISECOND > self.wall_ms() {
            return Self {
                wall_us,
                counter: 0,
            };
        }
        match self.counter.checked_add(1) {
            Some(counter) => Self { wall_us, counter },
            None => self.next_millisecond(),
        }
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn wall_ms(self) -> u64 {
        self.wall_us / MICROSECONDS_PER_MILLISECOND
    }

    /// Returns the microseconds since the epoch as a signed number, at most `i64::MAX`.
    #[must_use]
    pub fn timestamp_us(self) -> i64 {
        i64::try_from(self.wall_us).unwrap_or(i64::MAX)
    }

    /// Returns the first moment of the next millisecond, or the last value there is.
    fn next_millisecond(self) -> Self {
        let wall_us = (self.wall_ms() + 1).checked_mul(MICROSECONDS_PER_MILLISECOND);
        match wall_us {
            Some(wall_us) => Self {
                wall_us,
                counter: 0,
            },
            None => Self {
                wall_us: u64::MAX,
                counter: u16::MAX,
            },
        }
    }
}

/// The place of an event: its sequence within its entity, its branch, and its time.
///
/// Positions are compared within one entity. The order is partial: another lane or another depth
/// is another branch, and two events of different branches are neither before nor after each
/// other. Nor are two different events that claim the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DagPosition {
    /// Milliseconds since the epoch, of the event's hybrid logical clock.
    pub wall_ms: u64,
    /// The counter of that clock, so that `(wall_ms, counter)` never goes back.
    pub counter: u16,
    /// How many forks lie between the root and this branch.
    pub depth: u32,
    /// The branch among those of one depth.
    pub lane: u32,
    /// The event's clock: its number within its entity, from 0.
    pub sequence: u32,
}

impl DagPosition {
    /// Makes a position with no time.
    #[must_use]
    pub const fn new(depth: u32, lane: u32, sequence: u32) -> Self {
        Self::with_hlc(0, 0, depth, lane, sequence)
    }

    /// Makes a position with every field given.
    #[must_use]
    pub const fn with_hlc(
        wall_ms: u64,
        counter: u16,
        depth: u32,
        lane: u32,
        sequence: u32,
    ) -> Self {
        Self {
            wall_ms,
            counter,
            depth,
            lane,
            sequence,
        }
    }

    /// Returns the place of an entity's first event.
    #[must_use]
    pub const fn root() -> Self {
        Self::new(0, 0, 0)
    }

    /// Returns the place `sequence` on the main branch, with no time.
    #[must_use]
    pub const fn child(sequence: u32) -> Self {
        Self::new(0, 0, sequence)
    }

    /// Returns the place `sequence` on the main branch, with a time.
    #[must_use]
    pub const fn child_at(sequence: u32, wall_ms: u64, counter: u16) -> Self {
        Self::with_hlc(wall_ms, counter, 0, 0, sequence)
    }

    /// Returns the first place of a new lane, one level below its parent.
    ///
    /// A parent at the greatest depth gives a fork at the same depth.
    #[must_use]
    pub const fn fork(parent_depth: u32, new_lane: u32) -> Self {
        Self::new(parent_depth.saturating_add(1), new_lane, 0)
    }

    /// Tells whether this is the first place of the main branch, at whatever time.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.depth == 0 && self.lane == 0 && self.sequence == 0
    }

    /// Tells whether `other` comes later on the same branch.
    #[must_use]
    pub const fn is_ancestor_of(&self, other: &Self) -> bool {
        self.depth == other.depth && self.lane == other.lane && self.sequence < other.sequence
    }
}

impl fmt::Display for DagPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            wall_ms,
            counter,
            depth,
            lane,
            sequence,
        } = self;
        write!(formatter, "{depth}:{lane}:{sequence}@{wall_ms}.{counter}")
    }
}

impl PartialOrd for DagPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self == other {
            Some(Ordering::Equal)
        } else if self.is_ancestor_of(other) {
            Some(Ordering::Less)
        } else if other.is_ancestor_of(self) {
            Some(Ordering::Greater)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
