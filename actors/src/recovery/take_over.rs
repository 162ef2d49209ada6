//! Takes over what the released batpak wrote: one segment of this version holds its events.
//!
//! The segment has the form of a merged one. It is complete and durable under its own name before
//! it counts; its header lists the files of version 1, which stay as they are and are not looked
//! into any more. A crash before that leaves a temporary file and nothing else.

use crate::error::StoreError;
use crate::hashing::HashMap;
use batpak_log::coordinate::Coordinate;
use batpak_log::error::LogError;
use batpak_log::fs::{File, Fs, remove_if_there, write_all_at};
use batpak_log::layout::{
    CARRIED_TEMPORARY_NAME, FEATURE_VERSION1, GROUP_BODY_MAX, GROUP_BYTES_MAX, REPLACED_MAX,
    SEQUENCE_SKIP,
};
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::segment::{
    Binding, EventRecord, GroupBuilder, Removals, Replaced, SegmentHeader, SegmentName, Tie,
    encode_footer,
};
use batpak_log::version1::{
    Version1End, Version1Event, Version1Segment, Version1Step, read_version1,
};
use std::sync::Arc;

/// A group is written when it has so many bytes.
const GROUP_BYTES: usize = 1024 * 1024;
/// More than an event needs beside its payload: its fields, and the definition of its name.
const EVENT_ROOM: usize = 4 * 1024;

/// What was taken over from the released batpak.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version1Report {
    /// The segment that holds the events now.
    pub segment: String,
    /// How many files they came from.
    pub sources: u64,
    /// How many events there are.
    pub events: u64,
    /// How many events a cancelled fence hides; they were not taken over.
    pub hidden_events: u64,
    /// How many batches have no end; none of their events was taken over.
    pub dropped_batches: u64,
    /// How many events of such batches stand in the files.
    pub dropped_events: u64,
    /// How many bytes behind the last whole frames were torn by crashes.
    pub torn_bytes: u64,
    /// Sequences that are skipped, because its last events may have been lost.
    pub skipped_sequences: u64,
}

/// Reads the segments of version 1 from one directory and writes the one that takes them over into
/// another, which may be the same.
///
/// # Errors
/// What reading version 1 returns; `Io` or `StorageFull` when the segment cannot be written. Then
/// it can be done again.
pub(crate) fn take_over(
    from: &dyn Fs,
    to: &dyn Fs,
    sources: &[Version1Segment],
) -> Result<Version1Report, StoreError> {
    take_over_with(to, sources, &mut |visit| {
        let end = read_version1(from, sources, visit)?;
        let skipped = if end.clean { 0 } else { SEQUENCE_SKIP };
        Ok((end, skipped))
    })
}

/// Reads events of version 1, oldest first, and returns what it came to and how many sequences are
/// skipped behind them.
pub(crate) type ReadEvents<'r> = &'r mut dyn FnMut(
    &mut dyn FnMut(Version1Step) -> Result<(), StoreError>,
) -> Result<(Version1End, u64), StoreError>;

/// As [`take_over`], of the events that `read` finds in the sources.
pub(crate) fn take_over_with(
    to: &dyn Fs,
    sources: &[Version1Segment],
    read: ReadEvents<'_>,
) -> Result<Version1Report, StoreError> {
    remove_if_there(to, CARRIED_TEMPORARY_NAME)?;
    let file = to.create_new(CARRIED_TEMPORARY_NAME)?;
    let written = write(to, &file, sources, read);
    if written.is_err() {
        // The first error tells more than one of the cleaning.
        let _ = remove_if_there(to, CARRIED_TEMPORARY_NAME);
    }
    let report = written?;
    to.rename(CARRIED_TEMPORARY_NAME, &report.segment)?;
    to.sync_directory("")?;
    Ok(report)
}

fn write(
    to: &dyn Fs,
    file: &Arc<dyn File>,
    sources: &[Version1Segment],
    read: ReadEvents<'_>,
) -> Result<Version1Report, StoreError> {
    let mut header = header(to, sources)?;
    let mut writer = SegmentWriter::new(Arc::clone(file), &header);
    let mut ends = header.replaced.iter_mut();
    let (end, skipped_sequences) = read(&mut |step| {
        match step {
            Version1Step::Event(event, sequence) => writer.push(&event, sequence)?,
            Version1Step::SegmentEnd => {
                if let Some(replaced) = ends.next() {
                    replaced.log_hash = writer.position.log_hash;
                }
            }
        }
        Ok(())
    })?;
    writer.flush()?;
    let mut position = writer.position;
    position.next_sequence = end.next_sequence.saturating_add(skipped_sequences);
    let footer = encode_footer(&header.binding(), &position.as_trailer(true));
    write_all_at(&**file, &footer, position.offset)?;
    write_all_at(&**file, &header.encode(), 0)?;
    file.sync_all()?;
    let Version1End {
        hidden_events,
        dropped_batches,
        dropped_events,
        torn_bytes,
        ..
    } = end;
    Ok(Version1Report {
        segment: header.segment.file_name(),
        sources: sources.len() as u64,
        events: position.event_count,
        hidden_events,
        dropped_batches,
        dropped_events,
        torn_bytes,
        skipped_sequences,
    })
}

