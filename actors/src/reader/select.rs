//! Finds which events of an indexed part may belong to a region.

use super::access::PagesOf;
use super::events::End;
use crate::view::IndexedPart;
use batpak_log::coordinate::{KindFilter, Region};
use batpak_log::error::LogError;
use batpak_log::index::{IndexRun, Postings};
use std::ops::{Range, RangeInclusive};

/// So many lists are walked side by side from the back; more are read before.
const LISTS_BACK: usize = 16;

/// Numbers of events of one part, ascending from the front, descending from the back.
#[derive(Debug)]
pub(super) enum Chosen {
    All(Range<u32>, End),
    /// What one list holds of a range; nothing of it is read before it is taken.
    From(Postings, Range<u32>),
    /// What a few lists hold of a range, from the back; read as it is taken, too.
    Back(Vec<Postings>, Range<u32>),
    List(std::vec::IntoIter<u32>),
}

impl Chosen {
    /// Takes up to so many numbers; none at the end.
    pub(super) fn take_some(
        &mut self,
        run: &IndexRun,
        pages: &PagesOf<'_>,
        count: usize,
    ) -> Result<Vec<u32>, LogError> {
        match self {
            Self::All(range, End::Front) => Ok(range.take(count).collect()),
            Self::All(range, End::Back) => Ok(range.rev().take(count).collect()),
            Self::List(list) => Ok(list.take(count).collect()),
            Self::From(list, range) if range.start >= range.end || range.start > list.last => {
                Ok(Vec::new())
            }
            Self::From(list, range) => {
                let mut numbers = list.numbers(run, pages);
                numbers.skip_to(range.start)?;
                let inside = |number: &Result<u32, _>| {
                    number.as_ref().map_or(true, |number| *number < range.end)
                };
                let numbers = numbers.take_while(inside).take(count);
                let taken: Vec<u32> = numbers.collect::<Result<_, _>>()?;
                // Behind the last number of a list nothing is looked for again.
                let last = taken.last().copied().unwrap_or(list.last);
                range.start = last.saturating_add(1);
                Ok(taken)
            }
            Self::Back(_, range) if range.start >= range.end => Ok(Vec::new()),
            Self::Back(lists, range) => {
                let mut taken = Vec::new();
                for list in lists {
                    taken.append(&mut list.last_before(run, pages, range.end, count)?);
                }
                taken.sort_unstable_by(|one, other| other.cmp(one));
                taken.truncate(count);
                taken.retain(|number| *number >= range.start);
                range.end = taken.last().copied().unwrap_or(range.start);
                Ok(taken)
            }
        }
    }
}

/// Returns which of these numbers are of events that may belong to `region`; its narrowest field
/// decides, and each event is still to be judged.
pub(super) fn choose(
    pages: &PagesOf<'_>,
    part: &IndexedPart,
    (region, numbers): (&Region, Range<u32>),
    end: End,
) -> Result<Chosen, LogError> {
    let run = &part.run;
    let one = |found: Option<Postings>| found.into_iter().collect::<Vec<_>>();
    let lists = if let Some(entity) = &region.entity {
        one(run.entity(pages, entity)?)
    } else if let Some(scope) = &region.scope {
        one(run.scope(pages, scope)?)
    } else if let Some(KindFilter::Exact(kind)) = region.fact {
        one(run.kind(pages, kind.as_u16())?)
    } else if let Some(prefix) = &region.entity_prefix {
        let keys = run.entities_with_prefix(pages, prefix)?;
        keys.map(|key| Ok(key?.1))
            .collect::<Result<_, LogError>>()?
    } else if let Some(KindFilter::Category(category)) = region.fact {
        let kinds = run.kinds(pages, kinds_of(category))?;
        kinds
            .map(|kind| Ok(kind?.1))
            .collect::<Result<_, LogError>>()?
    } else {
        return Ok(Chosen::All(numbers, end));
    };
    numbers_of(pages, part, (lists, numbers), end)
}

/// Returns the kinds of a category; an empty range for one that does not exist.
fn kinds_of(category: u8) -> RangeInclusive<u16> {
    const TYPE_BITS: u32 = 12;
    match u16::from(category).checked_shl(TYPE_BITS) {
        Some(first) if category < 16 => first..=first | 0x0fff,
        Some(_) | None => RangeInclusive::new(1, 0),
    }
}

fn numbers_of(
    pages: &PagesOf<'_>,
    part: &IndexedPart,
    (lists, range): (Vec<Postings>, Range<u32>),
    end: End,
) -> Result<Chosen, LogError> {
    let run = &part.run;
    if lists.iter().any(|list| list.count == run.event_count()) {
        return Ok(Chosen::All(range, end));
    }
    if end == End::Back && lists.len() <= LISTS_BACK {
        return Ok(Chosen::Back(lists, range));
    }
    if let [list] = lists.as_slice() {
        return Ok(Chosen::From(*list, range));
    }
    let mut chosen = Vec::new();
    for list in lists.iter().filter(|list| list.last >= range.start) {
        let mut numbers = list.numbers(run, pages);
        numbers.skip_to(range.start)?;
        for number in numbers {
            let number = number?;
            if number >= range.end {
                break;
            }
            chosen.push(number);
        }
    }
    chosen.sort_unstable();
    if end == End::Back {
        chosen.reverse();
    }
    Ok(Chosen::List(chosen.into_iter()))
}
