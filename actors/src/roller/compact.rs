//! Puts one segment in the place of neighbours, in short steps.
//!
//! The new segment is complete and durable under its own name before readers are sent to it, and
//! the old ones go once no reader is left in them. Their events, hashes and sequences are those of
//! the old ones; of a removed event a stub stays.

use super::index_all::IndexingAll;
use crate::error::StoreError;
use crate::indexing::IndexPolicy;
use crate::protocol::indexer::Replacement;
use crate::protocol::roller::Removal;
use crate::reader::Reader;
use crate::rewriter::{MergeSource, Rewriter, merged_header};
use crate::view::{KnownSegment, Lists};
use batpak_log::directory::read_directory;
use batpak_log::fs::{Access, File, Fs, remove_if_there, write_all_at};
use batpak_log::layout::MERGING_NAME;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::recover_segment::sealed_end;
use batpak_log::segment::{
    GroupReader, Predecessor, SegmentHeader, SegmentName, Step, UnfinishedFence, encode_footer,
    read_trailer,
};
use std::sync::Arc;

/// A step writes about so many bytes.
const STEP_BYTES: u64 = 1024 * 1024;
/// So many bytes are made durable at once, so that no sync takes long.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// A compaction on its way.
///
/// 1. The events of the sources are written to a temporary file, every hash recomputed.
/// 2. It gets its footer and its name, all durable.
/// 3. Its index is written, and the indexer is told to show it in the place of the sources.
#[derive(Debug)]
pub(super) struct Compaction {
    fs: Arc<dyn Fs>,
    reader: Arc<Reader>,
    policy: IndexPolicy,
    /// What goes; whoever looks into one of them holds it too.
    pub(super) sources: Vec<Arc<KnownSegment>>,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
    /// It was begun by a roller that has crashed, for somebody who may have asked for another.
    pub(super) was_left: bool,
    header: Arc<SegmentHeader>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Writing(Box<Writing>),
    Indexing(Box<IndexingAll>),
    Done,
}

/// The temporary file on its way.
#[derive(Debug)]
struct Writing {
    sources: Vec<MergeSource>,
    /// Which of them is read.
    at: usize,
    groups: Option<GroupReader>,
    rewriter: Rewriter,
    file: Arc<dyn File>,
    synced: u64,
}

/// What beginning came to.
pub(super) enum Begun {
    Compaction(Box<Compaction>),
    /// The segments are not there any more, or not sealed.
    Moved,
}

impl Compaction {
    /// Begins to write one segment for these neighbours.
    pub(super) fn begin(
        reader: &Arc<Reader>,
        policy: IndexPolicy,
        names: &[SegmentName],
        removal: Arc<Removal>,
    ) -> Result<Begun, StoreError> {
        let fs = Arc::clone(reader.access().fs());
        let lists = reader.view().snapshot().lists;
        let Some((known, successor)) = lists.neighbours(names) else {
            return Ok(Begun::Moved);
        };
        if let Some(header) = left_behind(&*fs, &lists, names)? {
            return Self::take_over(reader, policy, header);
        }
        let mut sources = Vec::with_capacity(known.len());
        for (at, segment) in known.iter().enumerate() {
            let after = known.get(at + 1).map(|known| &*known.header);
            let source = source_of(&*fs, &segment.header, after.or(successor.as_deref()))?;
            let Some(source) = source else {
                return Ok(Begun::Moved);
            };
            sources.push(source);
        }
        let removes = !removal.sequences.is_empty();
        let Some(header) = merged_header(fs.boot_id(), &sources, removes) else {
            return Ok(Begun::Moved);
        };
        let file = begin_file(&*fs, &header)?;
        let writing = Writing {
            rewriter: Rewriter::new(reader, &header, removal),
            at: 0,
            groups: None,
            file,
            synced: 0,
            sources,
        };
        Ok(Begun::Compaction(Box::new(Self {
            bytes_before: writing.sources.iter().map(|source| source.len).sum(),
            bytes_after: 0,
            was_left: false,
            sources: known,
            header: Arc::new(header),
            stage: Stage::Writing(Box::new(writing)),
            reader: Arc::clone(reader),
            policy,
            fs,
        })))
    }

