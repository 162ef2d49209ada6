//! Segments to index, and what is known of their events.

use crate::bytes::put_u32;
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::event::EventKind;
use crate::fixtures::{event, file_of, first_header};
use crate::fs::File;
use crate::index::page::RunBinding;
use crate::index::{IndexRun, MergeStep, Page, Pages, RunBuilder, RunMerge, RunName};
use crate::layout::run::{CONTENT_LEN, PAGE_LEN};
use crate::log_position::LogPosition;
use crate::segment::{EventRecord, GroupBuilder, GroupReader, SegmentHeader, Step};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// An event as the model knows it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: u128,
    pub(super) sequence: u64,
    pub(super) offset: u64,
    pub(super) entity: String,
    pub(super) scope: String,
    pub(super) kind: u16,
    pub(super) cause: Option<u128>,
}

/// What the events of a segment are like.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) groups: usize,
    /// At most so many events in a group.
    pub(super) group_events: usize,
    /// 0 gives each event an entity of its own.
    pub(super) entities: u64,
    pub(super) name_len: Range<usize>,
    pub(super) scopes: u8,
    pub(super) kinds: u16,
    /// One event in so many has a cause; 0 for none.
    pub(super) caused: u32,
    /// One group in so many has a gap before it; 0 for none.
    pub(super) gaps: u32,
    pub(super) payload: Range<usize>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            groups: 40,
            group_events: 40,
            entities: 30,
            name_len: 4..24,
            scopes: 3,
            kinds: 5,
            caused: 4,
            gaps: 5,
            payload: 0..64,
        }
    }
}

/// A segment, and what is known of it.
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    pub(super) file: Arc<dyn File>,
    pub(super) events: Vec<Known>,
    /// Offsets of the name definitions.
    pub(super) names: Vec<u64>,
    /// Before each group and behind the last: position, events and names so far.
    pub(super) marks: Vec<(LogPosition, usize, usize)>,
    pub(super) group_offsets: Vec<u64>,
}

impl Segment {
    pub(super) fn random(random: &mut fastrand::Rng, shape: &Shape) -> Self {
        let header = SegmentHeader {
            events_before: 1_000,
            first_sequence: 5_000,
            ..first_header()
        };
        let mut position = LogPosition::at_start_of(&header);
        let mut bytes = header.encode();
        let (mut events, mut names): (Vec<Known>, Vec<u64>) = (Vec::new(), Vec::new());
        let mut marks = vec![(position, 0, 0)];
        let mut group_offsets = Vec::new();
        let mut numbers = HashMap::new();
        for _ in 0..shape.groups {
            if shape.gaps > 0 && random.u32(..shape.gaps) == 0 {
                position.next_sequence += random.u64(1..100);
            }
            let first_sequence = position.next_sequence;
            group_offsets.push(position.offset);
            let wall_us = header.hlc.wall_us;
            let mut builder =
                GroupBuilder::start(header.binding(), wall_us, position.offset, Vec::new());
            for _ in 0..random.usize(1..=shape.group_events) {
                let coordinate = shape.coordinate(random, events.len() as u64);
                let known = numbers.len();
                let name = *numbers.entry(coordinate.clone()).or_insert(known);
                if name == known {
                    names.push(position.offset + builder.len() as u64);
                    builder.push_name(&coordinate);
                }
                let payload = vec![0x5a; random.usize(shape.payload.clone())];
                let cause = shape.caused > 0 && random.u32(..shape.caused) == 0;
                let earlier = random.usize(..events.len() + 1);
                let record = EventRecord {
                    name: u32::try_from(name).unwrap(),
                    kind: EventKind::from_u16(0x1000 | random.u16(..shape.kinds)),
                    causation_id: cause.then(|| events.get(earlier).map_or(77, |known| known.id)),
                    event_hash: random.u128(..).to_be_bytes().repeat(2).try_into().unwrap(),
                    ..event(random.u128(..), &payload)
                };
                let placed = builder.push_event(&record);
                events.push(Known {
                    id: record.event_id,
                    sequence: position.next_sequence,
                    offset: placed.offset,
                    entity: coordinate.entity().to_owned(),
                    scope: coordinate.scope().to_owned(),
                    kind: record.kind.as_u16(),
                    cause: record.causation_id,
                });
                position.count(position.next_sequence, record.hlc, &record.event_hash);
            }
            bytes.extend(builder.finish(first_sequence, position.offset));
            position.offset = bytes.len() as u64;
            marks.push((position, events.len(), names.len()));
        }
        let file = file_of(&bytes);
        Self {
            header,
            file,
            events,
            names,
            marks,
            group_offsets,
        }
    }

