//! Reads which segments a data directory holds and whether they follow each other.

use crate::error::LogError;
use crate::fs::{Access, Fs};
use crate::index::RunName;
use crate::layout::SNAPSHOT_MARK_NAME;
use crate::planted::{Bug, planted};
use crate::segment::{SegmentHeader, SegmentName, read_header};
use crate::version1::{Version1Segment, check_numbers, read_version1_header};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;

/// The segments of a store, in order, with what an interrupted merge left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Headers of the segments that make up the log, oldest first.
    pub segments: Vec<SegmentHeader>,
    /// Segments whose events a merged one took over, still there: to be removed.
    pub replaced: Vec<SegmentName>,
    /// Index runs that are there, sorted; nothing is known of what is in them.
    pub runs: Vec<RunName>,
    /// Segments of version 1 that none of `segments` has taken over: then there are no others.
    pub version1: Vec<Version1Segment>,
}

/// Reads the headers of all segments. Writes nothing; files with other names are not looked at.
///
/// # Errors
/// `CorruptSegment` or `FutureVersion` for a header, `ForeignFile` for a segment of another store
/// or one whose numbers another segment covers, `MissingSegment` where a link is broken; for
/// version 1, `MissingSegment` where a number is, and `ForeignFile` for what came after it was
/// taken over; `UnfinishedSnapshot` where somebody began to write a copy of a store.
pub fn read_directory(fs: &dyn Fs) -> Result<Directory, LogError> {
    let names = match fs.list("") {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if names.iter().any(|name| name == SNAPSHOT_MARK_NAME) {
        return Err(LogError::UnfinishedSnapshot);
    }
    let Headers { headers, others } = read_headers(fs, &names)?;
    let replaced = find_replaced(&headers)?;
    let segments: Vec<_> = headers
        .into_iter()
        .filter(|(name, _)| !replaced.contains(name))
        .map(|(_, header)| header)
        .collect();
    let version1 = find_version1(fs, others, &segments)?;
    check_links(&segments)?;
    let mut runs: Vec<_> = names
        .iter()
        .filter_map(|name| RunName::parse(name))
        .collect();
    runs.sort_unstable();
    Ok(Directory {
        segments,
        replaced: replaced.into_iter().collect(),
        runs,
        version1,
    })
}

/// What the fronts of all segments say.
#[derive(Default)]
struct Headers {
    headers: BTreeMap<SegmentName, SegmentHeader>,
    /// Files that have no header, and why not, in order.
    others: Vec<(SegmentName, LogError)>,
}

fn read_headers(fs: &dyn Fs, names: &[String]) -> Result<Headers, LogError> {
    let mut read = Headers::default();
    for name in names.iter().filter_map(|name| SegmentName::parse(name)) {
        let file = fs.open(&name.file_name(), Access::Read)?;
        match read_header(name, &*file) {
            Ok(header) => {
                read.headers.insert(name, header);
            }
            Err(refusal @ LogError::CorruptSegment { .. }) => read.others.push((name, refusal)),
            Err(error) => return Err(error),
        }
    }
    read.others.sort_unstable_by_key(|(name, _)| *name);
    Ok(read)
}

/// Returns the segments of version 1 that are not taken over yet. Once some are, all must be, and
/// nobody looks into their files any more.
///
/// What is no segment of version 1 either is refused as what it was found to be.
fn find_version1(
    fs: &dyn Fs,
    others: Vec<(SegmentName, LogError)>,
    segments: &[SegmentHeader],
) -> Result<Vec<Version1Segment>, LogError> {
    let taken_over: BTreeSet<_> = segments
        .iter()
        .filter(|header| header.holds_version1())
        .flat_map(|header| &header.replaced)
        .map(|replaced| replaced.segment)
        .collect();
    let mut left: Vec<_> = others;
    left.retain(|(name, _)| !taken_over.contains(name));
    let mut found = Vec::new();
    let count = left.len();
    for (name, refusal) in left {
        // The released batpak may have crashed while it made the newest of its segments.
        let newest = !found.is_empty() && found.len() + 1 == count && segments.is_empty();
        let file = fs.open(&name.file_name(), Access::Read)?;
        match read_version1_header(name, &*file, newest)? {
            None => return Err(refusal),
            Some(_) if !segments.is_empty() => {
                // What took it over may be missing.
                check_links(segments)?;
                return Err(LogError::ForeignFile {
                    name: name.file_name(),
                    detail: "it is of version 1, and was not there when the log was taken over"
                        .into(),
                });
            }
            Some(segment) => found.push(segment),
        }
    }
    check_numbers(&found)?;
    Ok(found)
}

/// Finds the sources of merged segments that are still there, and the sources of sources: whoever
/// read one of those has kept it there while it was merged a second time.
///
/// They are about to be removed, so a file that only has a source's name must not pass as one.
fn find_replaced(
    headers: &BTreeMap<SegmentName, SegmentHeader>,
) -> Result<BTreeSet<SegmentName>, LogError> {
    let mut found = BTreeSet::new();
    for merged in headers.values() {
        if merged.replaced.is_empty() {
            continue;
        }
        let sources = Sources::of(merged);
        let covered = SegmentName::first_generation(merged.segment.id)..;
        let covered = headers.range(covered).map(|(_, header)| header);
        let covered = covered.take_while(|header| header.segment.id <= merged.last_id);
        for source in covered.filter(|header| sources.hold(header)) {
            if source.store_id != merged.store_id {
                return Err(LogError::ForeignFile {
                    name: source.segment.file_name(),
                    detail: format!("{} belongs to another store", merged.segment),
                });
            }
            found.insert(source.segment);
        }
    }
    Ok(found)
}

/// What a merged segment was made of.
pub(crate) struct Sources<'m> {
    merged: &'m SegmentHeader,
    generations: BTreeMap<u64, u32>,
}

