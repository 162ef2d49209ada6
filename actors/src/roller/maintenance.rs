//! Work on whole segments that somebody has asked for: one piece after the other, in short steps.

use super::compact::{Begun, Compaction};
use super::index::IndexWork;
use super::snapshot::{Snapshot, made_before};
use crate::error::StoreError;
use crate::indexing::IndexPolicy;
use crate::protocol::indexer::Replacement;
use crate::protocol::roller::{CompactReply, Removal, Rewritten};
use crate::reader::Reader;
use crate::runtime::ReplyTo;
use crate::view::KnownSegment;
use batpak_log::fs::{Fs, remove_if_there};
use batpak_log::index::RunName;
use batpak_log::log_position::LogPosition;
use batpak_log::segment::SegmentName;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// So many pieces of work wait at the most; whoever asks for more is told to come later.
const WAITING_MAX: usize = 16;

type SnapshotReply = ReplyTo<Result<LogPosition, StoreError>>;

/// What is being done, and what waits.
#[derive(Debug)]
pub(super) struct Maintenance {
    reader: Arc<Reader>,
    policy: IndexPolicy,
    asked: VecDeque<Asked>,
    doing: Doing,
    /// Segments that were replaced; their files go when no reader holds them any more.
    leaving: Vec<Arc<KnownSegment>>,
}

#[derive(Debug)]
enum Asked {
    /// A copy, and up to where it may be there already.
    Snapshot(Arc<dyn Fs>, Option<u64>, SnapshotReply),
    Compact(Vec<SegmentName>, Arc<Removal>, CompactReply),
}

/// One piece of work with whom it is for.
#[derive(Debug)]
enum Doing {
    Nothing,
    Snapshot(Box<Snapshot>, SnapshotReply),
    Compaction(Box<Compaction>, CompactReply),
    /// The indexer is asked to send readers to the new segment.
    Replacing(Box<Compaction>, Box<Replacement>, CompactReply),
}

impl Maintenance {
    pub(super) fn new(reader: Arc<Reader>, policy: IndexPolicy) -> Self {
        Self {
            reader,
            policy,
            asked: VecDeque::new(),
            doing: Doing::Nothing,
            leaving: Vec::new(),
        }
    }

    pub(super) fn snapshot(&mut self, to: Arc<dyn Fs>, again: Option<u64>, reply: SnapshotReply) {
        match self.asked.len() {
            WAITING_MAX.. => reply.answer(Err(StoreError::Busy { after_ms: 0 })),
            _ => self.asked.push_back(Asked::Snapshot(to, again, reply)),
        }
    }

    pub(super) fn compact(
        &mut self,
        segments: Vec<SegmentName>,
        removal: Arc<Removal>,
        reply: CompactReply,
    ) {
        match self.asked.len() {
            WAITING_MAX.. => reply.answer(Err(StoreError::Busy { after_ms: 0 })),
            _ => self
                .asked
                .push_back(Asked::Compact(segments, removal, reply)),
        }
    }

    pub(super) fn has_more(&self) -> bool {
        match self.doing {
            Doing::Nothing => !self.asked.is_empty(),
            Doing::Snapshot(..) | Doing::Compaction(..) => true,
            // The answer comes by itself.
            Doing::Replacing(..) => false,
        }
    }

