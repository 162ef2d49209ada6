//! Images of segments for this crate's tests.

use std::sync::Arc;

use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::event::hash::compute_hash;
use crate::fs::{Access, File, Fs, MemoryFs};
use crate::log_position::LogPosition;
use crate::position::Hlc;
use crate::segment::{
    EventRecord, FenceRecord, GroupBuilder, GroupReader, Removals, SegmentHeader, SegmentName,
    Step, Tie, encode_footer,
};

/// The store of the tests.
pub(crate) const STORE: [u8; 16] = *b"store of a test!";

/// A segment in memory that groups are added to.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) header: SegmentHeader,
    /// The header and the groups so far.
    pub(crate) bytes: Vec<u8>,
    pub(crate) position: LogPosition,
    /// Where each group starts.
    pub(crate) starts: Vec<u64>,
    names: u32,
}

impl Image {
    pub(crate) fn new(header: SegmentHeader) -> Self {
        Self {
            bytes: header.encode(),
            position: LogPosition::at_start_of(&header),
            header,
            starts: Vec::new(),
            names: 0,
        }
    }

    /// Returns the first segment of a log, without groups.
    pub(crate) fn first() -> Self {
        Self::new(first_header())
    }

    /// Returns a first segment of four groups; each proves the one before it durable.
    pub(crate) fn of_four_groups() -> Self {
        let mut image = Self::first();
        for payloads in [[b"one".as_slice(), b"two"], [b"three", b"four"]] {
            image.group(&payloads, image.position.offset);
            image.group(&[&payloads.concat()], image.position.offset);
        }
        image
    }

    /// Adds a group of one name and an event for each payload.
    pub(crate) fn group(&mut self, payloads: &[&[u8]], proven: u64) -> &mut Self {
        self.group_of(None, payloads, proven)
    }

    /// Adds a group of nothing but a fence's record.
    pub(crate) fn record(&mut self, fence: FenceRecord) -> &mut Self {
        self.group_of(Some(fence), &[], 0)
    }

    /// Adds a group with a fence's record, if any.
    pub(crate) fn group_of(
        &mut self,
        fence: Option<FenceRecord>,
        payloads: &[&[u8]],
        proven: u64,
    ) -> &mut Self {
        let offset = self.position.offset;
        let binding = self.header.binding();
        let base = self.header.hlc.wall_us;
        let mut builder = GroupBuilder::start(binding, base, offset, Vec::new());
        if let Some(fence) = fence {
            builder.push_fence(fence);
        }
        if !payloads.is_empty() {
            let entity = format!("entity-{}", self.names);
            builder.push_name(&Coordinate::new(entity, "scope").unwrap());
        }
        let first_sequence = self.position.next_sequence;
        for payload in payloads {
            let record = EventRecord {
                name: self.names,
                hlc: self.position.hlc.next(0),
                event_hash: compute_hash(payload),
                ..event(u128::from(self.position.next_sequence) + 1, payload)
            };
            builder.push_event(&record);
            let sequence = self.position.next_sequence;
            self.position
                .count(sequence, record.hlc, &record.event_hash);
        }
        self.names += u32::from(!payloads.is_empty());
        self.starts.push(offset);
        self.bytes.extend(builder.finish(first_sequence, proven));
        self.position.offset = self.bytes.len() as u64;
        self
    }

    /// Returns the file's bytes with a footer.
    pub(crate) fn sealed(&self, clean: bool) -> Vec<u8> {
        let footer = encode_footer(&self.header.binding(), &self.position.as_trailer(clean));
        [self.bytes.as_slice(), &footer].concat()
    }

    /// Returns the segment after this one, without groups.
    pub(crate) fn successor(&self) -> Self {
        let segment = SegmentName::first_generation(self.header.last_id + 1);
        Self::new(SegmentHeader {
            segment,
            last_id: segment.id,
            first_sequence: self.position.next_sequence,
            hlc: self.position.hlc,
            events_before: self.position.event_count,
            predecessor: Some(self.position.as_predecessor()),
            ..first_header()
        })
    }

    /// Returns the file name of the segment.
    pub(crate) fn name(&self) -> String {
        self.header.segment.file_name()
    }
}

/// Returns the header of a log's first segment.
pub(crate) fn first_header() -> SegmentHeader {
    SegmentHeader {
        store_id: STORE,
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: [0xB0; 16],
        hlc: Hlc {
            wall_us: 1_700_000_000_000_000,
            counter: 0,
        },
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    }
}

/// Returns an event of the main branch that begins a correlation.
pub(crate) fn event(event_id: u128, payload: &[u8]) -> EventRecord<'_> {
    EventRecord {
        event_id,
        name: 0,
        clock: 0,
        kind: EventKind::DATA,
        flags: 0,
        hlc: first_header().hlc,
        event_hash: [0xEE; 32],
        correlation_id: event_id,
        causation_id: None,
        keyed: false,
        depth: 0,
        lane: 0,
        tie: Tie::Hashed,
        payload,
        removed: None,
    }
}

/// Returns an open file of these bytes.
pub(crate) fn file_of(bytes: &[u8]) -> Arc<dyn File> {
    let fs = MemoryFs::new();
    fs.set_bytes("f", bytes.to_vec());
    fs.open("f", Access::Read).unwrap()
}

/// Returns the payloads of all whole groups at the front of a segment.
pub(crate) fn payloads_of(header: &SegmentHeader, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = GroupReader::new(file_of(bytes), header, bytes.len() as u64);
    let mut payloads = Vec::new();
    while let Ok(Step::Group(group)) = reader.step() {
        payloads.extend(
            group
                .events
                .iter()
                .map(|event| event.record.payload.to_vec()),
        );
    }
    payloads
}

/// Calls `check` with every copy of `bytes` in which one bit of `range` is flipped.
pub(crate) fn each_flip(
    bytes: &[u8],
    range: std::ops::Range<usize>,
    mut check: impl FnMut(usize, &[u8]),
) {
    let mut bytes = bytes.to_vec();
    for at in range {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            check(at, &bytes);
            bytes[at] ^= 1 << bit;
        }
    }
}

/// Returns an offset as an index into a file's bytes.
pub(crate) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}
