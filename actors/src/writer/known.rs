//! What the writer knows of entities and keys: its own latest groups, then the read view.

use crate::error::StoreError;
use crate::protocol::{Append, AppendReceipt, Replay};
use crate::reader::Reader;
use crate::view::IndexEntry;
use batpak_log::coordinate::Coordinate;
use batpak_log::event::EventKind;
use batpak_log::planted::{Bug, planted};
use std::collections::HashMap;
use std::sync::Arc;

/// Beyond so many, what readers can see already is forgotten here.
const REMEMBERED_MAX: usize = 16 * 1024;

/// The latest event of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) clock: u32,
    pub(super) event_hash: [u8; 32],
    pub(super) sequence: u64,
}

/// A stored event that an idempotency key may name again.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) receipt: AppendReceipt,
    pub(super) coordinate: Coordinate,
    pub(super) kind: EventKind,
    pub(super) payload_hash: [u8; 32],
}

impl Stored {
    /// Returns the first receipt, marked as what repeating the key with `append` makes of it.
    pub(super) fn replayed_by(&self, append: &Append) -> AppendReceipt {
        let same = self.coordinate == append.coordinate
            && self.kind == append.kind
            && self.payload_hash == append.payload_hash;
        let replay = if same {
            Replay::SameEvent
        } else {
            Replay::OtherEvent
        };
        AppendReceipt {
            replay: Some(replay).filter(|_| !planted(Bug::HideReplay)),
            ..self.receipt
        }
    }
}

/// Heads and keys of groups that may not be visible to readers yet.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) heads: HashMap<Arc<str>, Head>,
    pub(super) keys: HashMap<u128, Stored>,
}

impl Recent {
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.heads.extend(other.heads.drain());
        self.keys.extend(other.keys.drain());
    }
}

/// Everything that was written, as far as compare-and-swap and idempotency must know it.
#[derive(Debug)]
pub(super) struct Known {
    reader: Arc<Reader>,
    recent: Recent,
}

impl Known {
    pub(super) fn new(reader: Arc<Reader>, recent: Recent) -> Self {
        Self { reader, recent }
    }

    /// Adds a group that has been written.
    pub(super) fn accept(&mut self, mut staged: Recent) {
        self.recent.absorb(&mut staged);
        if self.recent.heads.len() + self.recent.keys.len() > REMEMBERED_MAX {
            let visible = self.reader.view().visible();
            self.recent.heads.retain(|_, head| head.sequence >= visible);
            self.recent
                .keys
                .retain(|_, stored| stored.receipt.sequence >= visible);
        }
    }

    pub(super) fn head(&self, entity: &str) -> Option<Head> {
        let recent = self.recent.heads.get(entity).copied();
        recent.or_else(|| self.reader.view().head(entity).as_ref().map(head_of))
    }

    /// Looks a key up among all events of the store.
    ///
    /// # Errors
    /// When the event is there and cannot be read.
    pub(super) fn stored(&self, key: u128) -> Result<Option<Stored>, StoreError> {
        if let Some(stored) = self.recent.keys.get(&key) {
            return Ok(Some(stored.clone()));
        }
        let Some(entry) = self.reader.view().by_id(key) else {
            return Ok(None);
        };
        if planted(Bug::ForgetStoredKey) {
            return Ok(None);
        }
        // The key is stored, whatever cannot be read now: a caller that was told that nothing was
        // written would store it again under another key.
        let event = self
            .reader
            .read(&entry)
            .map_err(|error| StoreError::FateUnknown {
                detail: format!("the event that the key stands for cannot be read: {error}"),
            })?;
        Ok(Some(Stored {
            receipt: receipt_of(&entry),
            coordinate: entry.coord,
            kind: entry.kind,
            payload_hash: event.event.header.content_hash,
        }))
    }
}

fn head_of(entry: &IndexEntry) -> Head {
    Head {
        clock: entry.clock,
        event_hash: entry.hash_chain.event_hash,
        sequence: entry.global_sequence,
    }
}

fn receipt_of(entry: &IndexEntry) -> AppendReceipt {
    AppendReceipt {
        event_id: entry.event_id,
        sequence: entry.global_sequence,
        disk_pos: entry.disk_pos,
        clock: entry.clock,
        replay: None,
    }
}
