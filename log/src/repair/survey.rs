//! Which files of a directory count, whatever is wrong with some of them.

use super::forms::{Headers, choose, find_outdated, forget_taken_over};
use super::header::restore_header;
use super::rebuild::{Known, rebuild};
use super::store_id::{most_common_store, possible_stores};
use crate::checkpoint::Checkpoint;
use crate::error::LogError;
use crate::fs::{Access, File, Fs};
use crate::layout::SNAPSHOT_MARK_NAME;
use crate::segment::{SegmentHeader, SegmentName, read_any_header};
use crate::version1::{Version1Segment, guess_version1, read_version1_header};
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
    /// How its header came to be known.
    pub state: HeaderState,
}

/// How a segment's header came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderState {
    /// It is whole.
    Whole,
    /// One byte of it was damaged, and its checksum told which.
    Restored,
    /// It is lost, and was rebuilt from all that tells of it.
    Rebuilt {
        /// The hash of an event speaks for the times of the segment's events; otherwise they are
        /// the likeliest ones.
        times_proven: bool,
    },
}

impl FoundSegment {
    /// Returns whether the header was rebuilt.
    pub fn is_rebuilt(&self) -> bool {
        matches!(self.state, HeaderState::Rebuilt { .. })
    }

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

/// A segment that a merged one has replaced, and that is still there or there again.
#[derive(Clone, Debug)]
pub struct EarlierForm {
    /// The segment.
    pub segment: FoundSegment,
    /// Which of the survey's segments has replaced it.
    pub merged: usize,
}

/// A segment of which there was a later form that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutdatedForm {
    /// The file that is there.
    pub file: String,
    /// The generation of the later form.
    pub later_generation: u32,
    /// Its file, in which nothing is whole; `None` when it is not there.
    pub later_file: Option<String>,
}

/// What a directory holds.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Whose log it is; `None` when no file that is whole tells.
    pub store_id: Option<[u8; 16]>,
    /// Its segments whose header is known, by number and generation.
    pub segments: Vec<FoundSegment>,
    /// What merged segments have replaced, the latest forms first.
    pub earlier: Vec<EarlierForm>,
    /// Segments that count although there was a later form of them.
    pub outdated: Vec<OutdatedForm>,
    /// Files with a segment's name that do not count.
    pub left_out: Vec<LeftOut>,
    /// Segments of version 1, in order, where there are no others.
    pub version1: Vec<Version1Segment>,
    /// Segments of version 1 that none of the others has taken over.
    pub untaken: Vec<Version1Segment>,
    /// Segments of version 1 that one of the others has taken over.
    pub taken_over: Vec<Version1Segment>,
    /// Those of `version1` whose header is damaged.
    pub guessed: Vec<String>,
    /// The checkpoint of this store, if there is one that is whole.
    pub checkpoint: Option<Checkpoint>,
    /// The directory is a copy that was never finished.
    pub is_unfinished: bool,
}

impl Survey {
    pub(super) fn leave_out(&mut self, file: String, reason: impl Into<String>) {
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
    let mut read = Headers::default();
    for name in names.iter().filter_map(|name| SegmentName::parse(name)) {
        look_at(fs, name, &mut survey, &mut read)?;
    }
    let checkpoint = Checkpoint::read(fs)?;
    survey.store_id = most_common_store(&read.found).or(checkpoint.map(|of| of.store_id));
    survey.checkpoint = checkpoint.filter(|of| Some(of.store_id) == survey.store_id);
    rebuild_lost(fs, &names, &mut survey, &mut read)?;
    if read.found.is_empty() {
        find_version1(fs, &mut survey, &mut read)?;
    }
    choose(&mut survey, read);
    forget_taken_over(&mut survey);
    find_outdated(fs, &mut survey)?;
    survey
        .left_out
        .sort_by(|one, other| one.file.cmp(&other.file));
    Ok(survey)
}

fn look_at(
    fs: &dyn Fs,
    name: SegmentName,
    survey: &mut Survey,
    read: &mut Headers,
) -> Result<(), LogError> {
    let file = fs.open(&name.file_name(), Access::Read)?;
    let segment = |header, state| {
        Ok::<_, LogError>(FoundSegment {
            file_name: name.file_name(),
            header,
            len: file.len()?,
            state,
        })
    };
    match read_any_header(name, &*file) {
        Ok(header) => read.found.push(segment(header, HeaderState::Whole)?),
        Err(LogError::CorruptSegment { detail, .. }) => {
            if let Some(segment) = read_version1_header(name, &*file, false)? {
                survey.version1.push(segment);
            } else if let Some(header) = restore_header(name, &*file)? {
                read.found.push(segment(header, HeaderState::Restored)?);
            } else {
                read.lost.push((name, detail));
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Rebuilds the headers that are lost, in order: each builds on the segment before it.
fn rebuild_lost(
    fs: &dyn Fs,
    names: &[String],
    survey: &mut Survey,
    read: &mut Headers,
) -> Result<(), LogError> {
    read.lost.sort_unstable();
    let store_ids = match survey.store_id {
        Some(store_id) => vec![store_id],
        None => possible_stores(fs, names)?,
    };
    let segments: Vec<_> = names
        .iter()
        .filter_map(|name| SegmentName::parse(name))
        .collect();
    for (name, reason) in std::mem::take(&mut read.lost) {
        let mut rebuilt = None;
        for store_id in &store_ids {
            let known = Known {
                fs,
                store_id: *store_id,
                found: &read.found,
                checkpoint: survey.checkpoint,
                names: &segments,
            };
            rebuilt = rebuilt.or(rebuild(&known, name)?);
        }
        match rebuilt {
            Some(segment) => {
                survey.store_id = Some(segment.header.store_id);
                read.found.push(segment);
            }
            None => read.lost.push((name, reason)),
        }
    }
    Ok(())
}

/// Takes files for segments of version 1 whose header is damaged, where there are no others.
fn find_version1(fs: &dyn Fs, survey: &mut Survey, read: &mut Headers) -> Result<(), LogError> {
    let has_others = !survey.version1.is_empty();
    let numbers = survey.version1.iter().map(|segment| segment.id);
    let newest = numbers
        .chain(read.lost.iter().map(|(name, _)| name.id))
        .max();
    for (name, reason) in std::mem::take(&mut read.lost) {
        if let Some(segment) = guess_version1(fs, name)? {
            survey.guessed.push(name.file_name());
            survey.version1.push(segment);
            continue;
        }
        // A crash may have cut the newest one off while it was made.
        let file = fs.open(&name.file_name(), Access::Read)?;
        let may_be_cut_off = has_others && newest == Some(name.id);
        match read_version1_header(name, &*file, may_be_cut_off)? {
            Some(segment) => survey.version1.push(segment),
            None => read.lost.push((name, reason)),
        }
    }
    survey.version1.sort_unstable_by_key(|segment| segment.id);
    Ok(())
}
