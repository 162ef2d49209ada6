//! What a repair has kept and saved, and what is missing.

use crate::recovery::Version1Report;
use batpak_log::repair::{LeftOut, OutdatedForm};
use std::ops::Range;

/// The report names so many ranges of lost bytes at most; the last one takes in all further ones
/// of its file.
const LOST_MAX: usize = 10_000;

/// What a repair has kept and saved, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// The segments that were kept: the longest front of the log that is sound.
    pub kept_segments: u64,
    /// The events in them, with the sequences, clocks and hashes that they had. Events that
    /// compaction had removed count, too.
    pub kept_events: u64,
    /// Below this sequence everything is as it was.
    pub kept_below: u64,
    /// The events that were saved from behind the damage and appended again.
    pub saved_events: u64,
    /// The sequences that the first and the last of them had.
    pub saved_from: Option<(u64, u64)>,
    /// The sequences that the first and the last of them have now.
    pub saved_as: Option<(u64, u64)>,
    /// Bytes in which groups are lost, by file and place. Of very many in one file, one range
    /// covers the last ones.
    pub lost: Vec<LostRange>,
    /// Bytes of merged segments that are lost, too, but whose events stand in segments that they
    /// were merged from: they were taken from there.
    pub from_sources: Vec<LostRange>,
    /// Segments of which there is no file, by number.
    pub missing_segments: Vec<MissingSegments>,
    /// What the checkpoint proves to have been behind the last segment that is there.
    pub lost_end: Option<LostSequences>,
    /// Files that were not looked into, and why.
    pub left_out: Vec<LeftOut>,
    /// Events that are whole, and could not be saved all the same.
    pub not_saved: NotSaved,
    /// Events behind the damage that were there already, under the same id.
    pub already_there: u64,
    /// Segments of whose header one byte was damaged, which the header's checksum told.
    pub restored_headers: Vec<String>,
    /// Segments whose header was lost, and was rebuilt from all that tells of it.
    pub rebuilt_headers: Vec<RebuiltHeader>,
    /// Segments that were used although a later form, which took their place, is lost. If
    /// compaction had removed payloads when it made that form, they are **there again**.
    pub outdated: Vec<OutdatedForm>,
    /// Bytes at the end of the log that a crash has torn: an opening cuts them off, too.
    pub torn_bytes: u64,
    /// What was taken over from the released batpak, where nothing had taken it over before; `None`
    /// otherwise. Its sequences are counted: behind what is lost they are the least that there may
    /// have been.
    pub version1: Option<Version1Report>,
    /// The directory was a copy that had never been finished: it may lack what its source had.
    pub was_unfinished: bool,
}

impl RepairReport {
    /// Returns whether nothing is known to be missing, and nothing may be there again that had been
    /// removed.
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty()
            && self.missing_segments.is_empty()
            && self.lost_end.is_none()
            && !self.left_out.iter().any(|left_out| left_out.is_loss)
            && self.not_saved == NotSaved::default()
            && self.rebuilt_headers.iter().all(|of| of.times_proven)
            && self.outdated.is_empty()
            && !self.was_unfinished
    }

    pub(super) fn add_lost(&mut self, lost: LostRange) {
        let is_full = self.lost.len() >= LOST_MAX;
        match self.lost.last_mut() {
            Some(last) if is_full && last.file == lost.file => {
                last.bytes.end = lost.bytes.end;
                last.sequences.end = lost.sequences.end;
            }
            Some(_) | None => self.lost.push(lost),
        }
    }
}

/// Sequences of events that are missing. Not each of them need have been an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostSequences {
    /// The smallest that may be missing.
    pub first: u64,
    /// None from here on is missing; `None` when nothing that is whole says so.
    pub end: Option<u64>,
}

impl LostSequences {
    pub(super) fn new(first: u64, end: Option<u64>) -> Self {
        let end = end.map(|end| end.max(first));
        Self { first, end }
    }

    /// Returns whether an event that had this sequence may be among the missing ones.
    pub fn contains(&self, sequence: u64) -> bool {
        sequence >= self.first && self.end.is_none_or(|end| sequence < end)
    }
}

/// Bytes in which groups are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostRange {
    /// The file's name in the directory.
    pub file: String,
    /// The bytes, from the start of the file; they may reach behind the end of one that is too
    /// short.
    pub bytes: Range<u64>,
    /// The sequences of the events that stood there.
    pub sequences: LostSequences,
}

impl LostRange {
    pub(super) fn new(file: String, bytes: Range<u64>, sequences: LostSequences) -> Self {
        Self {
            file,
            bytes,
            sequences,
        }
    }
}

/// Segments of which there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingSegments {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// The sequences of their events.
    pub sequences: LostSequences,
}

impl MissingSegments {
    pub(super) fn new((first, last): (u64, u64), sequences: LostSequences) -> Self {
        Self {
            first,
            last,
            sequences,
        }
    }
}

/// A segment whose header was lost, and was rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuiltHeader {
    /// The file's name in the directory.
    pub file: String,
    /// A hash over all events before proves it, so that its segment was kept as it is; otherwise
    /// what is whole in it was appended again.
    pub is_kept: bool,
    /// The hash of an event proves the times of the segment's events. Otherwise they count from
    /// the likeliest time, and may all be wrong by the same amount.
    pub times_proven: bool,
}

impl RebuiltHeader {
    pub(super) fn new(file: String, is_kept: bool, times_proven: bool) -> Self {
        Self {
            file,
            is_kept,
            times_proven,
        }
    }
}

/// Events that are whole, and could not be saved all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotSaved {
    /// What compaction left of events that it had removed: ids and hashes, no payloads.
    pub removed: u64,
    /// Events whose entity and scope were defined in bytes that are lost.
    pub unnamed: u64,
    /// Events of a visibility fence whose end is lost, and events of the released batpak that a
    /// cancelled fence may have hidden: nobody can tell whether they were visible.
    pub undecided: u64,
    /// Events of a source of a merged segment that had removed some of them, or perhaps had, while
    /// the bytes that tell which are lost. To have them all the same, put the merged segment
    /// elsewhere and repair again: then all that it had removed is there again.
    pub maybe_removed: u64,
    /// Whole events of the released batpak, in batches of which other events are lost.
    pub in_cut_batches: u64,
    /// The smallest and the greatest sequence that any of them had, those in cut batches apart.
    pub sequences: Option<(u64, u64)>,
}

impl NotSaved {
    /// Returns how many they are.
    pub fn events(&self) -> u64 {
        let clear = self.removed + self.unnamed + self.in_cut_batches;
        clear + self.undecided + self.maybe_removed
    }
}
