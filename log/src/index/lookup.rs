//! The questions that a run answers.

use super::dictionary::{self, KeyCursor};
use super::filter::{line_of, may_hold};
use super::hash::{cause_hash, entity_hash, id_hash};
use super::header::Table;
use super::{Candidates, FramePlace, Frames, IndexRun, Pages, Postings, ids};
use crate::error::LogError;
use crate::layout::NAME_FRAME_LEN_MAX;
use crate::layout::run::{LINE_LEN, LINES_PER_PAGE, OFFSETS_PER_PAGE};
use crate::planted::{Bug, planted};
use std::ops::RangeInclusive;

impl IndexRun {
    /// Returns the events that may have this id.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged; the same holds for every question here.
    pub fn ids(&self, pages: &impl Pages, event_id: u128) -> Result<Candidates, LogError> {
        let filter = self.tables().id_filter;
        match self.may_cover(event_id) && self.may_hold(pages, filter, id_hash(event_id))? {
            true => self.expected_ids(pages, event_id),
            false => Ok(Candidates::default()),
        }
    }

    /// As [`ids`](Self::ids), for an id that is probably there: the filter is not asked.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn expected_ids(&self, pages: &impl Pages, event_id: u128) -> Result<Candidates, LogError> {
        ids::find(self, pages, id_hash(event_id))
    }

    /// Returns whether an id lies between the smallest and the greatest of the run.
    pub fn may_cover(&self, event_id: u128) -> bool {
        let facts = self.facts();
        (facts.smallest_id..=facts.greatest_id).contains(&event_id)
    }

    /// Returns where an event's frame stands; [`Frames`] is cheaper for many.
    ///
    /// # Errors
    /// As [`ids`](Self::ids); `DamagedIndex` for a number that the run does not have, too.
    pub fn frame(&self, pages: &impl Pages, number: u32) -> Result<FramePlace, LogError> {
        Frames::new(self, pages).only_place(number)
    }

    /// Returns where a name's definition stands, by the segment's number of it; `None` when
    /// another part of the segment defines it.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn name_place(
        &self,
        pages: &impl Pages,
        name: u32,
    ) -> Result<Option<FramePlace>, LogError> {
        let index = name.checked_sub(self.first_name());
        let Some(index) = index.filter(|index| *index < self.name_count()) else {
            return Ok(None);
        };
        let (table, page_index) = (self.tables().names, index / OFFSETS_PER_PAGE);
        let page = self.table_page(pages, table, page_index)?;
        let entry = page.entry((index % OFFSETS_PER_PAGE) as usize);
        let offset = entry.map(|bytes| self.segment_offset(u32::from_be_bytes(bytes)));
        let inside = offset.filter(|offset| *offset < self.end().offset);
        let offset = inside.ok_or_else(|| self.damaged(table.first + page_index))?;
        let end = self
            .end()
            .offset
            .min(offset.saturating_add(NAME_FRAME_LEN_MAX));
        Ok(Some(FramePlace { offset, end }))
    }

    /// Returns the events of an entity.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn entity(&self, pages: &impl Pages, entity: &str) -> Result<Option<Postings>, LogError> {
        let key = entity.as_bytes();
        if !self.may_hold(pages, self.tables().entity_filter, entity_hash(key))? {
            return Ok(None);
        }
        dictionary::find(self, pages, self.tables().entities, key)
    }

    /// Returns the events of a scope.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn scope(&self, pages: &impl Pages, scope: &str) -> Result<Option<Postings>, LogError> {
        dictionary::find(self, pages, self.tables().scopes, scope.as_bytes())
    }

    /// Returns the events of a kind.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn kind(&self, pages: &impl Pages, kind: u16) -> Result<Option<Postings>, LogError> {
        dictionary::find(self, pages, self.tables().kinds, &kind.to_be_bytes())
    }

    /// Returns the events that an event may have caused: those whose cause has the same hash. The
    /// caller compares the causation id in the frame of each.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn effects(
        &self,
        pages: &impl Pages,
        causation_id: u128,
    ) -> Result<Option<Postings>, LogError> {
        let key = cause_hash(causation_id).to_be_bytes();
        dictionary::find(self, pages, self.tables().causes, &key)
    }

    /// Returns the entities that begin with `prefix`, in order, with their events.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn entities_with_prefix<'p, P: Pages>(
        &'p self,
        pages: &'p P,
        prefix: &str,
    ) -> Result<Keys<'p, P>, LogError> {
        Keys::new(self, pages, self.tables().entities, prefix)
    }

    /// Returns the scopes that begin with `prefix`, in order, with their events.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn scopes_with_prefix<'p, P: Pages>(
        &'p self,
        pages: &'p P,
        prefix: &str,
    ) -> Result<Keys<'p, P>, LogError> {
        Keys::new(self, pages, self.tables().scopes, prefix)
    }

    /// Returns the kinds of a range that occur, in order, with their events. A category is the
    /// range of its kinds.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn kinds<'p, P: Pages>(
        &'p self,
        pages: &'p P,
        range: RangeInclusive<u16>,
    ) -> Result<Kinds<'p, P>, LogError> {
        let first = range.start().to_be_bytes();
        Ok(Kinds {
            run: self,
            pages,
            end: *range.end(),
            cursor: KeyCursor::at(self, pages, self.tables().kinds, &first)?,
        })
    }

    fn may_hold(&self, pages: &impl Pages, filter: Table, hash: u64) -> Result<bool, LogError> {
        let line = line_of(hash, filter.items);
        let page = self.table_page(pages, filter, line / LINES_PER_PAGE)?;
        let line = page.entry::<LINE_LEN>((line % LINES_PER_PAGE) as usize);
        let forgotten = planted(Bug::FilterForgets) && hash.is_multiple_of(8);
        Ok(!forgotten && line.is_some_and(|line| may_hold(&line, hash)))
    }
}

