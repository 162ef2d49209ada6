//! Finds which events of an indexed part may belong to a region.

use super::access::PagesOf;
use crate::view::IndexedPart;
use batpak_log::coordinate::{KindFilter, Region};
use batpak_log::error::LogError;
use batpak_log::index::Postings;
use std::ops::{Range, RangeInclusive};

/// Numbers of events of one part, ascending.
#[derive(Debug)]
pub(super) enum Chosen {
    All(Range<u32>),
    List(std::vec::IntoIter<u32>),
}

impl Iterator for Chosen {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::All(range) => range.next(),
            Self::List(list) => list.next(),
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
    let mut chosen = Vec::new();
    for list in lists.iter().filter(|list| list.last >= from) {
        for number in list.numbers(run, pages) {
            let number = number?;
            if number >= from {
                chosen.push(number);
            }
        }
    }
    if lists.len() > 1 {
        chosen.sort_unstable();
    }
    Ok(Chosen::List(chosen.into_iter()))
}
