//! Which file counts where several are forms of one segment.
//!
//! A merged segment is complete and durable before it gets its name. So wherever something of it is
//! whole, it counts and what it was merged from does not, whatever has become of its header: what
//! was removed when it was made must not come back from a source.

use super::survey::{EarlierForm, FoundSegment, LeftOut, OutdatedForm, Survey};
use crate::directory::Sources;
use crate::error::LogError;
use crate::fs::Fs;
use crate::segment::{SegmentHeader, SegmentName, read_trailer};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What is known of the files that have a segment's name.
#[derive(Default)]
pub(super) struct Headers {
    /// Those whose header is known.
    pub(super) found: Vec<FoundSegment>,
    /// The others, and what is wrong with them.
    pub(super) lost: Vec<(SegmentName, String)>,
}

/// Chooses one file for each segment, and none that a merged segment has replaced.
pub(super) fn choose(survey: &mut Survey, read: Headers) {
    let mut chosen = BTreeMap::<SegmentName, FoundSegment>::new();
    // A file with its own name comes before one that has got another's.
    let mut found = read.found;
    found.sort_by_key(|found| found.header.segment.file_name() != found.file_name);
    for segment in found {
        let name = segment.header.segment;
        if Some(segment.header.store_id) != survey.store_id {
            survey.leave_out(segment.file_name, "it belongs to another store");
        } else if let Some(same) = chosen.get(&name) {
            let reason = format!(
                "it is another file of the segment that {} is",
                same.file_name
            );
            survey.leave_out(segment.file_name, reason);
        } else {
            chosen.insert(name, segment);
        }
    }
    let mut replaced = BTreeMap::<SegmentName, SegmentName>::new();
    for merged in chosen
        .values()
        .filter(|of| of.header.segment.generation > 0)
    {
        let sources = Replacing::of(merged);
        for source in chosen.values().filter(|of| sources.hold(&of.header)) {
            let name = merged.header.segment;
            let by = replaced.entry(source.header.segment).or_insert(name);
            // Of several forms the latest one counts.
            if by.generation < name.generation {
                *by = name;
            }
        }
    }
    for (name, reason) in read.lost {
        let held = chosen
            .values()
            .find(|merged| Replacing::of(merged).hold_name(name));
        let file = name.file_name();
        match held {
            Some(merged) => {
                let reason = format!("its events are in {}", merged.file_name);
                survey.leave_out(file, reason);
            }
            None => survey.left_out.push(LeftOut {
                file,
                reason,
                is_loss: true,
            }),
        }
    }
    keep(survey, chosen, &replaced);
}

/// Tells apart what counts and what was replaced.
fn keep(
    survey: &mut Survey,
    chosen: BTreeMap<SegmentName, FoundSegment>,
    replaced: &BTreeMap<SegmentName, SegmentName>,
) {
    let counts = |name: &SegmentName| !replaced.contains_key(name);
    let names: Vec<_> = chosen.keys().copied().filter(counts).collect();
    for (name, segment) in chosen {
        // What has replaced it may have been replaced itself.
        let mut by = replaced.get(&name);
        while let Some(later) = by.and_then(|by| replaced.get(by)) {
            by = Some(later);
        }
        let Some(by) = by else {
            survey.segments.push(segment);
            continue;
        };
        let reason = format!("its events are in {}", by.file_name());
        survey.leave_out(segment.file_name.clone(), reason);
        let merged = names.iter().position(|name| name == by);
        survey
            .earlier
            .extend(merged.map(|merged| EarlierForm { segment, merged }));
    }
    survey.earlier.sort_by_key(|of| {
        let SegmentName { id, generation } = of.segment.header.segment;
        (Reverse(generation), id)
    });
}