    /// Goes on with a segment that is in its place, and that readers do not know.
    fn take_over(
        reader: &Arc<Reader>,
        policy: IndexPolicy,
        header: SegmentHeader,
    ) -> Result<Begun, StoreError> {
        let fs = Arc::clone(reader.access().fs());
        let names: Vec<_> = header
            .replaced
            .iter()
            .map(|source| source.segment)
            .collect();
        let lists = reader.view().snapshot().lists;
        let Some((known, _)) = lists.neighbours(&names) else {
            return Ok(Begun::Moved);
        };
        let file = fs.open(&header.segment.file_name(), Access::Read)?;
        let Some(trailer) = read_trailer(&*file, &header.binding())? else {
            let detail = "it was merged and its footer is damaged";
            return Err(StoreError::corrupt(header.segment.id, detail));
        };
        let end = LogPosition {
            segment: header.segment,
            last_id: header.last_id,
            offset: trailer.end_offset,
            event_count: trailer.event_count,
            next_sequence: trailer.next_sequence,
            hlc: trailer.hlc,
            log_hash: trailer.log_hash,
        };
        let mut bytes_before = 0;
        for name in &names {
            bytes_before += fs.open(&name.file_name(), Access::Read)?.len()?;
        }
        let header = Arc::new(header);
        Ok(Begun::Compaction(Box::new(Self {
            bytes_before,
            bytes_after: file.len()?,
            was_left: true,
            sources: known,
            stage: Stage::Indexing(Box::new(IndexingAll::new(&header, end))),
            header,
            reader: Arc::clone(reader),
            policy,
            fs,
        })))
    }

    /// Works for a short while; returns what readers are to be shown once it is there.
    pub(super) fn step(&mut self) -> Result<Option<Replacement>, StoreError> {
        match &mut self.stage {
            Stage::Writing(writing) => {
                if writing.step(&*self.fs)? {
                    let header = Arc::new(writing.rewriter.finished(&self.header));
                    let end = writing.place(&*self.fs, &header)?;
                    self.header = header;
                    self.bytes_after = writing.file.len()?;
                    self.stage = Stage::Indexing(Box::new(IndexingAll::new(&self.header, end)));
                }
                Ok(None)
            }
            Stage::Indexing(indexing) => {
                if !indexing.step(&self.reader, self.policy)? {
                    return Ok(None);
                }
                let name = |source: &Arc<KnownSegment>| source.header.segment;
                let names = self.sources.iter().map(name);
                let replacement = indexing.replacement(names.collect());
                self.stage = Stage::Done;
                Ok(Some(replacement))
            }
            Stage::Done => Ok(None),
        }
    }

    /// Lets go of everything but the segments that are to go.
    pub(super) fn into_sources(self) -> Vec<Arc<KnownSegment>> {
        self.sources
    }

    /// Removes the temporary file, if it has no better name yet.
    pub(super) fn take_back(&self) {
        if let Err(error) = remove_if_there(&*self.fs, MERGING_NAME) {
            tracing::warn!(%error, "a compaction that was not finished was not removed");
        }
    }
}

/// Finds a segment that takes the place of one of these, and that readers do not know: a roller has
/// crashed over it. Two that overlap would be no log any more.
fn left_behind(
    fs: &dyn Fs,
    lists: &Lists,
    names: &[SegmentName],
) -> Result<Option<SegmentHeader>, StoreError> {
    let is_known = |name: SegmentName| {
        let known = lists.segment(name.id);
        known.is_some_and(|known| known.header.segment == name)
    };
    let listed = fs.list("")?;
    let mut unknown = listed.iter().filter_map(|name| SegmentName::parse(name));
    if !unknown.any(|name| name.generation > 0 && !is_known(name)) {
        return Ok(None);
    }
    let replaces = |header: &SegmentHeader| {
        let mut sources = header.replaced.iter().map(|source| source.segment);
        !is_known(header.segment) && sources.any(|source| names.contains(&source))
    };
    let found = read_directory(fs)?.segments;
    Ok(found.into_iter().find(replaces))
}

