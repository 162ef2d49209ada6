//! Postings: the ascending numbers of the events that a key has.

use super::list::{ListReader, skips_len};
use super::varint::{put_varint, split_varint};
use super::{IndexRun, Pages};
use crate::error::LogError;
use std::ops::Range;

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
            Form::List(u32::try_from(written).expect("postings take less than 2^29 bytes"))
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
            Form::List(at) => {
                let blocks_at = at.checked_add(skips_len(count));
                blocks_at.is_some_and(|at| at < run.tables().postings.items)
            }
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
        let at = match self.form {
            Form::Single => return Ok(None),
            Form::Dense => return Ok(number.checked_sub(1)),
            Form::List(at) => at,
        };
        let mut numbers = Vec::new();
        let mut list = ListReader::new(self.count, self.last, at);
        let block = list.find(run, pages, 0, number)?;
        let before = list.read(run, pages, block, &mut numbers)?;
        let smaller = numbers.iter().rfind(|there| **there < number);
        Ok(smaller.copied().or(before))
    }

    /// Returns up to `count` of the greatest numbers below `number`, the greatest first. Of a long
    /// list only the blocks that hold them are read.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged.
    pub fn last_before(
        &self,
        run: &IndexRun,
        pages: &impl Pages,
        number: u32,
        count: usize,
    ) -> Result<Vec<u32>, LogError> {
        let at = match self.form {
            Form::Single => {
                let only = Some(self.last).filter(|last| *last < number && count > 0);
                return Ok(only.into_iter().collect());
            }
            Form::Dense => return Ok((0..self.count.min(number)).rev().take(count).collect()),
            Form::List(at) => at,
        };
        let mut list = ListReader::new(self.count, self.last, at);
        let mut blocks = if number > self.last {
            list.block_count()
        } else {
            list.find(run, pages, 0, number)?.saturating_add(1)
        };
        let (mut found, mut numbers) = (Vec::new(), Vec::new());
        while found.len() < count
            && let Some(block) = blocks.checked_sub(1)
        {
            list.read(run, pages, block, &mut numbers)?;
            let smaller = numbers.iter().rev().filter(|there| **there < number);
            found.extend(smaller.take(count - found.len()));
            blocks = block;
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

/// A place among the numbers, apart from whatever gives the pages. After an error it is at its end.
#[derive(Debug)]
pub(super) enum NumberCursor {
    /// The numbers follow each other.
    Range(Range<u32>),
    /// They stand in the table of postings.
    List(ListCursor),
}

impl NumberCursor {
    pub(super) fn new(postings: Postings) -> Self {
        let Postings { count, last, form } = postings;
        match form {
            Form::Single => Self::Range(last..last.saturating_add(1)),
            Form::Dense => Self::Range(0..count),
            Form::List(at) => Self::List(ListCursor {
                list: ListReader::new(count, last, at),
                last,
                block: 0,
                numbers: Vec::new(),
                slot: 0,
            }),
        }
    }

    /// Returns the next number.
    pub(super) fn next(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
    ) -> Result<Option<u32>, LogError> {
        match self {
            Self::Range(range) => Ok(range.next()),
            Self::List(list) => list.next(run, pages),
        }
    }

    fn skip_to(&mut self, run: &IndexRun, pages: &impl Pages, number: u32) -> Result<(), LogError> {
        match self {
            Self::Range(range) => {
                range.start = range.start.max(number);
                Ok(())
            }
            Self::List(list) => list.skip_to(run, pages, number),
        }
    }
}

/// A place in a list.
#[derive(Debug)]
pub(super) struct ListCursor {
    list: ListReader,
    last: u32,
    /// The block to be read next.
    block: u32,
    /// The numbers of the block in hand.
    numbers: Vec<u32>,
    /// Which of them comes next.
    slot: usize,
}

impl ListCursor {
    fn next(&mut self, run: &IndexRun, pages: &impl Pages) -> Result<Option<u32>, LogError> {
        if self.slot >= self.numbers.len() {
            if self.block >= self.list.block_count() {
                return Ok(None);
            }
            self.read(run, pages)?;
        }
        let number = self.numbers.get(self.slot).copied();
        self.slot += 1;
        Ok(number)
    }

    fn skip_to(&mut self, run: &IndexRun, pages: &impl Pages, number: u32) -> Result<(), LogError> {
        if self.numbers.last().is_none_or(|last| *last < number) {
            if number > self.last || self.block >= self.list.block_count() {
                self.finish();
                return Ok(());
            }
            let found = self.list.find(run, pages, self.block, number);
            self.block = found.inspect_err(|_| self.finish())?;
            self.read(run, pages)?;
        }
        let behind = self.numbers.partition_point(|there| *there < number);
        self.slot = self.slot.max(behind);
        Ok(())
    }

    /// Reads the next block.
    fn read(&mut self, run: &IndexRun, pages: &impl Pages) -> Result<(), LogError> {
        let read = self.list.read(run, pages, self.block, &mut self.numbers);
        read.inspect_err(|_| self.finish())?;
        (self.block, self.slot) = (self.block + 1, 0);
        Ok(())
    }

    /// Goes behind the last number.
    fn finish(&mut self) {
        self.block = self.list.block_count();
        self.numbers.clear();
    }
}
