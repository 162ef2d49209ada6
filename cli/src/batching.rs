//! Cuts a run of events into batches, always at the same places.
//!
//! The cuts are a function of the events alone. The store takes a batch whole or not at all and
//! knows a batch that it has; so an import that was killed and runs again finds each batch either
//! stored or not begun.

use batpak::store::BatchAppendItem;

/// The most events in one batch, unless the user says otherwise.
pub(crate) const BATCH_ITEMS: usize = 200;
/// A batch that has at least one event is cut before it would exceed this many payload bytes.
const BATCH_BYTES: usize = 512 * 1024;

/// Gathers events into the batch that comes next.
pub(crate) struct Batching {
    items: Vec<BatchAppendItem>,
    bytes: usize,
    items_max: usize,
}

impl Batching {
    pub(crate) fn new(items_max: usize) -> Self {
        Self {
            items: Vec::new(),
            bytes: 0,
            items_max,
        }
    }

    /// Adds an event; returns a batch when one has become full, with the event or without it.
    pub(crate) fn push(&mut self, item: BatchAppendItem) -> Option<Vec<BatchAppendItem>> {
        let length = item.payload_bytes.len();
        let too_long = !self.items.is_empty() && self.bytes + length > BATCH_BYTES;
        let before = too_long.then(|| self.take());
        self.bytes += length;
        self.items.push(item);
        // Never two at once: a batch that the event begins is full only where each event is a
        // batch, and then there was none before it.
        let full = self.items.len() >= self.items_max;
        before.or_else(|| full.then(|| self.take()))
    }

    /// Tells whether no event waits for its batch to become full.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Ends the batch: what has been gathered, which may be nothing.
    pub(crate) fn take(&mut self) -> Vec<BatchAppendItem> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batpak::prelude::*;

    fn item(length: usize) -> BatchAppendItem {
        BatchAppendItem {
            coord: Coordinate::new("entity", "scope").unwrap(),
            kind: EventKind::DATA,
            payload_bytes: vec![0; length],
            options: AppendOptions::new(),
            causation: CausationRef::None,
        }
    }

    fn cuts(lengths: &[usize]) -> Vec<usize> {
        let mut batching = Batching::new(3);
        let mut sizes: Vec<usize> = lengths
            .iter()
            .filter_map(|length| batching.push(item(*length)))
            .map(|batch| batch.len())
            .collect();
        sizes.push(batching.take().len());
        sizes
    }

    #[test]
    fn a_batch_is_cut_when_it_has_enough_events_and_before_too_many_bytes() {
        assert_eq!(cuts(&[1, 1, 1, 1]), [3, 1]);
        assert_eq!(cuts(&[1, 1, 1]), [3, 0]);
        assert_eq!(cuts(&[BATCH_BYTES, 1]), [1, 1]);
        assert_eq!(cuts(&[1, BATCH_BYTES, 1]), [1, 1, 1]);
        assert_eq!(cuts(&[BATCH_BYTES * 2, BATCH_BYTES * 2]), [1, 1]);
        assert_eq!(cuts(&[BATCH_BYTES - 1, 1]), [2]);
    }
}
