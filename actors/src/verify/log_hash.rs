//! Compares the fold over all event hashes with what the log itself says of it.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::recovery::moved_under_reader;
use batpak_log::error::LogError;
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
            let fs = reader.access().fs();
            let file = fs.open(&name.file_name(), Access::Read);
            let file = file.map_err(LogError::from);
            let trailer = file.and_then(|file| read_trailer(&*file, &last.header.binding()));
            let trailer = match trailer {
                // It is being sealed, or another process has put a later form in its place.
                Err(LogError::Io(error)) if moved_under_reader(&error) => None,
                read => read?,
            };
            due.extend(trailer.map(|trailer| Due {
                sequence: trailer.next_sequence,
                hash: trailer.log_hash,
                said_by: format!("the footer of segment {}", name.id),
            }));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a log of two segments says, whose events have these hashes and sequences.
    fn told(events: &[([u8; 32], u64)], second_from: usize) -> LogHash {
        let fold = |count| {
            let hashes = events.iter().take(count).map(|(hash, _)| hash);
            hashes.fold([0; 32], |before, hash| fold_log_hash(&before, hash))
        };
        let due = |sequence, count, by: &str| Due {
            sequence,
            hash: fold(count),
            said_by: by.into(),
        };
        LogHash {
            hash: [0; 32],
            due: VecDeque::from([
                due(0, 0, "the first"),
                due(events[second_from].1, second_from, "the second"),
                due(30, events.len(), "the footer"),
            ]),
            end: 30,
        }
    }

    fn first_fault(mut log: LogHash, events: &[([u8; 32], u64)]) -> Option<u64> {
        for (hash, sequence) in events {
            if let Some((at, _)) = log.fault_before(*sequence) {
                return Some(at);
            }
            log.count(hash);
        }
        log.fault_at_end().map(|(at, _)| at)
    }

    #[test]
    fn an_event_too_few_or_too_many_is_told_where_the_log_says_so() {
        // There are gaps between the sequences, also where the second segment begins.
        let events: Vec<_> = (0..10_u8)
            .map(|n| ([n + 1; 32], u64::from(n) * 3))
            .collect();
        assert_eq!(first_fault(told(&events, 6), &events), None);
        for place in 0..events.len() {
            let due = if place < 6 { 18 } else { 30 };
            let mut fewer = events.clone();
            fewer.remove(place);
            assert_eq!(first_fault(told(&events, 6), &fewer), Some(due));
            let mut more = events.clone();
            more.insert(place, ([99; 32], events[place].1));
            assert_eq!(first_fault(told(&events, 6), &more), Some(due));
        }
    }
}
