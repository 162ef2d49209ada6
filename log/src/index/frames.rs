//! From an event's number to its frame.

use super::{IndexRun, Page, Pages};
use crate::error::LogError;
use crate::layout::run::OFFSETS_PER_PAGE;

/// Where a frame stands in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// It ends here at the latest, in bytes: where the next event's frame or the run's end is.
    pub end: u64,
}

/// Looks frames up one after the other; keeps the page in hand, so that a walk in order asks for
/// each page once.
#[derive(Debug)]
pub struct Frames<'p, P> {
    run: &'p IndexRun,
    pages: &'p P,
    held: Option<(u32, Page)>,
}

impl<'p, P: Pages> Frames<'p, P> {
    /// Starts without a page.
    pub fn new(run: &'p IndexRun, pages: &'p P) -> Self {
        Self {
            run,
            pages,
            held: None,
        }
    }

    /// Returns where the frame of an event stands.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged, and for a number that the run does not have.
    pub fn place(&mut self, number: u32) -> Result<FramePlace, LogError> {
        let offset = self.offset(number)?;
        let next = number.saturating_add(1);
        let end = if next < self.run.event_count() {
            self.offset(next)?
        } else {
            self.run.end().offset
        };
        self.checked(number, [offset, end])
    }

    /// As [`place`](Self::place), of one frame alone.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub(super) fn only_place(mut self, number: u32) -> Result<FramePlace, LogError> {
        let next = number.saturating_add(1);
        let at = number % OFFSETS_PER_PAGE;
        if next >= self.run.event_count() || at + 1 == OFFSETS_PER_PAGE {
            return self.place(number);
        }
        let page = (self.run.tables().offsets, number / OFFSETS_PER_PAGE);
        let both = |page: &Page| Some((page.entry(at as usize)?, page.entry(at as usize + 1)?));
        let found = self.run.look_into(self.pages, page, both)?;
        let (offset, end) = found.ok_or_else(|| self.damaged(number))?;
        self.checked(
            number,
            [offset, end].map(|relative| self.run.segment_offset(u32::from_be_bytes(relative))),
        )
    }

    fn checked(&self, number: u32, [offset, end]: [u64; 2]) -> Result<FramePlace, LogError> {
        if offset >= end || end > self.run.end().offset {
            return Err(self.damaged(number));
        }
        Ok(FramePlace { offset, end })
    }

    fn offset(&mut self, number: u32) -> Result<u64, LogError> {
        let index = number / OFFSETS_PER_PAGE;
        let held = match self.held.take() {
            Some((held, page)) if held == index => (held, page),
            Some(_) | None => {
                let table = self.run.tables().offsets;
                (index, self.run.table_page(self.pages, table, index)?)
            }
        };
        let (_, page) = self.held.insert(held);
        let relative = page
            .entry((number % OFFSETS_PER_PAGE) as usize)
            .map(u32::from_be_bytes);
        let relative = relative.filter(|_| number < self.run.event_count());
        let offset = relative.map(|relative| self.run.segment_offset(relative));
        offset.ok_or_else(|| self.damaged(number))
    }

    fn damaged(&self, number: u32) -> LogError {
        let table = self.run.tables().offsets;
        self.run
            .damaged(table.first.saturating_add(number / OFFSETS_PER_PAGE))
    }
}