    /// Indexes a range of groups.
    pub(super) fn run(&self, groups: Range<usize>) -> (RunName, Vec<u8>) {
        let builders = self.builders(&[groups.start, groups.end]);
        builders.into_iter().next().unwrap().finish()
    }

    /// Fills a builder for each range of groups between two cuts.
    pub(super) fn builders(&self, cuts: &[usize]) -> Vec<RunBuilder> {
        let limit = self.marks.last().unwrap().0.offset;
        let mut reader = GroupReader::new(Arc::clone(&self.file), &self.header, limit);
        let mut builders = Vec::new();
        let mut index = 0;
        while let Step::Group(group) = reader.step().unwrap() {
            if cuts.contains(&index) {
                let (position, _, names) = self.marks[index];
                let first_name = u32::try_from(names).unwrap();
                builders.push(RunBuilder::new(&self.header, position, first_name));
            }
            let inside = (cuts[0]..cuts[cuts.len() - 1]).contains(&index);
            if let Some(builder) = builders.last_mut().filter(|_| inside) {
                assert!(builder.has_room_for(&group));
                builder.add(&group);
            }
            index += 1;
        }
        builders
    }

    /// Opens the run of a range of groups.
    pub(super) fn open(&self, groups: Range<usize>) -> (Arc<IndexRun>, Files) {
        let (name, bytes) = self.run(groups);
        let mut files = Files::default();
        (files.add(&name, &bytes).unwrap(), files)
    }
}

impl Shape {
    fn coordinate(&self, random: &mut fastrand::Rng, number: u64) -> Coordinate {
        let which = match self.entities {
            0 => number,
            entities => random.u64(..entities),
        };
        // The same entity has the same name again, of a length of its own.
        let mut own = fastrand::Rng::with_seed(which);
        let len = own.usize(self.name_len.clone());
        let entity = format!("{}:{which:0len$}", ["cart", "user", "ü"][own.usize(..3)]);
        let entity = entity.chars().take(1000).collect::<String>();
        Coordinate::new(entity, format!("scope-{}", random.u8(..self.scopes))).unwrap()
    }
}

/// The files of runs; every page is read again.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(BTreeMap<RunName, Arc<dyn File>>);

impl Files {
    /// Adds a file and opens it.
    pub(super) fn add(&mut self, name: &RunName, bytes: &[u8]) -> Option<Arc<IndexRun>> {
        let file = file_of(bytes);
        let run = IndexRun::open(name, &*file, first_header().store_id).unwrap();
        self.0.insert(*name, file);
        run.map(Arc::new)
    }

    /// Returns the file of a run.
    pub(super) fn file(&self, name: &RunName) -> Arc<dyn File> {
        Arc::clone(&self.0[name])
    }
}

impl Pages for Files {
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, LogError> {
        run.read_page(&*self.0[run.name()], page)
    }
}

/// Merges to the end and says how many steps it took.
pub(super) fn merge(runs: Vec<Arc<IndexRun>>, pages: &impl Pages) -> (RunName, Vec<u8>, usize) {
    let mut merge = RunMerge::new(runs).unwrap();
    for steps in 1.. {
        if let MergeStep::Done(name, bytes) = merge.step(pages).unwrap() {
            return (name, bytes, steps);
        }
    }
    unreachable!("a merge ends")
}

/// Gives a page the checksum of what stands in it.
pub(super) fn seal(name: &RunName, bytes: &mut [u8], page: usize) {
    let binding = RunBinding::new(first_header().store_id, name);
    let place = &mut bytes[page * PAGE_LEN..(page + 1) * PAGE_LEN];
    let crc = binding.crc(u32::try_from(page).unwrap(), &place[..CONTENT_LEN]);
    put_u32(place, CONTENT_LEN, crc);
}