    /// Works for a short while; returns what readers are to be shown.
    pub(super) fn step(&mut self) -> Option<Box<Replacement>> {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {
                self.begin();
                None
            }
            Doing::Snapshot(mut snapshot, reply) => {
                match snapshot.step() {
                    Ok(None) => self.doing = Doing::Snapshot(snapshot, reply),
                    Ok(Some(end)) => reply.answer(Ok(end)),
                    Err(error) => {
                        snapshot.take_back();
                        reply.answer(Err(error));
                    }
                }
                None
            }
            Doing::Compaction(mut compaction, reply) => match compaction.step() {
                Ok(None) => {
                    self.doing = Doing::Compaction(compaction, reply);
                    None
                }
                Ok(Some(replacement)) => {
                    let replacement = Box::new(replacement);
                    let asked = replacement.clone();
                    self.doing = Doing::Replacing(compaction, replacement, reply);
                    Some(asked)
                }
                Err(error) => {
                    compaction.take_back();
                    reply.answer(Err(error));
                    None
                }
            },
            replacing @ Doing::Replacing(..) => {
                self.doing = replacing;
                None
            }
        }
    }

    fn begin(&mut self) {
        match self.asked.pop_front() {
            None => {}
            Some(Asked::Snapshot(to, again, reply)) => {
                let begun = match again.map(|due| made_before(&self.reader, &*to, due)) {
                    Some(Ok(Some(end))) => return reply.answer(Ok(end)),
                    Some(Err(error)) => Err(error),
                    Some(Ok(None)) | None => Snapshot::begin(&self.reader, to),
                };
                match begun {
                    Ok(snapshot) => self.doing = Doing::Snapshot(Box::new(snapshot), reply),
                    Err(error) => reply.answer(Err(error)),
                }
            }
            Some(Asked::Compact(segments, removal, reply)) => {
                match Compaction::begin(&self.reader, self.policy, &segments, removal) {
                    Ok(Begun::Compaction(compaction)) => {
                        self.doing = Doing::Compaction(compaction, reply);
                    }
                    Ok(Begun::Moved) => reply.answer(Ok(None)),
                    Err(error) => reply.answer(Err(error)),
                }
            }
        }
    }

    /// Returns what the indexer was asked to show and has not answered.
    pub(super) fn replacement(&self) -> Option<Box<Replacement>> {
        match &self.doing {
            Doing::Replacing(_, replacement, _) => Some(replacement.clone()),
            Doing::Nothing | Doing::Snapshot(..) | Doing::Compaction(..) => None,
        }
    }

    /// Takes what became of a replacement.
    pub(super) fn replaced(&mut self, outcome: Result<bool, StoreError>, work: &mut IndexWork) {
        let (compaction, reply) = match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Replacing(compaction, _, reply) => (*compaction, reply),
            other @ (Doing::Nothing | Doing::Snapshot(..) | Doing::Compaction(..)) => {
                self.doing = other;
                return;
            }
        };
        match outcome {
            Ok(true) => {
                let rewritten = Rewritten {
                    segments: compaction.sources.len(),
                    bytes_before: compaction.bytes_before,
                    bytes_after: compaction.bytes_after,
                };
                let was_left = compaction.was_left;
                work.forget(&compaction.sources);
                self.leaving.extend(compaction.into_sources());
                // Who has the answer finds the files gone, unless a reader is still in them.
                self.unlink();
                // Nobody knows what it was to remove: whoever asks looks again what is left to do.
                reply.answer(Ok(Some(rewritten).filter(|_| !was_left)));
            }
            // The segment is in its place, and the next try or the next opening takes it up.
            Ok(false) => reply.answer(Ok(None)),
            Err(error) => reply.answer(Err(error)),
        }
    }

    /// Removes the files of segments that no reader looks into any more; `true` when some are left.
    pub(super) fn unlink(&mut self) -> bool {
        let (unused, used): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|segment| Arc::strong_count(segment) == 1);
        self.leaving = used;
        if !unused.is_empty()
            && let Err(error) = self.remove_files(&unused)
        {
            // What stays is removed by the next opening.
            tracing::warn!(%error, "segments that were replaced were not removed");
        }
        !self.leaving.is_empty()
    }

    fn remove_files(&self, segments: &[Arc<KnownSegment>]) -> io::Result<()> {
        let access = self.reader.access();
        let fs = &**access.fs();
        let is_gone = |run: &RunName| {
            let names = segments.iter().map(|segment| segment.header.segment);
            names.into_iter().any(|name| name == run.segment)
        };
        for run in fs.list("")?.iter().filter_map(|name| RunName::parse(name)) {
            if is_gone(&run) {
                access.forget_run(&run);
                remove_if_there(fs, &run.file_name())?;
            }
        }
        for segment in segments {
            let name = segment.header.segment;
            access.forget_segment(name);
            remove_if_there(fs, &name.file_name())?;
        }
        fs.sync_directory("")
    }

    /// Gives up what is not finished: whoever waits is told that the store has closed.
    pub(super) fn end(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {}
            Doing::Snapshot(snapshot, reply) => {
                snapshot.take_back();
                reply.answer(Err(StoreError::Closed));
            }
            Doing::Compaction(compaction, reply) => {
                compaction.take_back();
                reply.answer(Err(StoreError::Closed));
            }
            Doing::Replacing(_, _, reply) => reply.answer(Err(StoreError::Closed)),
        }
        for asked in self.asked.drain(..) {
            match asked {
                Asked::Snapshot(_, _, reply) => reply.answer(Err(StoreError::Closed)),
                Asked::Compact(_, _, reply) => reply.answer(Err(StoreError::Closed)),
            }
        }
        self.unlink();
    }
}
