//! Where a cursor stands, as a value that can be saved.

use crate::coordinate::Region;
use crate::store::{IndexEntry, Shared, StoreError};
use batpak_log::planted::{Bug, planted};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// So many bytes of an event's hash tell it from any other that had its sequence.
const MARK_BYTES: usize = 8;
/// The text of a position at the start.
const START: &str = "start";

/// A place in a log: the start, or right behind one event.
///
/// It can be kept as text (`Display` and `FromStr`) or through serde, and names the store and the
/// event that it is behind, so that it is refused where it does not belong. It says nothing of the
/// region: a cursor of another region can be resumed there too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CursorPosition(Option<Place>);

/// The event that a position is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    store_id: [u8; 16],
    event: Marked,
}

/// What tells an event from all others of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) struct Marked {
    sequence: u64,
    /// The first bytes of its hash.
    mark: [u8; MARK_BYTES],
}

impl Marked {
    pub(in crate::store) fn of(entry: &IndexEntry) -> Self {
        Self {
            sequence: entry.global_sequence,
            mark: mark_of(&entry.hash_chain.event_hash),
        }
    }
}

impl CursorPosition {
    /// Returns the start of a log, of any store.
    #[must_use]
    pub const fn start() -> Self {
        Self(None)
    }

    /// Returns the sequence of the event that the position is right behind; `None` at the start.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.0.map(|place| place.event.sequence)
    }

    /// Returns the sequence from which a cursor goes on.
    pub(in crate::store) fn next_sequence(&self) -> u64 {
        let sequence = self.sequence();
        sequence.map_or(0, |sequence| match planted(Bug::ResumeTooEarly) {
            true => sequence,
            false => sequence.saturating_add(1),
        })
    }
}

impl Shared {
    /// Returns the position right behind an event of this store.
    pub(in crate::store) fn position_behind(&self, event: Marked) -> CursorPosition {
        let store_id = self.engine.reader().view().store_id();
        CursorPosition(store_id.map(|store_id| Place { store_id, event }))
    }

    /// Finds out whether a cursor can go on from a position.
    pub(in crate::store) fn check_position(
        self: &Arc<Self>,
        position: &CursorPosition,
    ) -> Result<(), StoreError> {
        let Some(Place { store_id, event }) = position.0 else {
            return Ok(());
        };
        let view = self.engine.reader().view();
        if view.visible() <= event.sequence {
            self.refresh()?;
        }
        if view.store_id() != Some(store_id) {
            return Err(foreign(position, "this is another store"));
        }
        let end = view.visible();
        if end <= event.sequence {
            let detail = format!("the cursor position {position} is not below its end, {end}");
            return Err(StoreError::Rollback { detail });
        }
        match self.mark_at(event.sequence)? {
            // What has its sequence no more was compacted or lost in a crash, and the sequence is
            // not given out again.
            None => Ok(()),
            Some(mark) if mark == event.mark => Ok(()),
            Some(_) => Err(foreign(position, "another event stands there")),
        }
    }

    /// Returns the mark of the event that has a sequence.
    fn mark_at(self: &Arc<Self>, sequence: u64) -> Result<Option<[u8; MARK_BYTES]>, StoreError> {
        let mut events = self.events(&Region::all(), sequence).until(sequence + 1);
        let read = events.next_with(|event| mark_of(&event.event_hash));
        read.transpose()
    }
}

fn foreign(position: &CursorPosition, why: &str) -> StoreError {
    StoreError::ForeignPosition {
        detail: format!("{position}: {why}"),
    }
}

fn mark_of(hash: &[u8; 32]) -> [u8; MARK_BYTES] {
    hash.first_chunk().copied().unwrap_or_default()
}

/// The store's id and the event's mark in hexadecimal, the sequence in decimal digits between them.
impl fmt::Display for CursorPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.0 else {
            return f.write_str(START);
        };
        let store_id = u128::from_be_bytes(place.store_id);
        let Marked { sequence, mark } = place.event;
        let mark = u64::from_be_bytes(mark);
        write!(f, "{store_id:032x}-{sequence}-{mark:016x}")
    }
}

/// A text is not one that a [`CursorPosition`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePositionError(String);

impl fmt::Display for ParsePositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no cursor position: give the text of one as it was, or {START:?}",
            self.0
        )
    }
}

impl std::error::Error for ParsePositionError {}

impl FromStr for CursorPosition {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text {
            START => Some(Self::start()),
            text => parse(text),
        };
        // One position has one text.
        parsed
            .filter(|position| position.to_string() == text)
            .ok_or_else(|| ParsePositionError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<CursorPosition> {
    let (store_id, rest) = text.split_once('-')?;
    let (sequence, mark) = rest.split_once('-')?;
    Some(CursorPosition(Some(Place {
        store_id: u128::from_str_radix(store_id, 16).ok()?.to_be_bytes(),
        event: Marked {
            sequence: sequence.parse().ok()?,
            mark: u64::from_str_radix(mark, 16).ok()?.to_be_bytes(),
        },
    })))
}

impl From<CursorPosition> for String {
    fn from(position: CursorPosition) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for CursorPosition {
    type Error = ParsePositionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
