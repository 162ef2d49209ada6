//! Copies everything visible into another directory, in short steps.
//!
//! The mark is durable in the directory before anything else is there, and goes once all the rest
//! is durable: what a crash leaves is refused by every opening.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::recovery::{empty_position, moved_under_reader};
use crate::view::{KnownSegment, Part, Snapshot as View};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::error::LogError;
use batpak_log::fs::{Access, File, Fs, read_range, remove_if_there, write_all_at};
use batpak_log::index::RunName;
use batpak_log::layout::{CHECKPOINT_NAME, SNAPSHOT_MARK_NAME};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::{FenceRecord, Group, GroupReader, Step, encode_footer, read_trailer};
use std::io;
use std::sync::Arc;

/// A step copies about so many bytes.
const STEP_BYTES: u64 = 1024 * 1024;
/// So many bytes are made durable at once, so that no sync takes long.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;
/// So often a file may become shorter while it is read.
const TRIES: u32 = 16;

/// A copy on its way.
///
/// 1. The newest segment with something visible in it is copied group by group, up to the last
///    that was visible when the copy began; it gets a footer with the clean mark.
/// 2. The sealed segments before it are copied as they are, then the index runs.
/// 3. The checkpoint follows, and the mark is taken away.
#[derive(Debug)]
pub(super) struct Snapshot {
    from: Arc<dyn Fs>,
    to: Arc<dyn Fs>,
    /// Holds every file that is still to be copied.
    view: View,
    /// The segments that are not copied yet, oldest first.
    segments: Vec<Arc<KnownSegment>>,
    runs: Vec<RunName>,
    /// The files that were created.
    created: Vec<String>,
    stage: Stage,
    end: Option<(LogPosition, [u8; 16])>,
}

#[derive(Debug)]
enum Stage {
    /// The end of the log, group by group.
    Groups(Box<Groups>),
    /// A file as it is.
    File(Copying),
    /// The next file is to be chosen.
    Between,
}

/// The groups of one segment on their way.
#[derive(Debug)]
struct Groups {
    segment: Arc<KnownSegment>,
    reader: GroupReader,
    position: LogPosition,
    /// The sequence behind all that were used: a group without events may say so, too.
    used: u64,
    copying: Copying,
    tries: u32,
}

/// Bytes of one file on their way.
#[derive(Debug)]
struct Copying {
    from: Arc<dyn File>,
    to: Arc<dyn File>,
    done: u64,
    synced: u64,
}

