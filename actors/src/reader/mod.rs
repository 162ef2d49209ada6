//! Reads events for callers, past every mailbox.
//!
//! Looks into the published view, and into the files that it names. Owns the open files and the
//! cache. Never writes, never waits for an actor.

mod access;
mod ancestors;
mod causality;
mod events;
mod frames;
mod heal;
mod lookup;
mod select;

pub use ancestors::Ancestors;
pub use events::Events;
pub use lookup::EntityHead;

pub(crate) use access::{Access, NamesOfRuns, PagesOfAll};

use crate::error::StoreError;
use crate::raw_event::RawEvent;
use crate::view::{IndexEntry, ReadView, Snapshot};
use batpak_log::coordinate::Region;
use batpak_log::error::LogError;
use batpak_log::event::StoredEvent;
use batpak_log::fs::{Access as OpenFor, Fs};
use batpak_log::index::RunName;
use batpak_log::segment::SegmentName;
use lookup::Found;
use std::io;
use std::sync::Arc;

/// What a reader may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderOptions {
    /// How many files are kept open.
    pub fd_budget: usize,
    /// How many bytes of indexes, segments and names are kept, at the most.
    pub cache_bytes: u64,
}

/// Reads through the published view; a clone shares files and cache.
#[derive(Clone, Debug)]
pub struct Reader {
    access: Arc<Access>,
    view: Arc<ReadView>,
    options: ReaderOptions,
}

impl Reader {
    /// Reads what `view` shows.
    pub fn new(fs: Arc<dyn Fs>, view: Arc<ReadView>, options: ReaderOptions) -> Self {
        let access = Arc::new(Access::new(fs, options));
        Self {
            access,
            view,
            options,
        }
    }

    /// Returns what it may use.
    pub fn options(&self) -> &ReaderOptions {
        &self.options
    }

    /// Returns the view.
    pub fn view(&self) -> &Arc<ReadView> {
        &self.view
    }

    /// Returns how long the files of segments and indexes are together, in bytes; one that goes or
    /// cannot be looked at meanwhile counts nothing.
    pub fn bytes_on_disk(&self) -> u64 {
        let fs = self.access.fs();
        let names = fs.list("").unwrap_or_default();
        let counts =
            |name: &&String| SegmentName::parse(name).is_some() || RunName::parse(name).is_some();
        let opened = names.iter().filter(counts);
        let opened = opened.filter_map(|name| fs.open(name, OpenFor::Read).ok());
        opened.filter_map(|file| file.len().ok()).sum()
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Returns the visible event with this id, its payload as it was encoded.
    ///
    /// # Errors
    /// `NotFound`; `CrcMismatch` when its bytes are damaged, `ForeignFile` or `CorruptSegment` when
    /// its segment is not the one that was opened, `Io` when the segment cannot be read, with
    /// `NotFound` when another process has merged it away.
    pub fn raw(&self, event_id: u128) -> Result<RawEvent, StoreError> {
        self.raw_with(event_id, <[u8]>::to_vec)
    }

    /// As [`raw`](Self::raw), with what `take` makes of the payload.
    ///
    /// # Errors
    /// As [`raw`](Self::raw).
    pub fn raw_with<P>(
        &self,
        event_id: u128,
        mut take: impl FnMut(&[u8]) -> P,
    ) -> Result<RawEvent<P>, StoreError> {
        match self.stored_with(event_id, &mut take)? {
            Some(event) if !event.is_hidden() => Ok(event),
            Some(_) | None => Err(StoreError::NotFound(event_id)),
        }
    }

    /// As [`raw`](Self::raw), also of an event that compaction removed.
    pub(crate) fn stored(&self, event_id: u128) -> Result<Option<RawEvent>, StoreError> {
        self.stored_with(event_id, <[u8]>::to_vec)
    }

    fn stored_with<P>(
        &self,
        event_id: u128,
        mut take: impl FnMut(&[u8]) -> P,
    ) -> Result<Option<RawEvent<P>>, StoreError> {
        let snapshot = self.view.snapshot();
        let lists = &snapshot.lists;
        Ok(match self.locate(&snapshot, event_id, &mut take)? {
            None => None,
            Some(Found::Tail(entry)) => Some(self.entry_event(lists, entry, take)?),
            Some(Found::Indexed(event)) => Some(event),
        })
    }

    /// As [`raw`](Self::raw), with everything that is derived.
    ///
    /// # Errors
    /// As [`raw`](Self::raw).
    pub fn get(&self, event_id: u128) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        let snapshot = self.view.snapshot();
        let lists = &snapshot.lists;
        let found = self.locate(&snapshot, event_id, <[u8]>::to_vec)?;
        match found.filter(|found| !found.is_hidden()) {
            None => Err(StoreError::NotFound(event_id)),
            Some(Found::Tail(entry)) => {
                let event = self.entry_event(lists, entry, <[u8]>::to_vec)?;
                Ok(event.into_stored(entry.hash_chain.prev_hash))
            }
            Some(Found::Indexed(event)) => {
                let before = self.hash_before(lists, &event)?;
                Ok(event.into_stored(before))
            }
        }
    }