/// Creates the temporary file, with its header.
fn begin_file(fs: &dyn Fs, header: &SegmentHeader) -> Result<Arc<dyn File>, StoreError> {
    remove_if_there(fs, MERGING_NAME)?;
    let file = fs.create_new(MERGING_NAME)?;
    if let Err(error) = write_all_at(&*file, &header.encode(), 0) {
        remove_if_there(fs, MERGING_NAME)?;
        return Err(error.into());
    }
    Ok(file)
}

/// Looks at a sealed segment; `None` when nothing that is whole says where it ends.
fn source_of(
    fs: &dyn Fs,
    header: &SegmentHeader,
    successor: Option<&SegmentHeader>,
) -> Result<Option<MergeSource>, StoreError> {
    let file = fs.open(&header.segment.file_name(), Access::Read)?;
    let trailer = read_trailer(&*file, &header.binding())?;
    let (end_offset, log_hash) = match successor.and_then(|successor| successor.predecessor) {
        Some(sealed) => (sealed_end(&file, header, &sealed)?, Some(sealed.log_hash)),
        None => (
            trailer.map(|trailer| trailer.end_offset),
            trailer.map(|trailer| trailer.log_hash),
        ),
    };
    let (Some(end_offset), Some(log_hash)) = (end_offset, log_hash) else {
        return Ok(None);
    };
    Ok(Some(MergeSource {
        len: file.len()?,
        end: Predecessor {
            last_id: header.last_id,
            generation: header.segment.generation,
            end_offset,
            log_hash,
        },
        header: header.clone(),
    }))
}

impl Writing {
    /// Writes some groups; `true` once all are written.
    fn step(&mut self, fs: &dyn Fs) -> Result<bool, StoreError> {
        let begun = self.rewriter.position().offset;
        while let Some(source) = self.sources.get(self.at) {
            let groups = match &mut self.groups {
                Some(groups) => groups,
                None => {
                    let name = source.header.segment.file_name();
                    let file = fs.open(&name, Access::Read)?;
                    let groups = GroupReader::new(file, &source.header, source.end.end_offset);
                    self.groups.insert(groups)
                }
            };
            let segment_id = source.header.segment.id;
            match groups.step()? {
                Step::Group(group) => {
                    let (bytes, at) = self.rewriter.rewrite(&group)?;
                    write_all_at(&*self.file, &bytes, at)?;
                }
                Step::End if self.rewriter.position().log_hash != source.end.log_hash => {
                    let detail = "its events are not those that its successor follows";
                    return Err(StoreError::corrupt(segment_id, detail));
                }
                Step::End => {
                    self.groups = None;
                    self.at += 1;
                }
                Step::NotWhole { bad: offset, .. }
                | Step::Unfinished(UnfinishedFence { end: offset, .. }) => {
                    return Err(StoreError::CrcMismatch { segment_id, offset });
                }
            }
            let written = self.rewriter.position().offset;
            if written - self.synced >= SYNC_BYTES {
                self.file.sync_data()?;
                self.synced = written;
            }
            if written - begun >= STEP_BYTES {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the file its header, its footer and its name; returns where the log ends in it.
    fn place(&mut self, fs: &dyn Fs, header: &SegmentHeader) -> Result<LogPosition, StoreError> {
        let mut position = *self.rewriter.position();
        let mut clean = false;
        if let Some(last) = self.sources.last() {
            let file = fs.open(&last.header.segment.file_name(), Access::Read)?;
            let trailer = read_trailer(&*file, &last.header.binding())?;
            if let Some(trailer) = trailer.filter(|own| own.log_hash == position.log_hash) {
                // It may have skipped sequences that were lost.
                position.next_sequence = position.next_sequence.max(trailer.next_sequence);
                clean = trailer.clean;
            }
        }
        let footer = encode_footer(&header.binding(), &position.as_trailer(clean));
        write_all_at(&*self.file, &footer, position.offset)?;
        write_all_at(&*self.file, &header.encode(), 0)?;
        if !planted(Bug::RemoveCompactedEarly) {
            self.file.sync_all()?;
        }
        fs.rename(MERGING_NAME, &header.segment.file_name())?;
        if !planted(Bug::RemoveCompactedEarly) {
            fs.sync_directory("")?;
        }
        Ok(position)
    }
}
