//! An open run: its header in memory, its tables in the file.

use super::header::{Facts, Table, Tables, decode_header};
use super::ids::Fences;
use super::page::RunBinding;
use super::{Page, Pages, RunName};
use crate::bytes::Fields;
use crate::error::LogError;
use crate::fs::{File, read_exact_at};
use crate::layout::run::{GAP_LEN, PAGE_LEN};
use crate::log_position::LogPosition;
use crate::planted::{Bug, planted};
use crate::segment::SegmentName;
use std::io;
use std::sync::Arc;

/// An index run whose header held.
///
/// 1. [`open`](Self::open) reads and judges the header, and the gaps between sequences;
/// 2. look-ups ask the caller's [`Pages`] for the few pages that they touch; what is not in a
///    cache is read with [`read_page`](Self::read_page);
/// 3. a page that is damaged makes a look-up fail: the caller drops the run and removes the file.
///
/// The file itself is not held: it belongs to the caller.
#[derive(Debug)]
pub struct IndexRun {
    name: RunName,
    binding: RunBinding,
    facts: Facts,
    tables: Tables,
    gaps: Vec<Gap>,
    fences: Fences,
    page_count: u32,
}

/// From an event on, sequences go on from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) number: u32,
    pub(super) sequence: u64,
}

impl IndexRun {
    /// Opens the run `name` of a store; `None` when the file is no such run, or a damaged one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(
        name: &RunName,
        file: &dyn File,
        store_id: [u8; 16],
    ) -> Result<Option<Self>, LogError> {
        let len = file.len()?;
        let whole = len.is_multiple_of(PAGE_LEN as u64);
        let page_count = u32::try_from(len / PAGE_LEN as u64).unwrap_or(0);
        if !whole || page_count == 0 {
            return Ok(None);
        }
        let binding = RunBinding::new(store_id, name);
        let Some(page) = read_page(file, &binding, 0)? else {
            return Ok(None);
        };
        let decoded = decode_header(page.content(), name, store_id, page_count);
        let Some((facts, tables)) = decoded else {
            return Ok(None);
        };
        let mut run = Self {
            name: *name,
            binding,
            fences: Fences::new(tables.ids.pages),
            facts,
            tables,
            gaps: Vec::new(),
            page_count,
        };
        Ok(run.read_gaps(file)?.then_some(run))
    }

    /// Returns the run's name.
    pub fn name(&self) -> &RunName {
        &self.name
    }

    /// Returns the segment that holds the events.
    pub fn segment(&self) -> SegmentName {
        self.name.segment
    }

    /// Returns the first event, counted from 0 in the segment.
    pub fn first_event(&self) -> u64 {
        self.facts.first_event
    }

    /// Returns how many events there are; never 0.
    pub fn event_count(&self) -> u32 {
        self.facts.event_count
    }

    /// Returns how many of the events are stubs that reads do not show.
    pub fn hidden_count(&self) -> u32 {
        self.facts.hidden
    }

    /// Returns how many entities the events belong to.
    pub fn entity_count(&self) -> u32 {
        self.tables.entities.items
    }

    /// Returns the sequence of the first event.
    pub fn first_sequence(&self) -> u64 {
        self.facts.first_sequence
    }

    /// Returns where the first group starts, in bytes.
    pub fn start_offset(&self) -> u64 {
        self.facts.start_offset
    }

    /// Returns where the last group starts, in bytes.
    pub fn last_group_offset(&self) -> u64 {
        self.facts.last_group_offset
    }

    /// Returns where the log stands behind the last group.
    pub fn end(&self) -> &LogPosition {
        &self.facts.end
    }

    /// Returns how many names the segment defines before the run's first group.
    pub fn first_name(&self) -> u32 {
        self.facts.first_name
    }

    /// Returns how many names the groups define.
    pub fn name_count(&self) -> u32 {
        self.facts.name_count
    }

    /// Returns how many pages the file has, the header's included.
    pub fn page_count(&self) -> u32 {
        self.page_count
    }

    /// Returns the sequence of an event by its number in the run.
    pub fn sequence(&self, number: u32) -> u64 {
        if planted(Bug::ForgetGaps) {
            return self.first_sequence() + u64::from(number);
        }
        let after = self.gaps.partition_point(|gap| gap.number <= number);
        let Gap {
            number: from,
            sequence,
        } = self.stretch(after);
        sequence.saturating_add(u64::from(number - from))
    }

    /// Returns the first event whose sequence is not below `sequence`, or how many there are.
    pub fn number_from(&self, sequence: u64) -> u32 {
        let after = self.gaps.partition_point(|gap| gap.sequence <= sequence);
        let stretch = self.stretch(after);
        let end = self
            .gaps
            .get(after)
            .map_or(self.event_count(), |gap| gap.number);
        let ahead = sequence.saturating_sub(stretch.sequence);
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        stretch.number.saturating_add(ahead).min(end)
    }

    /// Reads a page from the run's file and checks it.
    ///
    /// # Errors
    /// `DamagedIndex` when the checksum does not hold or the file has no such page.
    pub fn read_page(&self, file: &dyn File, page: u32) -> Result<Page, LogError> {
        if page >= self.page_count {
            return Err(self.damaged(page));
        }
        match read_page(file, &self.binding, page) {
            Ok(found) => found.ok_or_else(|| self.damaged(page)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged(page)),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a page out of the bytes of a whole run that were made again, and checks it.
    ///
    /// # Errors
    /// `DamagedIndex` when the bytes are not those of this run.
    pub fn page_in(&self, bytes: &[u8], page: u32) -> Result<Page, LogError> {
        let from = page as usize * PAGE_LEN;
        let found = bytes.get(from..).and_then(<[u8]>::first_chunk);
        found
            .and_then(|bytes| Page::check(Arc::new(*bytes), &self.binding, page))
            .ok_or_else(|| self.damaged(page))
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(super) fn fences(&self) -> &Fences {
        &self.fences
    }

    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Returns a page of a table, by its place in it.
    pub(super) fn table_page(
        &self,
        pages: &impl Pages,
        table: Table,
        index: u32,
    ) -> Result<Page, LogError> {
        if index >= table.pages {
            return Err(self.damaged(table.first));
        }
        pages.page(self, table.first.saturating_add(index))
    }

    /// Looks into a page of a table, by its place in it.
    pub(super) fn look_into<T>(
        &self,
        pages: &impl Pages,
        (table, index): (Table, u32),
        look: impl FnOnce(&Page) -> T,
    ) -> Result<T, LogError> {
        if index >= table.pages {
            return Err(self.damaged(table.first));
        }
        pages.look(self, table.first.saturating_add(index), look)
    }

    /// Returns the place in the segment that is `relative` bytes behind the run's start.
    pub(super) fn segment_offset(&self, relative: u32) -> u64 {
        self.start_offset().saturating_add(relative.into())
    }

    pub(super) fn damaged(&self, page: u32) -> LogError {
        LogError::DamagedIndex {
            name: self.name.file_name(),
            page,
        }
    }

    /// Returns the stretch of sequences without a gap that ends at the `after`th gap.
    fn stretch(&self, after: usize) -> Gap {
        let first = Gap {
            number: 0,
            sequence: self.facts.first_sequence,
        };
        let before = after.checked_sub(1).and_then(|index| self.gaps.get(index));
        before.copied().unwrap_or(first)
    }

    /// Reads the table of gaps; `false` when it is not as it must be.
    fn read_gaps(&mut self, file: &dyn File) -> io::Result<bool> {
        let table = self.tables.gaps;
        for index in 0..table.pages {
            let Some(page) = read_page(file, &self.binding, table.first + index)? else {
                return Ok(false);
            };
            let left = (table.items as usize).saturating_sub(self.gaps.len());
            for entry in page.content().chunks_exact(GAP_LEN).take(left) {
                match self.gap(entry) {
                    Some(gap) => self.gaps.push(gap),
                    None => return Ok(false),
                }
            }
        }
        let Some(last) = self.event_count().checked_sub(1) else {
            return Ok(false);
        };
        Ok(self.sequence(last).checked_add(1) == Some(self.end().next_sequence))
    }

    /// Reads the next gap; `None` when it does not lie behind the one before.
    fn gap(&self, entry: &[u8]) -> Option<Gap> {
        let mut fields = Fields::new(entry);
        let gap = Gap {
            number: fields.u32()?,
            sequence: fields.u64()?,
        };
        let before = self.stretch(self.gaps.len());
        let events = u64::from(gap.number.checked_sub(before.number)?);
        let behind = events > 0 && gap.number < self.event_count();
        let skips = gap.sequence > before.sequence.checked_add(events)?;
        (behind && skips).then_some(gap)
    }
}

fn read_page(file: &dyn File, binding: &RunBinding, page: u32) -> io::Result<Option<Page>> {
    let mut bytes = Arc::new([0; PAGE_LEN]);
    let at = u64::from(page) * PAGE_LEN as u64;
    if let Some(bytes) = Arc::get_mut(&mut bytes) {
        read_exact_at(file, bytes, at)?;
    }
    Ok(Page::check(bytes, binding, page))
}