    /// Returns what the index knows of the visible event with this id.
    ///
    /// # Errors
    /// As [`raw`](Self::raw), `NotFound` apart.
    pub fn find(&self, event_id: u128) -> Result<Option<IndexEntry>, StoreError> {
        Ok(self.find_in(&self.view.snapshot(), event_id)?)
    }

    fn find_in(&self, snapshot: &Snapshot, event_id: u128) -> Result<Option<IndexEntry>, LogError> {
        let found = self.find_stored(snapshot, event_id)?;
        Ok(found.filter(|entry| !entry.is_hidden))
    }

    /// As [`find`](Self::find), also of an event that compaction removed.
    pub(crate) fn find_stored(
        &self,
        snapshot: &Snapshot,
        event_id: u128,
    ) -> Result<Option<IndexEntry>, LogError> {
        Ok(match self.locate(snapshot, event_id, |_| ())? {
            None => None,
            Some(Found::Tail(entry)) => Some(entry.clone()),
            Some(Found::Indexed(event)) => {
                let before = self.hash_before(&snapshot.lists, &event)?;
                Some(event.entry(before))
            }
        })
    }

    /// Returns the latest visible event of an entity, also one that compaction removed.
    ///
    /// # Errors
    /// As [`raw`](Self::raw), `NotFound` apart.
    pub fn head(&self, entity: &str) -> Result<Option<EntityHead>, StoreError> {
        self.head_before(entity, u64::MAX)
    }

    /// Returns the latest visible event of an entity with a smaller sequence, also one that
    /// compaction removed.
    ///
    /// # Errors
    /// As [`raw`](Self::raw), `NotFound` apart.
    pub fn head_before(
        &self,
        entity: &str,
        sequence: u64,
    ) -> Result<Option<EntityHead>, StoreError> {
        let snapshot = self.view.snapshot();
        let bound = sequence.min(snapshot.visible);
        Ok(self.latest_before(&snapshot.lists, entity, bound)?)
    }

    /// Walks over the visible events of a region, from a sequence on.
    pub fn events(&self, region: &Region, from: u64) -> Events {
        Events::new(self.clone(), region.clone(), from)
    }

    /// As [`events`](Self::events), with those that compaction removed.
    pub(crate) fn all_events(&self, region: &Region, from: u64) -> Events {
        Events::new(self.clone(), region.clone(), from).with_hidden()
    }

    /// Reads the event of an entry.
    ///
    /// # Errors
    /// As [`raw`](Self::raw).
    pub fn read(&self, entry: &IndexEntry) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        let snapshot = self.view.snapshot();
        match self.entry_event(&snapshot.lists, entry, <[u8]>::to_vec) {
            // Compaction has given the event another place since.
            Err(LogError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.get(entry.event_id)
            }
            read => Ok(read?.into_stored(entry.hash_chain.prev_hash)),
        }
    }
}
