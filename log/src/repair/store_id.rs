//! Finds out whose log it is.

use super::survey::FoundSegment;
use crate::error::LogError;
use crate::fs::{Access, Fs, read_range};
use crate::index::RunName;
use crate::poison_mark::PoisonMark;
use crate::segment::{SegmentHeader, SegmentName};
use std::collections::BTreeMap;

const STORE_ID_LEN: usize = 16;
/// Where a segment's header names the store.
const IN_HEADER_AT: u64 = 32;
/// Where an index run names it.
const IN_RUN_AT: u64 = 16;
/// So many files are asked.
const ASKED_MAX: usize = 64;

/// Returns the store that most segments belong to; of several the one with the lowest number.
pub(super) fn most_common_store(found: &[FoundSegment]) -> Option<[u8; 16]> {
    let mut counts = BTreeMap::<[u8; 16], u64>::new();
    for segment in found {
        *counts.entry(segment.header.store_id).or_default() += 1;
    }
    let most = counts.values().max().copied()?;
    let mut by_number: Vec<_> = found.iter().map(|found| &found.header).collect();
    by_number.sort_unstable_by_key(|header| header.segment);
    let is_most = |header: &&SegmentHeader| counts.get(&header.store_id) == Some(&most);
    by_number
        .into_iter()
        .find(is_most)
        .map(|header| header.store_id)
}

/// Returns what may be the store's id where no header and no checkpoint tells: whole groups prove
/// the right one.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn possible_stores(fs: &dyn Fs, names: &[String]) -> Result<Vec<[u8; 16]>, LogError> {
    let mut ids: Vec<_> = PoisonMark::read(fs)?
        .map(|mark| mark.store_id)
        .into_iter()
        .collect();
    let runs = names.iter().filter(|name| RunName::parse(name).is_some());
    let segments = names
        .iter()
        .filter(|name| SegmentName::parse(name).is_some());
    let places = runs.map(|name| (name, IN_RUN_AT));
    let places = places.chain(segments.map(|name| (name, IN_HEADER_AT)));
    for (name, at) in places.take(ASKED_MAX) {
        let file = fs.open(name, Access::Read)?;
        if file.len()? < at + STORE_ID_LEN as u64 {
            continue;
        }
        let bytes = read_range(&*file, at, STORE_ID_LEN)?;
        let id = bytes.first_chunk::<STORE_ID_LEN>().copied();
        ids.extend(id.filter(|id| !ids.contains(id)));
    }
    Ok(ids)
}
