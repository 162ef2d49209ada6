//! Runs that are made of lists, without a segment.

use super::support::{Files, seal};
use crate::fixtures::first_header;
use crate::index::header::Facts;
use crate::index::postings::Form;
use crate::index::writer::RunWriter;
use crate::index::{IndexRun, Postings, RunName};
use crate::layout::run::{BLOCK_NUMBERS, CONTENT_LEN, NUMBER_BITS, PAGE_LEN, SKIP_LEN, table};
use crate::log_position::LogPosition;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) const BLOCK: usize = BLOCK_NUMBERS as usize;
pub(super) const EVENTS: u32 = 150_000;
/// Enough for skips that take more than a page.
pub(super) const MANY_EVENTS: u32 = 400_000;

/// A run whose kinds, counted from 0, have these lists; its bytes can be changed.
pub(super) struct Made {
    pub(super) lists: Vec<Vec<u32>>,
    pub(super) name: RunName,
    pub(super) bytes: Vec<u8>,
    pub(super) run: Arc<IndexRun>,
    pub(super) files: Files,
}

/// A skip as its bytes say it: number and end.
pub(super) type Skip = (u32, u32);

impl Made {
    /// Makes a run of so many events. Only its kinds can be asked for.
    pub(super) fn new(event_count: u32, lists: Vec<Vec<u32>>) -> Self {
        let facts = facts(event_count);
        let mut writer = RunWriter::new(&facts, 0);
        writer.begin(table::IDS);
        (0..event_count).for_each(|number| writer.put_id(u64::from(number) << NUMBER_BITS));
        writer.end(event_count);
        writer.begin(table::OFFSETS);
        (0..event_count).for_each(|number| writer.put_offset(number));
        writer.end(event_count);
        writer.begin(table::NAMES);
        writer.end(0);
        writer.write_id_filter();
        for kind in [table::ENTITIES, table::SCOPES, table::KINDS, table::CAUSES] {
            writer.begin_dictionary(kind);
            let kinds = (0_u16..).zip(&lists).filter(|_| kind == table::KINDS);
            for (key, list) in kinds {
                let count = u32::try_from(list.len()).unwrap();
                if writer.put_key(&key.to_be_bytes(), count, list[list.len() - 1]) {
                    list.iter().for_each(|number| writer.put_number(*number));
                }
            }
            writer.end_dictionary();
        }
        writer.begin(table::POSTINGS);
        writer.write_postings(0..writer.postings_len());
        writer.end_postings();
        writer.write_entity_filter();
        let bytes = writer.finish(&facts, std::iter::empty());
        let (name, mut files) = (facts.name(), Files::default());
        let run = files.add(&name, &bytes).unwrap();
        Self {
            lists,
            name,
            bytes,
            run,
            files,
        }
    }

    /// Returns the lists and what the run says of each.
    pub(super) fn found(&self) -> impl Iterator<Item = (&[u32], Postings)> {
        let found = |kind| self.run.kind(&self.files, kind).unwrap().unwrap();
        let lists = self.lists.iter().zip(0..);
        lists.map(move |(list, kind)| (list.as_slice(), found(kind)))
    }

    /// Returns the skips of a list.
    pub(super) fn skips(&self, of: &Postings) -> Vec<Skip> {
        let count = of.count.div_ceil(BLOCK_NUMBERS) as usize;
        let number =
            |at: usize| (at..at + 3).fold(0, |sum, at| sum << 8 | u32::from(self.byte(at)));
        let skips = (0..count).map(|index| list_at(of) + index * SKIP_LEN as usize);
        skips.map(|at| (number(at), number(at + 3))).collect()
    }

    /// Returns a byte of the table of postings.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes[self.place(at)]
    }

    /// Changes bytes of the table of postings, opens the run, and puts them back.
    pub(super) fn with<T>(
        &mut self,
        at: usize,
        forged: &[u8],
        ask: impl FnOnce(&Arc<IndexRun>, &Files) -> T,
    ) -> T {
        let honest: Vec<_> = (at..at + forged.len()).map(|at| self.byte(at)).collect();
        self.put(at, forged);
        let mut files = Files::default();
        let run = files.add(&self.name, &self.bytes).unwrap();
        let answer = ask(&run, &files);
        self.put(at, &honest);
        answer
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            let place = self.place(at);
            self.bytes[place] = *byte;
            seal(&self.name, &mut self.bytes, place / PAGE_LEN);
        }
    }

    /// Returns where a byte of the table of postings stands in the file.
    fn place(&self, at: usize) -> usize {
        let first = self.run.tables().postings.first as usize;
        (first + at / CONTENT_LEN) * PAGE_LEN + at % CONTENT_LEN
    }
}

/// Returns where a list starts in the table of postings: its skips, if it has some.
pub(super) fn list_at(of: &Postings) -> usize {
    match of.form {
        Form::List(at) => at as usize,
        Form::Single | Form::Dense => panic!("no list"),
    }
}

/// Returns a skip's bytes.
pub(super) fn encode((number, end): Skip) -> Vec<u8> {
    [&number.to_be_bytes()[1..], &end.to_be_bytes()[1..]].concat()
}

/// Returns ascending numbers with differences up to `most`, now and then a great one.
pub(super) fn ascending(random: &mut fastrand::Rng, count: usize, most: u32) -> Vec<u32> {
    let mut number = random.u32(..=most);
    let mut numbers = vec![number];
    while numbers.len() < count && number < EVENTS - 20_000 {
        let great = random.usize(..count) == 0;
        number += if great {
            random.u32(1..20_000)
        } else {
            random.u32(1..=most)
        };
        numbers.push(number);
    }
    numbers
}

/// Returns the numbers at which a list's answers change, at the ends of its blocks.
pub(super) fn edges(list: &[u32]) -> BTreeSet<u32> {
    let ends = list
        .chunks(BLOCK)
        .flat_map(|block| [block[0], block[block.len() - 1]]);
    let around = ends.flat_map(|number| number.saturating_sub(1)..=number + 1);
    around.chain([0, MANY_EVENTS, u32::MAX]).collect()
}

fn facts(event_count: u32) -> Facts {
    let header = first_header();
    let start = LogPosition::at_start_of(&header);
    let length = u64::from(event_count);
    Facts {
        store_id: header.store_id,
        first_event: 0,
        event_count,
        start_offset: start.offset,
        last_group_offset: start.offset,
        first_name: 0,
        name_count: 0,
        smallest_id: 0,
        greatest_id: 0,
        first_sequence: start.next_sequence,
        hidden: 0,
        end: LogPosition {
            offset: start.offset + length,
            event_count: start.event_count + length,
            next_sequence: start.next_sequence + length,
            ..start
        },
    }
}
