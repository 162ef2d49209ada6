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

    fn set(&self, page: u32, fence: Fence) {
        if let Some(place) = self.0.get(page as usize) {
            // Whoever was quicker has seen the same page.
            let _known = place.set(fence);
        }
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
    let (first, mut fence) = first_page(run, pages, hash)?;
    for index in first..table.pages {
        let count = entries_on(run, index);
        let outcome = run.look_into(pages, (table, index), |page| {
            let from = fence.map_or(0, |fence| search(page, count, fence, hash));
            (from..count).try_for_each(|at| match entry_of(page, at) {
                there if there >> NUMBER_BITS != hash => Err(End::Other),
                there => match u32::try_from(there % u64::from(EVENTS_MAX)) {
                    Ok(number) if number < run.event_count() => {
                        candidates.push(number);
                        Ok(())
                    }
                    Ok(_) | Err(_) => Err(End::Damage),
                },
            })
        })?;
        match outcome {
            Ok(()) => fence = None,
            Err(End::Other) => break,
            Err(End::Damage) => return Err(run.damaged(table.first.saturating_add(index))),
        }
    }
    Ok(candidates)
}

/// Why the entries of a hash end.
enum End {
    /// Another hash follows.
    Other,
    /// An entry has a number that the run does not have.
    Damage,
}

fn entries_on(run: &IndexRun, page: u32) -> u32 {
    IDS_PER_PAGE.min(run.event_count() - page * IDS_PER_PAGE)
}

/// Returns the page of the first entry whose hash is not below `hash`, with its fence unless that
/// entry is its first; a page behind the last one when there is none.
fn first_page(
    run: &IndexRun,
    pages: &impl Pages,
    hash: u64,
) -> Result<(u32, Option<Fence>), LogError> {
    let mut span = Span::new(run.tables().ids);
    for guess in 0.. {
        if span.low >= span.high {
            break;
        }
        let index = if guess < GUESSES {
            span.guess(hash)
        } else {
            span.low + (span.high - span.low) / 2
        };
        let fence = fence_of(run, pages, index)?;
        if hash <= fence.front {
            (span.high, span.hash_high) = (index, fence.front);
        } else if hash > fence.back {
            (span.low, span.hash_low) = (index + 1, fence.back);
        } else {
            return Ok((index, Some(fence)));
        }
    }
    Ok((span.low, None))
}

fn fence_of(run: &IndexRun, pages: &impl Pages, page: u32) -> Result<Fence, LogError> {
    if let Some(fence) = run.fences().get(page) {
        return Ok(fence);
    }
    let last = entries_on(run, page) - 1;
    let place = (run.tables().ids, page);
    let fence = run.look_into(pages, place, |page| Fence {
        front: entry_of(page, 0) >> NUMBER_BITS,
        back: entry_of(page, last) >> NUMBER_BITS,
    })?;
    run.fences().set(page, fence);
    Ok(fence)
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
