//! From an event id to the numbers of the events that may have it.

use super::header::Table;
use super::{IndexRun, Page, Pages};
use crate::error::LogError;
use crate::layout::run::{EVENTS_MAX, IDS_PER_PAGE, NUMBER_BITS};
use std::sync::OnceLock;

/// How often a place is guessed before the rest is halved: hashes are spread evenly, unless
/// somebody chose them.
const GUESSES: u32 = 4;

/// The first and the last hash of a page of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence {
    front: u64,
    back: u64,
}

/// The fences of the pages that were looked at so far, kept without the pages: whoever knows them
/// does not touch a page where an id cannot be.
#[derive(Debug)]
pub(super) struct Fences(Box<[OnceLock<Fence>]>);

impl Fences {
    /// Returns the fences of a run, none of which is known.
    pub(super) fn new(pages: u32) -> Self {
        Self((0..pages).map(|_| OnceLock::new()).collect())
    }

    fn get(&self, page: u32) -> Option<Fence> {
        self.0.get(page as usize)?.get().copied()
    }

    fn set(&self, page: u32, front: u64, back: u64) -> Fence {
        let fence = Fence { front, back };
        if let Some(place) = self.0.get(page as usize) {
            // Whoever was quicker has seen the same page.
            let _known = place.set(fence);
        }
        fence
    }
}

/// The numbers of the events whose ids have one hash, ascending. The caller compares the id in
/// the frame of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    first: [u32; 2],
    count: usize,
    more: Vec<u32>,
}

impl Candidates {
    /// Returns the numbers.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let first = self.first.iter().take(self.count);
        first.chain(&self.more).copied()
    }

    /// Returns whether there is none: the run does not hold the id.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.count + self.more.len()
    }

    fn push(&mut self, number: u32) {
        match self.first.get_mut(self.count) {
            Some(place) => {
                *place = number;
                self.count += 1;
            }
            None => self.more.push(number),
        }
    }
}

/// Returns the numbers of all entries with a hash of 40 bits.
pub(super) fn find(run: &IndexRun, pages: &impl Pages, hash: u64) -> Result<Candidates, LogError> {
    let table = run.tables().ids;
    let mut candidates = Candidates::default();
    let mut entry = first_entry(run, pages, hash)?;
    let mut held: Option<(u32, Page)> = None;
    while entry < run.event_count() {
        let index = entry / IDS_PER_PAGE;
        let (_, page) = match held.take() {
            Some(page) if page.0 == index => held.insert(page),
            Some(_) | None => held.insert((index, run.table_page(pages, table, index)?)),
        };
        let there = entry_of(page, entry % IDS_PER_PAGE);
        if there >> NUMBER_BITS != hash {
            break;
        }
        let number = u32::try_from(there % u64::from(EVENTS_MAX)).unwrap_or(u32::MAX);
        if number >= run.event_count() {
            return Err(run.damaged(table.first.saturating_add(index)));
        }
        candidates.push(number);
        entry += 1;
    }
    Ok(candidates)
}

/// Returns the first entry whose hash is not below `hash`, or how many entries there are.
fn first_entry(run: &IndexRun, pages: &impl Pages, hash: u64) -> Result<u32, LogError> {
    let table = run.tables().ids;
    let mut span = Span::new(table);
    for guess in 0.. {
        if span.low >= span.high {
            break;
        }
        let index = if guess < GUESSES {
            span.guess(hash)
        } else {
            span.low + (span.high - span.low) / 2
        };
        let first = index * IDS_PER_PAGE;
        let count = IDS_PER_PAGE.min(run.event_count() - first);
        let mut page = None;
        let fence = match run.fences().get(index) {
            Some(fence) => fence,
            None => {
                let read = page.insert(run.table_page(pages, table, index)?);
                let hash_at = |entry| entry_of(read, entry) >> NUMBER_BITS;
                run.fences().set(index, hash_at(0), hash_at(count - 1))
            }
        };
        if hash <= fence.front {
            (span.high, span.hash_high) = (index, fence.front);
        } else if hash > fence.back {
            (span.low, span.hash_low) = (index + 1, fence.back);
        } else {
            let page = match page {
                Some(page) => page,
                None => run.table_page(pages, table, index)?,
            };
            return Ok(first + search(&page, count, fence, hash));
        }
    }
    Ok(span.low.saturating_mul(IDS_PER_PAGE).min(run.event_count()))
}

/// The pages among which the first entry of a hash may still be, and the hashes around them.
struct Span {
    low: u32,
    high: u32,
    hash_low: u64,
    hash_high: u64,
}

impl Span {
    fn new(table: Table) -> Self {
        Self {
            low: 0,
            high: table.pages,
            hash_low: 0,
            hash_high: 1 << (u64::BITS - NUMBER_BITS),
        }
    }

    /// Returns the page on which the hash would be if the hashes in the span were spread evenly.
    fn guess(&self, hash: u64) -> u32 {
        let pages = self.high - self.low;
        let width = self.hash_high.saturating_sub(self.hash_low).max(1);
        let part = hash.saturating_sub(self.hash_low).min(width);
        // 40 bits times the pages of 2^24 entries are far below 64 bits.
        let steps = part * u64::from(pages) / width;
        self.low + u32::try_from(steps).unwrap_or(u32::MAX).min(pages - 1)
    }
}

/// Returns the first of a page's entries whose hash is not below `hash`: from where it would stand
/// if the hashes of the page were spread evenly, which is near, in steps that double.
fn search(page: &Page, count: u32, fence: Fence, hash: u64) -> u32 {
    let below = |index: u32| entry_of(page, index) >> NUMBER_BITS < hash;
    let width = fence.back.saturating_sub(fence.front).max(1);
    let ahead = hash.saturating_sub(fence.front).min(width) * u64::from(count) / width;
    let guess = u32::try_from(ahead).unwrap_or(u32::MAX).min(count);
    let mut step = 1;
    let (mut low, mut high);
    if guess < count && below(guess) {
        low = guess + 1;
        while low + step < count && below(low + step) {
            low += step + 1;
            step *= 2;
        }
        high = count.min(low.saturating_add(step));
    } else {
        high = guess;
        while high > step && !below(high - step) {
            high -= step;
            step *= 2;
        }
        low = high.saturating_sub(step);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn entry_of(page: &Page, index: u32) -> u64 {
    page.entry(index as usize)
        .map_or(u64::MAX, u64::from_be_bytes)
}
