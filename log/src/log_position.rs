//! Where a log stands: what the next group follows.

use crate::event::hash::fold_log_hash;
use crate::position::Hlc;
use crate::segment::{Group, Predecessor, SegmentHeader, SegmentName, Trailer};

/// The end of a log, or of a part of it: everything that the next group or segment builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The segment that holds the end.
    pub segment: SegmentName,
    /// The last segment number that this segment covers.
    pub last_id: u64,
    /// Where its groups end, in bytes.
    pub offset: u64,
    /// How many events the log holds up to here.
    pub event_count: u64,
    /// The smallest sequence that may be given out next.
    pub next_sequence: u64,
    /// The highest time given out.
    pub hlc: Hlc,
    /// The fold over all event hashes so far.
    pub log_hash: [u8; 32],
}

impl LogPosition {
    /// Returns the position before the first event of a segment.
    pub fn at_start_of(header: &SegmentHeader) -> Self {
        Self {
            segment: header.segment,
            last_id: header.last_id,
            offset: header.encoded_len(),
            event_count: header.events_before,
            next_sequence: header.first_sequence,
            hlc: header.hlc,
            log_hash: header.log_hash_before(),
        }
    }

    /// Moves behind a group.
    pub fn advance(&mut self, group: &Group<'_>) {
        self.offset = group.end;
        for event in &group.events {
            self.count(event.sequence, event.record.hlc, &event.record.event_hash);
        }
    }

    /// Moves behind one event.
    pub fn count(&mut self, sequence: u64, hlc: Hlc, event_hash: &[u8; 32]) {
        self.event_count = self.event_count.saturating_add(1);
        self.next_sequence = sequence.saturating_add(1);
        self.hlc = self.hlc.max(hlc);
        self.log_hash = fold_log_hash(&self.log_hash, event_hash);
    }

    /// Returns how the next segment's header describes this one.
    pub fn as_predecessor(&self) -> Predecessor {
        Predecessor {
            last_id: self.last_id,
            generation: self.segment.generation,
            end_offset: self.offset,
            log_hash: self.log_hash,
        }
    }

    /// Returns the trailer that seals the segment here.
    pub fn as_trailer(&self, clean: bool) -> Trailer {
        Trailer {
            clean,
            end_offset: self.offset,
            event_count: self.event_count,
            next_sequence: self.next_sequence,
            hlc: self.hlc,
            log_hash: self.log_hash,
        }
    }
}

#[cfg(test)]
mod tests;