/// What a merged segment has replaced.
enum Replacing<'m> {
    Listed(Sources<'m>),
    /// Its header is lost, and with it the list: every lower generation of its numbers.
    Covered(&'m SegmentHeader),
}

impl<'m> Replacing<'m> {
    fn of(merged: &'m FoundSegment) -> Self {
        match merged.is_rebuilt() {
            true => Self::Covered(&merged.header),
            false => Self::Listed(Sources::of(&merged.header)),
        }
    }

    fn hold(&self, other: &SegmentHeader) -> bool {
        match self {
            Self::Listed(sources) => sources.hold(other),
            Self::Covered(merged) => {
                let SegmentName { id, generation } = merged.segment;
                other.segment.generation < generation
                    && other.segment.id >= id
                    && other.last_id <= merged.last_id
            }
        }
    }

    /// As [`hold`](Self::hold), of a file of which only the name is known. One that was merged
    /// itself may cover numbers that are not held.
    fn hold_name(&self, name: SegmentName) -> bool {
        match self {
            Self::Listed(sources) => sources.list(name),
            Self::Covered(merged) => {
                let covered = merged.segment.id..=merged.last_id;
                name.generation == 0 && merged.segment.generation > 0 && covered.contains(&name.id)
            }
        }
    }
}

/// Nobody looks into files of version 1 any more once a segment has taken them over.
pub(super) fn forget_taken_over(survey: &mut Survey) {
    if survey.segments.is_empty() {
        return;
    }
    for segment in std::mem::take(&mut survey.version1) {
        let name = segment.name();
        let of_version1 = survey.segments.iter();
        let mut of_version1 = of_version1.filter(|of| of.header.holds_version1());
        if !of_version1.any(|of| Replacing::of(of).hold_name(name)) {
            survey.left_out.push(LeftOut {
                file: name.file_name(),
                reason: "it is of version 1, and no segment here has taken it over".into(),
                is_loss: true,
            });
            survey.untaken.push(segment);
        } else {
            survey.taken_over.push(segment);
        }
    }
    survey.taken_over.sort_unstable_by_key(|segment| segment.id);
    survey.untaken.sort_unstable_by_key(|segment| segment.id);
}

/// Finds segments that count although a later form of them took their place: its file is gone, or
/// nothing in it is whole. If that form had removed something, it is there again.
pub(super) fn find_outdated(fs: &dyn Fs, survey: &mut Survey) -> Result<(), LogError> {
    let lost = survey.left_out.iter().filter(|left_out| left_out.is_loss);
    let mut lost: Vec<_> = lost
        .filter_map(|left_out| SegmentName::parse(&left_out.file))
        .collect();
    for segment in &survey.segments {
        if ends_anywhere(fs, segment)? {
            lost.push(segment.header.segment);
        }
    }
    let checkpoint = survey.checkpoint.map(|checkpoint| checkpoint.position);
    let mut outdated = Vec::new();
    for (at, segment) in survey.segments.iter().enumerate() {
        let SegmentName { id, generation } = segment.header.segment;
        let later_file = lost
            .iter()
            .filter(|name| name.id <= id && name.generation > generation)
            .max_by_key(|name| (name.id, name.generation));
        let next = survey.segments.get(at + 1);
        let named = next.and_then(|next| next.header.predecessor);
        let named = named.filter(|named| named.last_id == segment.header.last_id);
        let proven = checkpoint.filter(|of| (of.segment.id..=of.last_id).contains(&id));
        let generations = [
            later_file.map(|name| name.generation),
            named.map(|named| named.generation),
            proven.map(|of| of.segment.generation),
        ];
        let latest = generations.into_iter().flatten().max();
        if let Some(later_generation) = latest.filter(|latest| *latest > generation) {
            outdated.push(OutdatedForm {
                file: segment.file_name.clone(),
                later_generation,
                later_file: later_file.map(|name| name.file_name()),
            });
        }
    }
    survey.outdated = outdated;
    Ok(())
}

/// Returns whether a merged segment may have covered more numbers than is known.
fn ends_anywhere(fs: &dyn Fs, segment: &FoundSegment) -> Result<bool, LogError> {
    let header = &segment.header;
    let generation = header.segment.generation;
    let is_told = generation == 0 || generation == 1 && !header.replaced.is_empty();
    if is_told || !segment.is_rebuilt() {
        return Ok(false);
    }
    Ok(read_trailer(&*segment.open(fs)?, &header.binding())?.is_none())
}
