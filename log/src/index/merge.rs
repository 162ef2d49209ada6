//! Makes one run out of neighbours, a bounded piece of work at a time.

use super::header::{Facts, Table, Tables};
use super::merge_dictionary::DictionaryMerge;
use super::merge_ids::IdMerge;
use super::run::Gap;
use super::writer::RunWriter;
use super::{IndexRun, Pages, RunName};
use crate::error::LogError;
use crate::layout::run::{EVENTS_MAX, OFFSETS_PER_PAGE, table};
use std::sync::Arc;

/// How many entries a step moves, about.
pub(super) const STEP_ENTRIES: u32 = 32_768;
/// How many pages of offsets a step moves.
const STEP_PAGES: u32 = STEP_ENTRIES / OFFSETS_PER_PAGE;
/// How many bytes of postings a step writes.
const STEP_BYTES: usize = 1024 * 1024;

/// Merges neighbouring runs of a segment.
///
/// 1. [`new`](Self::new) with the runs in order;
/// 2. [`step`](Self::step) until it is done: each takes a few milliseconds, so that whoever merges
///    can do other work in between.
///
/// The result has the very bytes that a [`RunBuilder`](super::RunBuilder) makes of all the groups.
/// The sources stay as they are.
#[derive(Debug)]
pub struct RunMerge {
    sources: Vec<Source>,
    facts: Facts,
    work: Option<(RunWriter, Stage)>,
}

/// What a step came to.
#[derive(Debug)]
pub enum MergeStep {
    /// There is more to do.
    More,
    /// The merged run: its name and its bytes.
    Done(RunName, Vec<u8>),
}

/// A run, and how its numbers and offsets change.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) run: Arc<IndexRun>,
    /// How many events stand before it.
    pub(super) base: u32,
    /// How many bytes of the segment stand before it in the merged run.
    shift: u32,
}

/// The table in hand.
#[derive(Debug)]
enum Stage {
    Ids(IdMerge),
    Offsets(Walk),
    Names(Walk),
    IdFilter,
    Dictionary(u16, DictionaryMerge),
    Postings(usize),
    EntityFilter,
    Gaps,
}

/// A place in the tables of the sources, one behind the other.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    source: usize,
    index: u32,
}

impl RunMerge {
    /// Starts to merge runs; `None` when they do not follow each other in one segment, or are too
    /// much for one run.
    pub fn new(runs: Vec<Arc<IndexRun>>) -> Option<Self> {
        let mut facts = runs.first()?.facts().clone();
        let mut sources = Vec::with_capacity(runs.len());
        for run in runs {
            let shift = run.start_offset().checked_sub(facts.start_offset)?;
            if !sources.is_empty() {
                facts = join(&facts, run.facts())?;
            }
            sources.push(Source {
                base: facts.event_count - run.event_count(),
                shift: u32::try_from(shift).ok()?,
                run,
            });
        }
        Some(Self {
            sources,
            facts,
            work: None,
        })
    }

    /// Does a piece of the work. After `Done` or an error the next step begins again.
    ///
    /// # Errors
    /// When a page cannot be read or is damaged.
    pub fn step(&mut self, pages: &impl Pages) -> Result<MergeStep, LogError> {
        let (mut writer, stage) = match self.work.take() {
            Some(work) => work,
            None => self.start(),
        };
        match self.advance(&mut writer, stage, pages)? {
            Some(stage) => {
                self.work = Some((writer, stage));
                Ok(MergeStep::More)
            }
            None => {
                let bytes = writer.finish(&self.facts, self.gaps());
                Ok(MergeStep::Done(self.facts.name(), bytes))
            }
        }
    }

    fn start(&self) -> (RunWriter, Stage) {
        let pages = self
            .sources
            .iter()
            .map(|source| source.run.page_count() as usize);
        let mut writer = RunWriter::new(&self.facts, pages.sum());
        writer.begin(table::IDS);
        (writer, Stage::Ids(IdMerge::new(&self.sources)))
    }