impl Snapshot {
    /// Leaves the mark and chooses what to copy: everything that is visible now.
    pub(super) fn begin(reader: &Reader, to: Arc<dyn Fs>) -> Result<Self, StoreError> {
        take_over(&*to)?;
        if !to.list("")?.is_empty() {
            // Two were asked for at once, and the first is whole: a mark would make it worthless.
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        leave_mark(&*to)?;
        let view = reader.view().snapshot();
        let indexed = view.lists.parts.iter().filter_map(|part| match part {
            Part::Indexed(part) => Some(*part.run.name()),
            Part::Tail(_) => None,
        });
        Ok(Self {
            from: Arc::clone(reader.access().fs()),
            segments: view.lists.segments().to_vec(),
            runs: indexed.collect(),
            to,
            view,
            created: Vec::new(),
            stage: Stage::Between,
            end: None,
        })
    }

    /// Copies for a short while; returns the end of the copy once all of it is durable.
    pub(super) fn step(&mut self) -> Result<Option<LogPosition>, StoreError> {
        match &mut self.stage {
            Stage::Groups(groups) => {
                if let Some(position) = groups.step(&self.view)? {
                    // A segment that has nothing visible yet is no part of the copy.
                    let header = &groups.segment.header;
                    let is_empty = position.offset == header.encoded_len();
                    if is_empty && !self.segments.is_empty() {
                        self.to.remove(&header.segment.file_name())?;
                    } else {
                        self.end = Some((position, header.store_id));
                    }
                    self.stage = Stage::Between;
                }
            }
            Stage::File(copying) => {
                if copying.step()? {
                    self.stage = Stage::Between;
                }
            }
            Stage::Between => return self.next_file(),
        }
        Ok(None)
    }

    fn next_file(&mut self) -> Result<Option<LogPosition>, StoreError> {
        if let Some(segment) = self.segments.pop() {
            let name = segment.header.segment.file_name();
            let copying = self.begin_file(&name)?;
            self.stage = match self.end {
                Some(_) => Stage::File(copying),
                None => Stage::Groups(Box::new(Groups::new(segment, copying)?)),
            };
            return Ok(None);
        }
        if let Some(run) = self.runs.pop() {
            match self.begin_file(&run.file_name()) {
                Ok(copying) => self.stage = Stage::File(copying),
                // An index is built again where it lacks.
                Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            return Ok(None);
        }
        self.finish()
    }

    fn begin_file(&mut self, name: &str) -> Result<Copying, StoreError> {
        let from = self.from.open(name, Access::Read)?;
        let to = self.to.create_new(name)?;
        self.created.push(name.to_owned());
        Ok(Copying {
            from,
            to,
            done: 0,
            synced: 0,
        })
    }

    fn finish(&mut self) -> Result<Option<LogPosition>, StoreError> {
        let position = match self.end {
            Some((position, store_id)) => {
                self.created.push(CHECKPOINT_NAME.to_owned());
                Checkpoint { store_id, position }.write(&*self.to)?;
                position
            }
            None => empty_position(),
        };
        self.to.sync_directory("")?;
        self.to.remove(SNAPSHOT_MARK_NAME)?;
        self.to.sync_directory("")?;
        Ok(Some(position))
    }

    /// Removes what was copied so far, the mark last; what cannot be removed stays refused.
    pub(super) fn take_back(&self) {
        let removed = leave_mark(&*self.to)
            .and_then(|()| {
                let mut created = self.created.iter();
                created.try_for_each(|name| remove_if_there(&*self.to, name))
            })
            .and_then(|()| self.to.sync_directory(""))
            .and_then(|()| remove_if_there(&*self.to, SNAPSHOT_MARK_NAME));
        if let Err(error) = removed {
            tracing::warn!(%error, "a snapshot that was not finished was not removed");
        }
    }
}

/// Says durably that the copy is not finished, if nothing does yet.
fn leave_mark(to: &dyn Fs) -> io::Result<()> {
    if !to.exists(SNAPSHOT_MARK_NAME)? {
        to.create_new(SNAPSHOT_MARK_NAME)?.sync_all()?;
    }
    to.sync_directory("")
}

/// Returns the end of a whole copy that is there and reaches as far as it is due.
pub(super) fn made_before(
    reader: &Reader,
    to: &dyn Fs,
    due: u64,
) -> Result<Option<LogPosition>, StoreError> {
    if to.exists(SNAPSHOT_MARK_NAME)? {
        return Ok(None);
    }
    let store_id = reader.view().store_id();
    let reaches =
        |copy: &Checkpoint| Some(copy.store_id) == store_id && copy.position.next_sequence >= due;
    let copy = Checkpoint::read(to)?.filter(reaches);
    // The mark is gone for good once that is durable.
    to.sync_directory("")?;
    Ok(copy.map(|copy| copy.position))
}

/// Removes what an earlier try of the same question has left, before the roller crashed over it.
fn take_over(to: &dyn Fs) -> Result<(), StoreError> {
    if !to.exists(SNAPSHOT_MARK_NAME)? {
        return Ok(());
    }
    for name in to.list("")? {
        if name != SNAPSHOT_MARK_NAME {
            to.remove(&name)?;
        }
    }
    to.sync_directory("")?;
    Ok(to.remove(SNAPSHOT_MARK_NAME)?)
}

impl Groups {
    fn new(segment: Arc<KnownSegment>, copying: Copying) -> Result<Self, StoreError> {
        let limit = copying.from.len()?;
        let header = &segment.header;
        let mut reader = GroupReader::new(Arc::clone(&copying.from), header, limit);
        if planted(Bug::SnapshotShowsHidden) {
            reader.believe_up_to(u64::MAX);
        }
        Ok(Self {
            reader,
            position: LogPosition::at_start_of(header),
            segment,
            copying,
            used: 0,
            tries: 0,
        })
    }

    /// Copies some groups; returns where they end once all are copied.
    fn step(&mut self, view: &View) -> Result<Option<LogPosition>, StoreError> {
        let begun = self.position.offset;
        let mut bad = None;
        // The writer may have cut off what it reserved, or could not write.
        self.reader.set_limit(self.copying.from.len()?);
        let at_end = loop {
            match self.reader.step() {
                Ok(Step::Group(group))
                    if planted(Bug::SnapshotSkipsTail) && group.next_sequence() == view.visible =>
                {
                    break true;
                }
                Ok(Step::Group(group)) if is_visible(&group, view.visible) => {
                    self.used = self.used.max(group.next_sequence());
                    self.position.advance(&group);
                }
                Ok(Step::Group(_) | Step::End | Step::Unfinished(_)) => break true,
                Ok(Step::NotWhole { bad: at, .. }) => {
                    bad = Some(at);
                    break true;
                }
                Err(LogError::Io(error)) if moved_under_reader(&error) && self.tries < TRIES => {
                    self.tries += 1;
                    break false;
                }
                Err(error) => return Err(error.into()),
            }
            if self.position.offset - begun >= STEP_BYTES {
                break false;
            }
        };
        self.copying.copy_upto(self.position.offset)?;
        if !at_end {
            return Ok(None);
        }
        let end = view.lists.end_sequence(view.visible);
        let header = &self.segment.header;
        let is_short = self.position.next_sequence < end && end > header.first_sequence;
        if is_short && !planted(Bug::SnapshotSkipsTail) {
            return Err(StoreError::CrcMismatch {
                segment_id: header.segment.id,
                offset: bad.unwrap_or(self.position.offset),
            });
        }
        self.seal()?;
        Ok(Some(self.position))
    }

    /// Gives the copy its footer.
    fn seal(&mut self) -> Result<(), StoreError> {
        let binding = &self.segment.binding;
        self.position.next_sequence = self.position.next_sequence.max(self.used);
        let trailer = read_trailer(&*self.copying.from, binding)?;
        if let Some(trailer) = trailer.filter(|own| own.log_hash == self.position.log_hash) {
            // It may have skipped sequences that were lost.
            let next = self.position.next_sequence.max(trailer.next_sequence);
            self.position.next_sequence = next;
        }
        let to = &*self.copying.to;
        to.sync_data()?;
        let footer = encode_footer(binding, &self.position.as_trailer(true));
        write_all_at(to, &footer, self.position.offset)?;
        match planted(Bug::SnapshotWithoutSync) {
            true => Ok(()),
            false => Ok(to.sync_all()?),
        }
    }
}

/// A group without events says something about those before it: that they count, or that they
/// came to nothing and their sequences are used.
fn is_visible(group: &Group<'_>, visible: u64) -> bool {
    let first = group.header.first_sequence;
    if planted(Bug::SnapshotShowsHidden) {
        return true;
    }
    first < visible
        || group.events.is_empty() && first <= visible
        || matches!(group.fence, Some(FenceRecord::Cancel(_)))
}

impl Copying {
    /// Copies a piece of a file that does not change; `true` once it is there durably.
    fn step(&mut self) -> Result<bool, LogError> {
        let len = self.from.len()?;
        let upto = len.min(self.done + STEP_BYTES);
        self.copy_upto(upto)?;
        if self.done < len {
            return Ok(false);
        }
        if !planted(Bug::SnapshotWithoutSync) {
            self.to.sync_all()?;
        }
        Ok(true)
    }

    fn copy_upto(&mut self, end: u64) -> Result<(), LogError> {
        while self.done < end {
            let length = usize::try_from((end - self.done).min(STEP_BYTES)).unwrap_or(0);
            let bytes = read_range(&*self.from, self.done, length)?;
            write_all_at(&*self.to, &bytes, self.done)?;
            self.done += length as u64;
        }
        if self.done - self.synced >= SYNC_BYTES {
            self.to.sync_data()?;
            self.synced = self.done;
        }
        Ok(())
    }
}
