//! Compares the fold over all event hashes with what the log itself says of it.

use crate::error::StoreError;
use crate::reader::Reader;
use batpak_log::event::hash::fold_log_hash;
use batpak_log::fs::Access;
use batpak_log::segment::read_trailer;
use std::collections::VecDeque;

/// The fold over the hashes of all events so far, and what it has to be further on.
///
/// Each segment's header, and the footer of the last one, names the fold over everything before it.
/// The chains of the entities cannot tell that the latest event of one was taken out; this can.
#[derive(Debug)]
pub(super) struct LogHash {
    hash: [u8; 32],
    due: VecDeque<Due>,
    /// Nothing from this sequence on is demanded.
    end: u64,
}

/// What the fold over all events with smaller sequences is.
#[derive(Debug)]
struct Due {
    sequence: u64,
    hash: [u8; 32],
    said_by: String,
}

impl LogHash {
    /// Takes up what the log says now.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn begin(reader: &Reader) -> Result<Self, StoreError> {
        let view = reader.view().snapshot();
        let segments = view.lists.segments();
        let mut due: VecDeque<_> = segments
            .iter()
            .map(|known| Due {
                sequence: known.header.first_sequence,
                hash: known.header.log_hash_before(),
                said_by: format!("the header of segment {}", known.header.segment.id),
            })
            .collect();
        if let Some(last) = segments.last() {
            let name = last.header.segment;
            let file = reader.access().fs().open(&name.file_name(), Access::Read)?;
            if let Some(trailer) = read_trailer(&*file, &last.header.binding())? {
                due.push_back(Due {
                    sequence: trailer.next_sequence,
                    hash: trailer.log_hash,
                    said_by: format!("the footer of segment {}", name.id),
                });
            }
        }
        Ok(Self {
            hash: due.front().map_or([0; 32], |first| first.hash),
            due,
            end: view.visible,
        })
    }

    /// Returns what disagrees with the events before `sequence`, all of which were counted.
    pub(super) fn fault_before(&mut self, sequence: u64) -> Option<(u64, String)> {
        while self.due.front()?.sequence <= sequence {
            let due = self.due.pop_front()?;
            if due.hash != self.hash {
                let detail = format!(
                    "{} follows other events than those that stand before it: one is missing, or \
                     is one too many",
                    due.said_by
                );
                return Some((due.sequence, detail));
            }
        }
        None
    }

    /// Returns what disagrees with all events, once all were counted.
    pub(super) fn fault_at_end(&mut self) -> Option<(u64, String)> {
        self.fault_before(self.end)
    }

    /// Counts an event.
    pub(super) fn count(&mut self, event_hash: &[u8; 32]) {
        self.hash = fold_log_hash(&self.hash, event_hash);
    }
}
