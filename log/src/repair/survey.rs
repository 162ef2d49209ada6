//! Which files of a directory count, whatever is wrong with some of them.

use super::header::restore_header;
use crate::checkpoint::Checkpoint;
use crate::directory::Sources;
use crate::error::LogError;
use crate::fs::{Access, File, Fs};
use crate::layout::SNAPSHOT_MARK_NAME;
use crate::segment::{SegmentHeader, SegmentName, read_any_header};
use crate::version1::read_version1_header;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A segment of the store that is surveyed.
#[derive(Clone, Debug)]
pub struct FoundSegment {
    /// The file's name, which may be another than the segment's own.
    pub file_name: String,
    /// Its header.
    pub header: SegmentHeader,
    /// The file's length, in bytes.
    pub len: u64,
    /// One byte of the header was damaged, and its checksum told which.
    pub header_was_restored: bool,
}

impl FoundSegment {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, fs: &dyn Fs) -> Result<Arc<dyn File>, LogError> {
        Ok(fs.open(&self.file_name, Access::Read)?)
    }
}

/// A file that is not looked into, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The file's name in the directory.
    pub file: String,
    /// Why, for people.
    pub reason: String,
    /// Events of the log may be in it, and nowhere else.
    pub is_loss: bool,
}

/// What a directory holds.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Whose log it is; `None` when no file that is whole tells.
    pub store_id: Option<[u8; 16]>,
    /// Its segments whose header is known, by number and generation.
    pub segments: Vec<FoundSegment>,
    /// Files with a segment's name that do not count.
    pub left_out: Vec<LeftOut>,
    /// Files of version 1 which no segment has taken over.
    pub version1: Vec<String>,
    /// The checkpoint of this store, if there is one that is whole.
    pub checkpoint: Option<Checkpoint>,
    /// The directory is a copy that was never finished.
    pub is_unfinished: bool,
}

impl Survey {
    fn leave_out(&mut self, file: String, reason: impl Into<String>) {
        self.left_out.push(LeftOut {
            file,
            reason: reason.into(),
            is_loss: false,
        });
    }

    /// Returns the ranges of segment numbers that no segment covers, first and last, up to the
    /// highest number that anything whole tells of.
    pub fn missing_numbers(&self) -> Vec<(u64, u64)> {
        let mut covered: Vec<_> = self
            .segments
            .iter()
            .map(|found| (found.header.segment.id, found.header.last_id))
            .collect();
        let named = self.segments.iter().filter_map(|found| {
            let predecessor = found.header.predecessor?;
            Some(predecessor.last_id)
        });
        let proven = self
            .checkpoint
            .map(|checkpoint| checkpoint.position.last_id);
        let last = named.chain(proven).max().unwrap_or(0);
        covered.sort_unstable();
        let mut missing = Vec::new();
        let mut next = 1;
        for (first, upto) in covered {
            if first > next {
                missing.push((next, first - 1));
            }
            next = next.max(upto.saturating_add(1));
        }
        if last >= next {
            missing.push((next, last));
        }
        missing
    }
}

/// Reads the headers of all files that have a segment's name. Writes nothing.
///
/// # Errors
/// `FutureVersion` for a segment of a later version, which nobody here can judge; `Io` when a file
/// cannot be read.
pub fn survey(fs: &dyn Fs) -> Result<Survey, LogError> {
    let names = match fs.list("") {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut survey = Survey {
        is_unfinished: names.iter().any(|name| name == SNAPSHOT_MARK_NAME),
        ..Survey::default()
    };
    let mut found = Vec::new();
    for name in names.iter().filter_map(|name| SegmentName::parse(name)) {
        look_at(fs, name, &mut survey, &mut found)?;
    }
    let checkpoint = Checkpoint::read(fs)?;
    survey.store_id = most_common_store(&found).or(checkpoint.map(|of| of.store_id));
    survey.checkpoint = checkpoint.filter(|of| Some(of.store_id) == survey.store_id);
    choose(&mut survey, found);
    forget_taken_over(&mut survey);
    survey
        .left_out
        .sort_by(|one, other| one.file.cmp(&other.file));
    Ok(survey)
}

fn look_at(
    fs: &dyn Fs,
    name: SegmentName,
    survey: &mut Survey,
    found: &mut Vec<FoundSegment>,
) -> Result<(), LogError> {
    let file = fs.open(&name.file_name(), Access::Read)?;
    let segment = |header, header_was_restored| {
        Ok::<_, LogError>(FoundSegment {
            file_name: name.file_name(),
            header,
            len: file.len()?,
            header_was_restored,
        })
    };
    match read_any_header(name, &*file) {
        Ok(header) => found.push(segment(header, false)?),
        Err(LogError::CorruptSegment { detail, .. }) => {
            if read_version1_header(name, &*file, false)?.is_some() {
                survey.version1.push(name.file_name());
            } else if let Some(header) = restore_header(name, &*file)? {
                found.push(segment(header, true)?);
            } else {
                survey.left_out.push(LeftOut {
                    file: name.file_name(),
                    reason: detail,
                    is_loss: true,
                });
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns the store that most segments belong to; of several the one with the lowest number.
fn most_common_store(found: &[FoundSegment]) -> Option<[u8; 16]> {
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

/// Chooses one file for each segment, and none that a merged segment has replaced.
fn choose(survey: &mut Survey, found: Vec<FoundSegment>) {
    let mut chosen = BTreeMap::<SegmentName, FoundSegment>::new();
    // A file with its own name comes before one that has got another's.
    let mut found = found;
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
    let mut replaced = BTreeMap::new();
    for merged in chosen.values().filter(|of| !of.header.replaced.is_empty()) {
        let sources = Sources::of(&merged.header);
        for source in chosen.values().filter(|of| sources.hold(&of.header)) {
            replaced.insert(source.header.segment, merged.file_name.clone());
        }
    }
    for (name, segment) in chosen {
        match replaced.get(&name) {
            Some(by) => {
                let reason = format!("its events are in {by}");
                survey.leave_out(segment.file_name, reason);
            }
            None => survey.segments.push(segment),
        }
    }
}

/// Nobody looks into files of version 1 any more once a segment has taken them over.
fn forget_taken_over(survey: &mut Survey) {
    if survey.segments.is_empty() {
        return;
    }
    let of_version1 = survey
        .segments
        .iter()
        .filter(|of| of.header.holds_version1());
    let taken_over: Vec<_> = of_version1
        .flat_map(|of| of.header.replaced.iter())
        .map(|source| source.segment.file_name())
        .collect();
    for file in std::mem::take(&mut survey.version1) {
        if !taken_over.contains(&file) {
            survey.leave_out(
                file,
                "it is of version 1, and no segment here has taken it over",
            );
        }
    }
}