/// Returns the header, in which the sources' log hashes are still to be filled in.
fn header(to: &dyn Fs, sources: &[Version1Segment]) -> Result<SegmentHeader, StoreError> {
    let (Some(first), Some(last)) = (sources.first(), sources.last()) else {
        return Err(StoreError::Configuration("nothing to take over".into()));
    };
    if sources.len() > REPLACED_MAX {
        let count = sources.len();
        let text = format!("{count} segments of version 1 are more than {REPLACED_MAX}");
        return Err(StoreError::Configuration(text));
    }
    let replaced = |source: &Version1Segment| Replaced {
        segment: source.name(),
        log_hash: [0; 32],
    };
    Ok(SegmentHeader {
        store_id: store_id(first),
        segment: SegmentName {
            id: first.id,
            generation: 1,
        },
        last_id: last.id,
        first_sequence: 0,
        boot_id: to.boot_id().unwrap_or_default(),
        hlc: Hlc::default(),
        events_before: 0,
        predecessor: None,
        replaced: sources.iter().map(replaced).collect(),
        removals: Removals::default(),
        required_features: FEATURE_VERSION1,
        optional_features: 0,
    })
}

/// Returns the id of the store, which version 1 does not have: it follows from the time at which
/// its first segment was made, so that whoever takes the log over comes to the same.
fn store_id(first: &Version1Segment) -> [u8; 16] {
    let bytes = [b"batpak version 1", first.front.as_slice()].concat();
    let hash = batpak_log::event::hash::compute_hash(&bytes);
    hash.first_chunk().copied().unwrap_or_default()
}

/// Writes events into groups, one behind the other.
struct SegmentWriter {
    file: Arc<dyn File>,
    binding: Binding,
    base_wall_us: u64,
    position: LogPosition,
    names: HashMap<Coordinate, u32>,
    /// The hash of each entity's latest event.
    latest: HashMap<Arc<str>, [u8; 32]>,
    /// The group in hand, and the sequence of its first event.
    group: Option<(GroupBuilder, u64)>,
}

impl SegmentWriter {
    fn new(file: Arc<dyn File>, header: &SegmentHeader) -> Self {
        Self {
            file,
            binding: header.binding(),
            base_wall_us: header.hlc.wall_us,
            position: LogPosition::at_start_of(header),
            names: HashMap::default(),
            latest: HashMap::default(),
            group: None,
        }
    }

    fn push(&mut self, event: &Version1Event, sequence: u64) -> Result<(), StoreError> {
        let length = event.payload.len();
        if length > GROUP_BODY_MAX - EVENT_ROOM {
            let id = event.event_id;
            let text = format!("event {id:032x} has {length} bytes, which is too many");
            return Err(StoreError::Configuration(text));
        }
        let in_order = self.position.next_sequence == sequence;
        let has_room = self.group.as_ref().is_some_and(|(group, _)| {
            let after = group.len().saturating_add(length);
            group.has_room_for(1) && group.len() < GROUP_BYTES && after < GROUP_BYTES_MAX
        });
        if !in_order || !has_room {
            self.flush()?;
        }
        let tie = Tie::Version1 {
            prev_hash: self.stored_prev_hash(event),
        };
        let offset = self.position.offset;
        let (group, _) = self.group.get_or_insert_with(|| {
            let binding = self.binding.clone();
            let group = GroupBuilder::start(binding, self.base_wall_us, offset, Vec::new());
            (group, sequence)
        });
        let next_name = u32::try_from(self.names.len())
            .map_err(|_| LogError::corrupt(self.position.last_id, "it has too many names"))?;
        let coordinate = &event.coordinate;
        let name = *self.names.entry(coordinate.clone()).or_insert_with(|| {
            group.push_name(coordinate);
            next_name
        });
        let hlc = event.hlc();
        group.push_event(&EventRecord {
            event_id: event.event_id,
            name,
            clock: event.clock,
            kind: event.kind,
            flags: event.flags,
            hlc,
            event_hash: event.event_hash,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            // Version 1 does not tell which ids were given as keys, so each may have been.
            keyed: true,
            depth: event.depth,
            lane: event.lane,
            tie,
            payload: &event.payload,
            removed: None,
        });
        self.position.count(sequence, hlc, &event.event_hash);
        self.latest
            .insert(coordinate.entity_arc(), event.event_hash);
        Ok(())
    }

    /// Returns the event's previous hash where a reader would not come to it by itself.
    fn stored_prev_hash<'e>(&self, event: &'e Version1Event) -> Option<&'e [u8; 32]> {
        let before = match event.clock {
            0 => None,
            _ => self.latest.get(event.coordinate.entity()),
        };
        let derived = before.copied().unwrap_or_default();
        (event.prev_hash != derived).then_some(&event.prev_hash)
    }

    /// Writes the group in hand.
    fn flush(&mut self) -> Result<(), StoreError> {
        let Some((group, first_sequence)) = self.group.take() else {
            return Ok(());
        };
        let at = self.position.offset;
        let bytes = group.finish(first_sequence, at);
        write_all_at(&*self.file, &bytes, at)?;
        self.position.offset = at + bytes.len() as u64;
        Ok(())
    }
}
