//! Reads pieces of segments and of their indexes, and keeps what was read lately.
//!
//! Owns the open files and the cache, whose weight is bounded. Knows nothing of what is visible.

use crate::reader::ReaderOptions;
use crate::reader::frames::FrameAt;
use crate::reader::heal::heal;
use crate::runtime::{BoundedCache, SlotBudget};
use crate::view::{IndexedPart, KnownSegment};
use batpak_log::coordinate::Coordinate;
use batpak_log::error::LogError;
use batpak_log::fs::{Access as OpenFor, File, Fs, read_exact_at};
use batpak_log::index::{IndexRun, Page, Pages, RunName};
use batpak_log::layout::run::PAGE_LEN;
use batpak_log::segment::{EarlierNames, EventRecord, SegmentName, event_at, name_at, read_header};
use std::io;
use std::sync::Arc;

/// Frames are kept in pieces of so many bytes.
pub(super) const BLOCK_BYTES: u64 = 64 * 1024;
/// What a cached piece costs beside its bytes.
const ENTRY_OVERHEAD: u64 = 96;
/// The names take one part in so many of the budget at the most.
const NAMES_SHARE: u64 = 8;
/// The pages of indexes take one part in so many, and blocks of frames the rest.
const PAGES_SHARE: u64 = 2;

/// Which block of which segment.
type Block = (SegmentName, u64);

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum OpenFile {
    Segment(SegmentName),
    Run(RunName),
}

/// Files and caches.
#[derive(Debug)]
pub(crate) struct Access {
    fs: Arc<dyn Fs>,
    files: BoundedCache<OpenFile, Arc<dyn File>>,
    pages: SlotBudget<Page>,
    blocks: SlotBudget<Arc<[u8]>>,
    /// Blocks that were asked for once: a second time makes them worth keeping.
    seen: BoundedCache<Block, ()>,
    names: BoundedCache<(SegmentName, u32), Coordinate>,
}

impl Access {
    pub(crate) fn new(fs: Arc<dyn Fs>, options: ReaderOptions) -> Self {
        let ReaderOptions {
            fd_budget,
            cache_bytes,
        } = options;
        let names_bytes = cache_bytes / NAMES_SHARE;
        let pages_bytes = cache_bytes / PAGES_SHARE;
        let blocks_bytes = cache_bytes - names_bytes - pages_bytes;
        let block_bytes = BLOCK_BYTES + ENTRY_OVERHEAD;
        let blocks = usize::try_from(blocks_bytes / block_bytes).unwrap_or(usize::MAX);
        let page_bytes = PAGE_LEN as u64 + ENTRY_OVERHEAD;
        let pages = usize::try_from(pages_bytes / page_bytes).unwrap_or(usize::MAX);
        let names = usize::try_from(names_bytes / 128).unwrap_or(usize::MAX);
        Self {
            fs,
            files: BoundedCache::new(fd_budget),
            pages: SlotBudget::new(pages),
            blocks: SlotBudget::new(blocks),
            seen: BoundedCache::new(blocks.max(1)),
            names: BoundedCache::by_weight(names, names_bytes, |_, coord| {
                (coord.entity().len() + coord.scope().len()) as u64 + ENTRY_OVERHEAD
            }),
        }
    }

    pub(crate) fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    /// Opens a segment, once more only after others needed its place.
    pub(crate) fn segment_file(&self, segment: &KnownSegment) -> Result<Arc<dyn File>, LogError> {
        let header = &segment.header;
        let key = OpenFile::Segment(header.segment);
        if let Some(file) = self.files.get(&key) {
            return Ok(file);
        }
        let file = self.fs.open(&header.segment.file_name(), OpenFor::Read)?;
        let found = read_header(header.segment, &*file)?;
        if found.store_id != header.store_id || found.first_sequence != header.first_sequence {
            return Err(LogError::ForeignFile {
                name: header.segment.file_name(),
                detail: "it was replaced since the store was opened".into(),
            });
        }
        self.files.insert(key, Arc::clone(&file));
        Ok(file)
    }