/// Iterates over the names of a dictionary; keeps the page in hand.
#[derive(Debug)]
pub struct Keys<'p, P> {
    run: &'p IndexRun,
    pages: &'p P,
    prefix: Vec<u8>,
    cursor: KeyCursor,
}

impl<'p, P: Pages> Keys<'p, P> {
    fn new(run: &'p IndexRun, pages: &'p P, table: Table, prefix: &str) -> Result<Self, LogError> {
        let prefix = prefix.as_bytes().to_vec();
        let cursor = KeyCursor::at(run, pages, table, &prefix)?;
        Ok(Self {
            run,
            pages,
            prefix,
            cursor,
        })
    }

    fn read(&mut self) -> Result<Option<(String, Postings)>, LogError> {
        let Some(postings) = self.cursor.next(self.run, self.pages)? else {
            return Ok(None);
        };
        let key = &self.cursor.key;
        if !key.starts_with(&self.prefix) {
            return Ok(None);
        }
        let name = String::from_utf8(key.clone()).map_err(|_| self.cursor.damaged(self.run))?;
        Ok(Some((name, postings)))
    }
}

impl<P: Pages> Iterator for Keys<'_, P> {
    type Item = Result<(String, Postings), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.cursor.finish();
        }
        read.transpose()
    }
}

/// Iterates over kinds; keeps the page in hand.
#[derive(Debug)]
pub struct Kinds<'p, P> {
    run: &'p IndexRun,
    pages: &'p P,
    end: u16,
    cursor: KeyCursor,
}

impl<P: Pages> Kinds<'_, P> {
    fn read(&mut self) -> Result<Option<(u16, Postings)>, LogError> {
        let Some(postings) = self.cursor.next(self.run, self.pages)? else {
            return Ok(None);
        };
        let kind = <[u8; 2]>::try_from(self.cursor.key.as_slice()).map(u16::from_be_bytes);
        let kind = kind.map_err(|_| self.cursor.damaged(self.run))?;
        Ok((kind <= self.end).then_some((kind, postings)))
    }
}

impl<P: Pages> Iterator for Kinds<'_, P> {
    type Item = Result<(u16, Postings), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.cursor.finish();
        }
        read.transpose()
    }
}
