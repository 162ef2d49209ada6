//! Reads events for callers, past every mailbox.
//!
//! Owns the cache of open files. Never writes, never waits for an actor.

use crate::error::StoreError;
use crate::runtime::BoundedCache;
use crate::view::{IndexEntry, ReadView};
use batpak_log::coordinate::DagPosition;
use batpak_log::event::hash::payload_hash;
use batpak_log::event::{Event, EventHeader, StoredEvent};
use batpak_log::fs::{Access, File, Fs};
use batpak_log::segment::{EventRecord, SegmentHeader, read_event, read_header};
use std::io;
use std::sync::Arc;

/// Reads through the published view.
#[derive(Debug)]
pub struct Reader {
    fs: Arc<dyn Fs>,
    view: Arc<ReadView>,
    files: BoundedCache<(u64, u32), Arc<dyn File>>,
}

impl Reader {
    /// Reads with at most `fd_budget` files kept open.
    pub fn new(fs: Arc<dyn Fs>, view: Arc<ReadView>, fd_budget: usize) -> Self {
        Self {
            fs,
            view,
            files: BoundedCache::new(fd_budget),
        }
    }

    /// Returns the view.
    pub fn view(&self) -> &Arc<ReadView> {
        &self.view
    }

    /// Returns the visible event with this id, its payload as it was encoded.
    ///
    /// # Errors
    /// `NotFound`, or what [`read`](Self::read) returns.
    pub fn get(&self, event_id: u128) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        let entry = self
            .view
            .by_id(event_id)
            .ok_or(StoreError::NotFound(event_id))?;
        match self.read(&entry) {
            // The segment was merged away between the look-up and the read.
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                let moved = self
                    .view
                    .by_id(event_id)
                    .ok_or(StoreError::NotFound(event_id))?;
                self.read(&moved)
            }
            read => read,
        }
    }

    /// Reads the event of an entry.
    ///
    /// # Errors
    /// `Io` with `NotFound` when its segment was merged since the entry was looked up,
    /// `CrcMismatch` when its bytes are damaged, `ForeignFile` or `CorruptSegment` when its segment
    /// is not the one that was opened, `Io` when the segment cannot be read.
    pub fn read(&self, entry: &IndexEntry) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        let place = entry.disk_pos;
        let header = self.view.segment(place.segment_id);
        let same =
            |header: &Arc<SegmentHeader>| header.segment.generation == entry.segment_generation;
        // What an entry says of its place holds only for the form of the segment that it was
        // read from; after a merge the view has another entry for the event.
        let merged_away = || StoreError::Io(io::ErrorKind::NotFound.into());
        let header = header.filter(same).ok_or_else(merged_away)?;
        let file = self.file(&header)?;
        let read = read_event(&*file, &header, place.offset, place.length, |record| {
            (record.event_id == entry.event_id).then(|| stored_event(entry, record))
        })?;
        read.ok_or(StoreError::CrcMismatch {
            segment_id: place.segment_id,
            offset: place.offset,
        })
    }

    fn file(&self, header: &SegmentHeader) -> Result<Arc<dyn File>, StoreError> {
        let key = (header.segment.id, header.segment.generation);
        if let Some(file) = self.files.get(&key) {
            return Ok(file);
        }
        let file = self.fs.open(&header.segment.file_name(), Access::Read)?;
        let found = read_header(header.segment, &*file)?;
        if found.store_id != header.store_id || found.first_sequence != header.first_sequence {
            return Err(StoreError::ForeignFile {
                name: header.segment.file_name(),
                detail: "it was replaced since the store was opened".into(),
            });
        }
        self.files.insert(key, Arc::clone(&file));
        Ok(file)
    }
}

/// Puts an event together from what the index and its frame hold.
pub(crate) fn stored_event(entry: &IndexEntry, record: &EventRecord<'_>) -> StoredEvent<Vec<u8>> {
    let hlc = record.hlc;
    let position = DagPosition::with_hlc(
        hlc.wall_ms(),
        hlc.counter,
        record.depth,
        record.lane,
        record.clock,
    );
    let header = EventHeader {
        event_id: record.event_id,
        correlation_id: record.correlation_id,
        causation_id: record.causation_id,
        timestamp_us: hlc.timestamp_us(),
        position,
        payload_size: u32::try_from(record.payload.len()).unwrap_or(u32::MAX),
        event_kind: record.kind,
        flags: record.flags,
        content_hash: payload_hash(record.payload),
    };
    let event = Event::new(header, record.payload.to_vec()).with_hash_chain(entry.hash_chain);
    StoredEvent {
        coordinate: entry.coord.clone(),
        event,
    }
}