    /// Closes a segment that is removed.
    pub(crate) fn forget_segment(&self, segment: SegmentName) {
        self.files.remove(&OpenFile::Segment(segment));
    }

    /// Closes a run that is removed.
    pub(crate) fn forget_run(&self, run: &RunName) {
        self.files.remove(&OpenFile::Run(*run));
    }

    /// Returns a block of a segment, all of which lies below `end`, if it is kept, or if it is
    /// asked for again and so becomes worth keeping.
    pub(super) fn block(
        &self,
        segment: &KnownSegment,
        file: &dyn File,
        block: u64,
        end: u64,
    ) -> Option<Arc<[u8]>> {
        let start = block * BLOCK_BYTES;
        if start + BLOCK_BYTES > end {
            // What stands behind the end may be written yet.
            return None;
        }
        let slot = usize::try_from(block).ok()?;
        if let Some(block) = segment.blocks.get(slot) {
            return Some(block);
        }
        let key = (segment.header.segment, block);
        if self.seen.get(&key).is_none() {
            self.seen.insert(key, ());
            return None;
        }
        let mut bytes = vec![0; usize::try_from(BLOCK_BYTES).unwrap_or(0)];
        // Whoever reads the frame alone finds out what is wrong.
        read_exact_at(file, &mut bytes, start).ok()?;
        let bytes: Arc<[u8]> = bytes.into();
        self.blocks.keep(&segment.blocks, slot, Arc::clone(&bytes));
        Some(bytes)
    }

    /// Returns the coordinate that a segment defined under a number; `runs` gives the runs that
    /// index its front.
    pub(super) fn name(
        &self,
        segment: &KnownSegment,
        runs: impl FnOnce() -> Vec<Arc<IndexedPart>>,
        name: u32,
    ) -> Result<Option<Coordinate>, LogError> {
        let key = (segment.header.segment, name);
        if let Some(coordinate) = self.names.get(&key) {
            return Ok(Some(coordinate));
        }
        let runs = runs();
        let at = runs.partition_point(|part| part.run.first_name() <= name);
        // Runs that define nothing share their first name with the one behind them.
        let Some(part) = at.checked_sub(1).and_then(|at| runs.get(at)) else {
            return Ok(None);
        };
        let pages = PagesOf { access: self, part };
        let Some(place) = part.run.name_place(&pages, name)? else {
            return Ok(None);
        };
        let file = self.segment_file(segment)?;
        let at = FrameAt {
            offset: place.offset,
            end: place.end,
        };
        let bytes = read_large_frame(&*file, segment, at)?;
        let coordinate = name_at(&segment.binding, &bytes, at.offset)?;
        self.names.insert(key, coordinate.clone());
        Ok(Some(coordinate))
    }

