//! Postings: the ascending numbers of the events that a key has.

use super::varint::{put_varint, split_varint, take_varint};
use super::{IndexRun, Page, Pages};
use crate::error::LogError;
use crate::layout::run::CONTENT_LEN;

/// The events of a run that a key has, by their numbers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Postings {
    /// How many there are; never 0.
    pub count: u32,
    /// The greatest number.
    pub last: u32,
    pub(super) form: Form,
}

/// Where the numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The last number is the only one.
    Single,
    /// Every event of the run.
    Dense,
    /// In the table of postings, from this byte on.
    List(u32),
}

impl Postings {
    /// Puts a key's numbers into words; `written` is how long the table of postings is so far.
    pub(super) fn new(count: u32, last: u32, event_count: u32, written: usize) -> Self {
        let form = if count == 1 {
            Form::Single
        } else if count == event_count {
            Form::Dense
        } else {
            Form::List(u32::try_from(written).expect("postings take at most 2^28 bytes"))
        };
        Self { count, last, form }
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_varint(bytes, self.count);
        put_varint(bytes, self.last);
        if let Form::List(at) = self.form {
            put_varint(bytes, at);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` when it cannot be true of this run.
    pub(super) fn decode(mut bytes: &[u8], run: &IndexRun) -> Option<Self> {
        let events = run.event_count();
        let count = split_varint(&mut bytes)?;
        let last = split_varint(&mut bytes)?;
        let form = match count {
            0 => return None,
            1 => Form::Single,
            count if count == events => Form::Dense,
            _ => Form::List(split_varint(&mut bytes)?),
        };
        let inside = match form {
            Form::Single | Form::Dense => true,
            Form::List(at) => at < run.tables().postings.items,
        };
        (inside && last < events && count - 1 <= last).then_some(Self { count, last, form })
    }

    /// Returns the numbers, ascending.
    pub fn numbers<'p, P: Pages>(&self, run: &'p IndexRun, pages: &'p P) -> Numbers<'p, P> {
        Numbers {
            run,
            pages,
            cursor: NumberCursor::new(*self),
        }
    }

    /// Returns the greatest number below `number`.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged.
    pub fn before(
        &self,
        run: &IndexRun,
        pages: &impl Pages,
        number: u32,
    ) -> Result<Option<u32>, LogError> {
        if number > self.last {
            return Ok(Some(self.last));
        }
        match self.form {
            Form::Single => return Ok(None),
            Form::Dense => return Ok(number.checked_sub(1)),
            Form::List(_) => {}
        }
        let mut found = None;
        let mut cursor = NumberCursor::new(*self);
        while let Some(next) = cursor.next(run, pages)? {
            if next >= number {
                break;
            }
            found = Some(next);
        }
        Ok(found)
    }
}

/// Iterates over the numbers of [`Postings`]; keeps the page in hand.
#[derive(Debug)]
pub struct Numbers<'p, P> {
    run: &'p IndexRun,
    pages: &'p P,
    cursor: NumberCursor,
}

impl<P: Pages> Numbers<'_, P> {
    /// Passes over the numbers below `number`.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged.
    pub fn skip_to(&mut self, number: u32) -> Result<(), LogError> {
        self.cursor.skip_to(self.run, self.pages, number)
    }
}

impl<P: Pages> Iterator for Numbers<'_, P> {
    type Item = Result<u32, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.run, self.pages).transpose()
    }
}

/// A place in a list of numbers, apart from whatever gives the pages. After an error it is at its
/// end.
#[derive(Debug)]
pub(super) struct NumberCursor {
    postings: Postings,
    remaining: u32,
    /// The smallest number that may come.
    floor: u32,
    /// A number that was read and not given out.
    ahead: Option<u32>,
    page_index: u32,
    slot: usize,
    page: Option<Page>,
}

impl NumberCursor {
    pub(super) fn new(postings: Postings) -> Self {
        let at = match postings.form {
            Form::List(at) => at as usize,
            Form::Single | Form::Dense => 0,
        };
        Self {
            postings,
            remaining: postings.count,
            floor: 0,
            ahead: None,
            page_index: u32::try_from(at / CONTENT_LEN).unwrap_or(u32::MAX),
            slot: at % CONTENT_LEN,
            page: None,
        }
    }

    /// Returns the next number.
    pub(super) fn next(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
    ) -> Result<Option<u32>, LogError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let Some(remaining) = self.remaining.checked_sub(1) else {
            return Ok(None);
        };
        let read = match self.postings.form {
            Form::Single => Ok(self.postings.last),
            Form::Dense => Ok(self.floor),
            Form::List(_) => self.read(run, pages),
        };
        let number = read.inspect_err(|_| self.remaining = 0)?;
        // Each number that is still to come needs room below the last one.
        let fits = number
            .checked_add(remaining)
            .is_some_and(|top| top <= self.postings.last);
        if !fits || (remaining == 0 && number != self.postings.last) {
            self.remaining = 0;
            return Err(self.damaged(run));
        }
        self.remaining = remaining;
        self.floor = number.saturating_add(1);
        Ok(Some(number))
    }

    fn skip_to(&mut self, run: &IndexRun, pages: &impl Pages, number: u32) -> Result<(), LogError> {
        if self.ahead.is_some_and(|ahead| ahead >= number) {
            return Ok(());
        }
        self.ahead = None;
        if number > self.postings.last {
            self.remaining = 0;
        } else if self.postings.form == Form::Dense {
            self.floor = self.floor.max(number);
            self.remaining = self.postings.count.saturating_sub(self.floor);
        }
        while let Some(next) = self.next(run, pages)? {
            if next >= number {
                self.ahead = Some(next);
                break;
            }
        }
        Ok(())
    }

    /// Reads a difference to the number before, or the first number itself.
    fn read(&mut self, run: &IndexRun, pages: &impl Pages) -> Result<u32, LogError> {
        if self.page.is_none() {
            self.turn(run, pages, self.page_index)?;
        }
        let mut failed = None;
        let difference = take_varint(|| {
            if self.slot >= CONTENT_LEN {
                self.slot = 0;
                failed = self.turn(run, pages, self.page_index + 1).err();
            }
            let byte = self.page.as_ref()?.content().get(self.slot).copied();
            self.slot += 1;
            byte
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let first = self.remaining == self.postings.count;
        let number = match difference {
            Some(number) if first => Some(number),
            Some(0) | None => None,
            Some(difference) => (self.floor - 1).checked_add(difference),
        };
        number.ok_or_else(|| self.damaged(run))
    }

    fn turn(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        page_index: u32,
    ) -> Result<(), LogError> {
        self.page = None;
        self.page_index = page_index;
        self.page = Some(run.table_page(pages, run.tables().postings, page_index)?);
        Ok(())
    }

    fn damaged(&self, run: &IndexRun) -> LogError {
        let table = run.tables().postings;
        run.damaged(table.first.saturating_add(self.page_index))
    }
}

/// Puts lists of numbers one behind the other.
#[derive(Debug, Default)]
pub(super) struct PostingsWriter {
    bytes: Vec<u8>,
    before: Option<u32>,
}

impl PostingsWriter {
    /// Starts a list.
    pub(super) fn begin(&mut self) {
        self.before = None;
    }

    /// Adds the next number of the list.
    pub(super) fn put(&mut self, number: u32) {
        put_varint(&mut self.bytes, number - self.before.unwrap_or_default());
        self.before = Some(number);
    }

    /// Returns the lists so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