    /// Does a piece of a table and returns what comes next; `None` when only the gaps are left.
    fn advance(
        &self,
        writer: &mut RunWriter,
        stage: Stage,
        pages: &impl Pages,
    ) -> Result<Option<Stage>, LogError> {
        let next = match stage {
            Stage::Ids(mut ids) => {
                if ids.step(&self.sources, writer, pages)? {
                    return Ok(Some(Stage::Ids(ids)));
                }
                writer.end(self.facts.event_count);
                writer.begin(table::OFFSETS);
                Stage::Offsets(Walk::default())
            }
            Stage::Offsets(walk) => {
                if let Some(walk) = self.copy(walk, writer, pages, |tables| tables.offsets)? {
                    return Ok(Some(Stage::Offsets(walk)));
                }
                writer.end(self.facts.event_count);
                writer.begin(table::NAMES);
                Stage::Names(Walk::default())
            }
            Stage::Names(walk) => {
                if let Some(walk) = self.copy(walk, writer, pages, |tables| tables.names)? {
                    return Ok(Some(Stage::Names(walk)));
                }
                writer.end(self.facts.name_count);
                Stage::IdFilter
            }
            Stage::IdFilter => {
                writer.write_id_filter();
                self.dictionary(writer, table::ENTITIES)
            }
            Stage::Dictionary(kind, mut dictionary) => {
                if dictionary.step(&self.sources, writer, pages)? {
                    return Ok(Some(Stage::Dictionary(kind, dictionary)));
                }
                writer.end_dictionary();
                if kind < table::CAUSES {
                    return Ok(Some(self.dictionary(writer, kind + 1)));
                }
                writer.begin(table::POSTINGS);
                Stage::Postings(0)
            }
            Stage::Postings(at) => {
                let end = writer.postings_len().min(at + STEP_BYTES);
                writer.write_postings(at..end);
                if end < writer.postings_len() {
                    return Ok(Some(Stage::Postings(end)));
                }
                writer.end_postings();
                Stage::EntityFilter
            }
            Stage::EntityFilter => {
                writer.write_entity_filter();
                Stage::Gaps
            }
            Stage::Gaps => return Ok(None),
        };
        Ok(Some(next))
    }

    fn dictionary(&self, writer: &mut RunWriter, kind: u16) -> Stage {
        writer.begin_dictionary(kind);
        let pick = |tables: &Tables| match kind {
            table::ENTITIES => tables.entities,
            table::SCOPES => tables.scopes,
            table::KINDS => tables.kinds,
            _ => tables.causes,
        };
        Stage::Dictionary(kind, DictionaryMerge::new(&self.sources, pick))
    }

    /// Copies pages of offsets and returns where to go on.
    fn copy(
        &self,
        mut walk: Walk,
        writer: &mut RunWriter,
        pages: &impl Pages,
        pick: fn(&Tables) -> Table,
    ) -> Result<Option<Walk>, LogError> {
        let mut left = STEP_PAGES;
        while let Some(source) = self.sources.get(walk.source) {
            let table = pick(source.run.tables());
            let per_page = OFFSETS_PER_PAGE as usize;
            let done = walk.index as usize * per_page;
            if walk.index >= table.pages {
                (walk.source, walk.index) = (walk.source + 1, 0);
                continue;
            }
            if left == 0 {
                return Ok(Some(walk));
            }
            let page = source.run.table_page(pages, table, walk.index)?;
            for entry in 0..per_page.min(table.items as usize - done) {
                let offset = page.entry(entry).map(u32::from_be_bytes);
                let offset = offset.and_then(|offset| offset.checked_add(source.shift));
                let damaged = || source.run.damaged(table.first + walk.index);
                writer.put_offset(offset.ok_or_else(damaged)?);
            }
            walk.index += 1;
            left -= 1;
        }
        Ok(None)
    }

    /// Returns the gaps of all sources and those between them.
    fn gaps(&self) -> impl Iterator<Item = Gap> {
        let mut expected = self.facts.first_sequence;
        self.sources.iter().flat_map(move |source| {
            let first = Gap {
                number: source.base,
                sequence: source.run.first_sequence(),
            };
            let skips = first.sequence != expected;
            expected = source.run.end().next_sequence;
            let own = source.run.gaps().iter().map(|gap| Gap {
                number: source.base + gap.number,
                sequence: gap.sequence,
            });
            skips.then_some(first).into_iter().chain(own)
        })
    }
}

/// Returns the facts of two neighbours together; `None` when they are none.
fn join(before: &Facts, after: &Facts) -> Option<Facts> {
    let event_count = before.event_count.checked_add(after.event_count)?;
    let names = before.first_name.checked_add(before.name_count)?;
    let events = before
        .end
        .event_count
        .checked_add(after.event_count.into())?;
    let follows = before.store_id == after.store_id
        && before.end.segment == after.end.segment
        && before.end.last_id == after.end.last_id
        && before.name().end == after.first_event
        && before.end.offset == after.start_offset
        && before.end.next_sequence <= after.first_sequence
        && names == after.first_name
        && events == after.end.event_count;
    let length = after.end.offset.checked_sub(before.start_offset)?;
    let fits = event_count <= EVENTS_MAX && length <= u64::from(u32::MAX);
    (follows && fits).then(|| Facts {
        event_count,
        last_group_offset: after.last_group_offset,
        name_count: before.name_count + after.name_count,
        smallest_id: before.smallest_id.min(after.smallest_id),
        greatest_id: before.greatest_id.max(after.greatest_id),
        hidden: before.hidden.saturating_add(after.hidden),
        end: after.end,
        ..before.clone()
    })
}