    /// Reads one event alone and hands it to `take`, with the length of its frame.
    pub(super) fn event<T>(
        &self,
        segment: &KnownSegment,
        at: FrameAt,
        take: impl FnOnce(&EventRecord<'_>, u32) -> T,
    ) -> Result<T, LogError> {
        let wall_us = segment.header.hlc.wall_us;
        let event_in = |bytes: &[u8]| {
            let (record, length) = event_at(&segment.binding, wall_us, bytes, at.offset)?;
            Ok(take(&record, length))
        };
        let block = usize::try_from(at.offset / BLOCK_BYTES).unwrap_or(usize::MAX);
        if let Some(kept) = segment.blocks.get(block) {
            let from = usize::try_from(at.offset % BLOCK_BYTES).unwrap_or(0);
            let to = from.saturating_add(at.length());
            if let Some(bytes) = kept.get(from..to) {
                return event_in(bytes);
            }
        }
        let file = self.segment_file(segment)?;
        let mut small = [0; SMALL_FRAME];
        match small.get_mut(..at.length()) {
            Some(bytes) => {
                read_frame(&*file, bytes, segment, at)?;
                event_in(bytes)
            }
            None => event_in(&read_large_frame(&*file, segment, at)?),
        }
    }

    fn page(&self, part: &IndexedPart, page: u32) -> Result<Page, LogError> {
        let slot = page as usize;
        if let Some(bytes) = part.pages.get(slot) {
            return Ok(bytes);
        }
        let bytes = match self.read_page(part, page) {
            Err(LogError::DamagedIndex { .. }) => self.healed_page(part, page)?,
            read => read?,
        };
        self.pages.keep(&part.pages, slot, bytes.clone());
        Ok(bytes)
    }

    fn read_page(&self, part: &IndexedPart, page: u32) -> Result<Page, LogError> {
        if let Some(bytes) = part.healed.get(0) {
            return part.run.page_in(bytes, page);
        }
        let key = OpenFile::Run(*part.run.name());
        let file = match self.files.get(&key) {
            Some(file) => file,
            None => {
                let file = self.fs.open(&part.run.name().file_name(), OpenFor::Read)?;
                self.files.insert(key, Arc::clone(&file));
                file
            }
        };
        part.run.read_page(&*file, page)
    }

    /// Makes the index again from the frames that it is about.
    fn healed_page(&self, part: &IndexedPart, page: u32) -> Result<Page, LogError> {
        if part.healed.get(0).is_none() {
            let bytes = heal(&self.fs, part)?;
            tracing::warn!(
                index = part.run.name().file_name(),
                "a damaged index was made again in memory"
            );
            // Whoever loses a race made the same bytes.
            let _ = part.healed.set(0, bytes);
        }
        let bytes = part.healed.get(0).map(Vec::as_slice);
        part.run.page_in(bytes.unwrap_or_default(), page)
    }
}

fn read_frame(
    file: &dyn File,
    bytes: &mut [u8],
    segment: &KnownSegment,
    at: FrameAt,
) -> Result<(), LogError> {
    match read_exact_at(file, bytes, at.offset) {
        // Somebody has seen the frame: the file was cut since.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(at.damaged(segment)),
        read => Ok(read?),
    }
}

/// Reads a frame of any length; a damaged place cannot ask for more than the file has.
fn read_large_frame(
    file: &dyn File,
    segment: &KnownSegment,
    at: FrameAt,
) -> Result<Vec<u8>, LogError> {
    if at.end > file.len()? {
        return Err(at.damaged(segment));
    }
    let mut bytes = vec![0; at.length()];
    read_frame(file, &mut bytes, segment, at)?;
    Ok(bytes)
}

/// Frames up to this length are read without an allocation, in bytes.
const SMALL_FRAME: usize = 512;

/// Lends a run's pages to a look-up.
pub(super) struct PagesOf<'a> {
    pub(super) access: &'a Access,
    pub(super) part: &'a IndexedPart,
}

impl Pages for PagesOf<'_> {
    fn page(&self, _: &IndexRun, page: u32) -> Result<Page, LogError> {
        self.access.page(self.part, page)
    }

    fn look<T>(
        &self,
        _: &IndexRun,
        page: u32,
        look: impl FnOnce(&Page) -> T,
    ) -> Result<T, LogError> {
        match self.part.pages.look(page as usize, look) {
            Ok(seen) => Ok(seen),
            Err(look) => Ok(look(&self.access.page(self.part, page)?)),
        }
    }
}

/// Lends the pages of several runs, for a look at all of them together.
pub(crate) struct PagesOfAll<'a> {
    pub(crate) access: &'a Access,
    pub(crate) parts: &'a [Arc<IndexedPart>],
}

impl Pages for PagesOfAll<'_> {
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, LogError> {
        let part = self.parts.iter().find(|part| part.run.name() == run.name());
        let part = part.ok_or_else(|| LogError::DamagedIndex {
            name: run.name().file_name(),
            page,
        })?;
        self.access.page(part, page)
    }
}

/// The names that the runs of a segment know, for a reading that begins behind them.
#[derive(Debug)]
pub(crate) struct NamesOfRuns {
    pub(crate) access: Arc<Access>,
    pub(crate) segment: Arc<KnownSegment>,
    pub(crate) runs: Vec<Arc<IndexedPart>>,
}

impl EarlierNames for NamesOfRuns {
    fn name(&self, number: u32) -> Result<Option<Coordinate>, LogError> {
        self.access
            .name(&self.segment, || self.runs.clone(), number)
    }
}
