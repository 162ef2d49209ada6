//! Finds which events of an indexed part may belong to a region.

use super::access::PagesOf;
use crate::view::IndexedPart;
use batpak_log::coordinate::{KindFilter, Region};
use batpak_log::error::LogError;
use batpak_log::index::{IndexRun, Postings};
use std::ops::{Range, RangeInclusive};

/// Numbers of events of one part, ascending.
#[derive(Debug)]
pub(super) enum Chosen {
    All(Range<u32>),
    /// What one list holds from a number on; nothing of it is read before it is taken.
    From(Postings, u32),
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
            Self::All(range) => Ok(range.take(count).collect()),
            Self::List(list) => Ok(list.take(count).collect()),
            Self::From(list, from) if *from > list.last => Ok(Vec::new()),
            Self::From(list, from) => {
                let mut numbers = list.numbers(run, pages);
                numbers.skip_to(*from)?;
                let taken: Vec<u32> = numbers.take(count).collect::<Result<_, _>>()?;
                // Behind the last number of a list nothing is looked for again.
                let last = taken.last().copied().unwrap_or(list.last);
                *from = last.saturating_add(1);
                Ok(taken)
            }
        }
    }
}

/// Returns the numbers, from `from` on, of all events that may belong to `region`; its narrowest
/// field decides, and each event is still to be judged.
pub(super) fn choose(
    pages: &PagesOf<'_>,
    part: &IndexedPart,
    region: &Region,
    from: u32,
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
        return Ok(Chosen::All(from..run.event_count()));
    };
    numbers_of(pages, part, &lists, from)
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
    lists: &[Postings],
    from: u32,
) -> Result<Chosen, LogError> {
    let run = &part.run;
    if lists.iter().any(|list| list.count == run.event_count()) {
        return Ok(Chosen::All(from..run.event_count()));
    }
    if let [list] = lists {
        return Ok(Chosen::From(*list, from));
    }
    let mut chosen = Vec::new();
    for list in lists.iter().filter(|list| list.last >= from) {
        let mut numbers = list.numbers(run, pages);
        numbers.skip_to(from)?;
        for number in numbers {
            chosen.push(number?);
        }
    }
    chosen.sort_unstable();
    Ok(Chosen::List(chosen.into_iter()))
}
