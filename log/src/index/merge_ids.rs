//! Merges the tables of ids.

use super::merge::{STEP_ENTRIES, Source};
use super::writer::RunWriter;
use super::{IndexRun, Page, Pages};
use crate::error::LogError;
use crate::layout::run::{EVENTS_MAX, IDS_PER_PAGE};

/// The places in the sources' tables.
#[derive(Debug)]
pub(super) struct IdMerge {
    cursors: Vec<IdCursor>,
}

/// A place in the table of ids of a source.
#[derive(Debug, Default)]
struct IdCursor {
    next: u32,
    page: Option<Page>,
    /// The entry in hand, with the number that it gets.
    head: Option<u64>,
}

impl IdMerge {
    pub(super) fn new(sources: &[Source]) -> Self {
        let cursors = sources.iter().map(|_| IdCursor::default());
        Self {
            cursors: cursors.collect(),
        }
    }

    /// Writes a bounded number of entries and tells whether there are more.
    pub(super) fn step(
        &mut self,
        sources: &[Source],
        writer: &mut RunWriter,
        pages: &impl Pages,
    ) -> Result<bool, LogError> {
        for (cursor, source) in self.cursors.iter_mut().zip(sources) {
            if cursor.next == 0 {
                cursor.advance(source, pages)?;
            }
        }
        for _ in 0..STEP_ENTRIES {
            let heads = self.cursors.iter_mut().zip(sources);
            let smallest = heads
                .filter_map(|(cursor, source)| Some((cursor.head?, cursor, source)))
                .min_by_key(|(head, _, _)| *head);
            let Some((head, cursor, source)) = smallest else {
                return Ok(false);
            };
            writer.put_id(head);
            cursor.advance(source, pages)?;
        }
        Ok(true)
    }
}

impl IdCursor {
    fn advance(&mut self, source: &Source, pages: &impl Pages) -> Result<(), LogError> {
        let run: &IndexRun = &source.run;
        let before = self.head.take();
        if self.next >= run.event_count() {
            return Ok(());
        }
        let (table, index) = (run.tables().ids, self.next / IDS_PER_PAGE);
        let page = match self.page.take() {
            Some(page) if !self.next.is_multiple_of(IDS_PER_PAGE) => page,
            Some(_) | None => run.table_page(pages, table, index)?,
        };
        let entry = page
            .entry((self.next % IDS_PER_PAGE) as usize)
            .map(u64::from_be_bytes);
        let usable = entry.filter(|entry| entry % u64::from(EVENTS_MAX) < run.event_count().into());
        let head = usable.map(|entry| entry + u64::from(source.base));
        if head.is_none() || head <= before {
            return Err(run.damaged(table.first.saturating_add(index)));
        }
        (self.head, self.page) = (head, Some(page));
        self.next += 1;
        Ok(())
    }
}
