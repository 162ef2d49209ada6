//! Merges dictionaries, and the postings of their keys.

use super::dictionary::KeyCursor;
use super::header::{Table, Tables};
use super::merge::{STEP_ENTRIES, Source};
use super::postings::NumberCursor;
use super::writer::RunWriter;
use super::{Pages, Postings};
use crate::error::LogError;

/// What a key costs, beside its numbers.
const KEY_ENTRIES: u32 = 16;

/// The places in the sources' dictionaries.
#[derive(Debug)]
pub(super) struct DictionaryMerge {
    cursors: Vec<Cursor>,
    /// The numbers that are to be copied still, by source; the last source comes first.
    copying: Vec<(u32, NumberCursor)>,
}

/// A place in the dictionary of a source.
#[derive(Debug)]
struct Cursor {
    keys: KeyCursor,
    /// The postings of the key in hand.
    head: Option<Postings>,
    started: bool,
    /// How many events its keys have so far; each event has one key at most.
    events: u64,
}

impl DictionaryMerge {
    pub(super) fn new(sources: &[Source], pick: impl Fn(&Tables) -> Table) -> Self {
        let cursors = sources.iter().map(|source| Cursor {
            keys: KeyCursor::new(pick(source.run.tables())),
            head: None,
            started: false,
            events: 0,
        });
        Self {
            cursors: cursors.collect(),
            copying: Vec::new(),
        }
    }

    /// Writes a bounded number of keys and numbers, and tells whether there are more.
    pub(super) fn step(
        &mut self,
        sources: &[Source],
        writer: &mut RunWriter,
        pages: &impl Pages,
    ) -> Result<bool, LogError> {
        for (cursor, source) in self.cursors.iter_mut().zip(sources) {
            if !cursor.started {
                cursor.advance(source, pages)?;
            }
        }
        let mut left = STEP_ENTRIES;
        while left > 0 {
            left = self.copy(sources, writer, pages, left)?;
            if left > 0 && !self.next_key(sources, writer, pages)? {
                return Ok(false);
            }
            left = left.saturating_sub(KEY_ENTRIES);
        }
        Ok(true)
    }

    /// Copies up to `left` numbers and returns how many more there could have been.
    fn copy(
        &mut self,
        sources: &[Source],
        writer: &mut RunWriter,
        pages: &impl Pages,
        mut left: u32,
    ) -> Result<u32, LogError> {
        while left > 0 {
            let Some((source, numbers)) = self.copying.last_mut() else {
                break;
            };
            let Some(source) = sources.get(*source as usize) else {
                break;
            };
            match numbers.next(&source.run, pages)? {
                Some(number) => {
                    writer.put_number(source.base + number);
                    left -= 1;
                }
                None => {
                    self.copying.pop();
                }
            }
        }
        Ok(left)
    }

    /// Writes the smallest key; `false` when there is none left.
    fn next_key(
        &mut self,
        sources: &[Source],
        writer: &mut RunWriter,
        pages: &impl Pages,
    ) -> Result<bool, LogError> {
        let heads = self.cursors.iter().filter(|cursor| cursor.head.is_some());
        let Some(smallest) = heads.min_by(|a, b| a.keys.key.cmp(&b.keys.key)) else {
            return Ok(false);
        };
        let key = smallest.keys.key.clone();
        let (mut count, mut last) = (0, 0);
        for ((cursor, source), index) in self.cursors.iter_mut().zip(sources).zip(0..) {
            let Some(postings) = cursor.head.filter(|_| cursor.keys.key == key) else {
                continue;
            };
            count += postings.count;
            last = source.base + postings.last;
            self.copying.push((index, NumberCursor::new(postings)));
            cursor.advance(source, pages)?;
        }
        if writer.put_key(&key, count, last) {
            self.copying.reverse();
        } else {
            self.copying.clear();
        }
        Ok(true)
    }
}

impl Cursor {
    fn advance(&mut self, source: &Source, pages: &impl Pages) -> Result<(), LogError> {
        self.started = true;
        self.head = self.keys.next(&source.run, pages)?;
        self.events += u64::from(self.head.map_or(0, |head| head.count));
        if self.events > u64::from(source.run.event_count()) {
            return Err(self.keys.damaged(&source.run));
        }
        Ok(())
    }
}
