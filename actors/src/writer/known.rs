//! What the writer knows of entities and keys: its own latest groups, then the read view.

use crate::error::StoreError;
use crate::hashing::HashMap;
use crate::protocol::{Append, AppendReceipt, Replay};
use crate::reader::Reader;
use batpak_log::coordinate::Coordinate;
use batpak_log::event::EventKind;
use batpak_log::planted::{Bug, planted};
use std::sync::Arc;

/// A generation holds about so many heads and keys; there are two.
const GENERATION_MAX: usize = 8 * 1024;

/// A group's table with more room is not kept: emptying one takes as long as it has room.
const SPARE_MAX: usize = 512;

/// The latest event of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) clock: u32,
    pub(super) event_hash: [u8; 32],
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
    fn absorb(&mut self, other: &mut Self) {
        self.heads.extend(other.heads.drain());
        self.keys.extend(other.keys.drain());
    }

    fn len(&self) -> usize {
        self.heads.len() + self.keys.len()
    }

    /// Forgets everything, and keeps the usual room.
    fn clear(&mut self) {
        self.heads.clear();
        self.heads.shrink_to(2 * GENERATION_MAX);
        self.keys.clear();
        self.keys.shrink_to(2 * GENERATION_MAX);
    }
}

/// Everything that was written, as far as compare-and-swap and idempotency must know it.
///
/// What was written lately is remembered in two generations. When the young one is full and
/// readers see all of the old one, the old one is forgotten and the young one takes its place, so
/// nothing is ever searched for what may go.
#[derive(Debug)]
pub(super) struct Known {
    reader: Arc<Reader>,
    young: Recent,
    old: Recent,
    /// Everything in the old generation has a smaller sequence.
    old_end: u64,
    /// What the fence that is open has written.
    fenced: Recent,
    /// An empty table of a group that was taken up, for the room in it.
    spare: Recent,
}

impl Known {
    pub(super) fn new(reader: Arc<Reader>, recent: Recent) -> Self {
        Self {
            reader,
            young: recent,
            old: Recent::default(),
            old_end: 0,
            fenced: Recent::default(),
            spare: Recent::default(),
        }
    }

    /// Lends an empty table for the heads and keys of a group; [`accept`](Self::accept) takes it.
    pub(super) fn lend(&mut self) -> Recent {
        std::mem::take(&mut self.spare)
    }

    /// Adds a group that has been written; `next_sequence` follows all of its events.
    pub(super) fn accept(&mut self, mut staged: Recent, next_sequence: u64) {
        self.young.absorb(&mut staged);
        self.keep_spare(staged);
        self.forget_old(next_sequence);
    }

    /// Adds a group of the fence that is open.
    pub(super) fn accept_fenced(&mut self, mut staged: Recent) {
        self.fenced.absorb(&mut staged);
        self.keep_spare(staged);
    }

    /// Takes up what the fence has written; `next_sequence` follows all of it.
    pub(super) fn commit_fence(&mut self, next_sequence: u64) {
        let mut fenced = std::mem::take(&mut self.fenced);
        self.young.absorb(&mut fenced);
        self.forget_old(next_sequence);
    }

    /// Forgets what the fence has written.
    pub(super) fn cancel_fence(&mut self) {
        if planted(Bug::FenceKeepsHeads) {
            return self.commit_fence(0);
        }
        self.fenced = Recent::default();
    }

    fn keep_spare(&mut self, staged: Recent) {
        if staged.heads.capacity() + staged.keys.capacity() <= SPARE_MAX {
            self.spare = staged;
        }
    }

    fn forget_old(&mut self, next_sequence: u64) {
        if self.young.len() > GENERATION_MAX && self.old_end <= self.reader.view().visible() {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.old_end = next_sequence;
        }
    }

    /// Returns the latest event of an entity.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn head(&self, entity: &str) -> Result<Option<Head>, StoreError> {
        let fenced = self.fenced.heads.get(entity);
        let recent = fenced.or_else(|| self.young.heads.get(entity));
        if let Some(head) = recent.or_else(|| self.old.heads.get(entity)) {
            return Ok(Some(*head));
        }
        let head = self.reader.head(entity)?;
        Ok(head.map(|head| Head {
            clock: head.clock,
            event_hash: head.event_hash,
        }))
    }

    /// Looks a key up among all events of the store.
    ///
    /// # Errors
    /// When the event is there and cannot be read.
    pub(super) fn stored(&self, key: u128) -> Result<Option<Stored>, StoreError> {
        let fenced = self.fenced.keys.get(&key);
        let recent = fenced.or_else(|| self.young.keys.get(&key));
        if let Some(stored) = recent.or_else(|| self.old.keys.get(&key)) {
            return Ok(Some(stored.clone()));
        }
        // The key may be stored, whatever cannot be read now: a caller that was told that nothing
        // was written would store it again under another key.
        let unknown = |error: StoreError| StoreError::FateUnknown {
            detail: format!("the event that the key stands for cannot be read: {error}"),
        };
        let Some(event) = self.reader.stored(key).map_err(unknown)? else {
            return Ok(None);
        };
        let is_stub = event.is_removed() && planted(Bug::ForgetStubKey);
        if planted(Bug::ForgetStoredKey) || is_stub {
            return Ok(None);
        }
        Ok(Some(Stored {
            receipt: AppendReceipt {
                event_id: event.event_id,
                sequence: event.global_sequence,
                disk_pos: event.disk_pos,
                clock: event.clock,
                replay: None,
            },
            payload_hash: event.payload_hash(),
            kind: event.kind_as_written(),
            coordinate: event.coord,
        }))
    }
}