impl<'m> Sources<'m> {
    pub(crate) fn of(merged: &'m SegmentHeader) -> Self {
        let segments = merged.replaced.iter().map(|source| source.segment);
        Self {
            merged,
            generations: segments.map(|name| (name.id, name.generation)).collect(),
        }
    }

    /// Tells whether a segment is listed as one of them.
    pub(crate) fn list(&self, name: SegmentName) -> bool {
        self.generations.get(&name.id) == Some(&name.generation)
    }

    /// Tells whether a segment is one of them, or an earlier form of a part of one.
    pub(crate) fn hold(&self, other: &SegmentHeader) -> bool {
        let SegmentName { id, generation } = other.segment;
        let Some((first_id, of_source)) = self.generations.range(..=id).next_back() else {
            return false;
        };
        if (*first_id, *of_source) == (id, generation) {
            return true;
        }
        let mut behind = self.generations.range(id.saturating_add(1)..);
        let end = behind.next().map(|(next, _)| *next);
        let end = end.unwrap_or(self.merged.last_id.saturating_add(1));
        !self.merged.holds_version1() && generation < *of_source && other.last_id < end
    }
}

fn check_links(segments: &[SegmentHeader]) -> Result<(), LogError> {
    let mut before: Option<&SegmentHeader> = None;
    for header in segments {
        if !planted(Bug::IgnoreBrokenLink) {
            check_link(before, header)?;
        }
        before = Some(header);
    }
    Ok(())
}

fn check_link(before: Option<&SegmentHeader>, header: &SegmentHeader) -> Result<(), LogError> {
    let foreign = |detail: String| LogError::ForeignFile {
        name: header.segment.file_name(),
        detail,
    };
    let named = header
        .predecessor
        .map_or(0, |predecessor| predecessor.last_id);
    let Some(before) = before else {
        return match named {
            0 => Ok(()),
            segment_id => Err(LogError::MissingSegment { segment_id }),
        };
    };
    if before.store_id != header.store_id {
        return Err(foreign(format!(
            "{} belongs to another store",
            before.segment
        )));
    }
    if before.last_id >= header.segment.id {
        return Err(foreign(format!(
            "{} covers the same numbers",
            before.segment
        )));
    }
    if named > before.last_id {
        return Err(LogError::MissingSegment { segment_id: named });
    }
    if named < before.last_id {
        return Err(foreign(format!("it does not follow {}", before.segment)));
    }
    if let Some(predecessor) = header.predecessor
        && predecessor.generation > before.segment.generation
    {
        return Err(foreign(format!(
            "it follows a later form of {}",
            before.segment
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
