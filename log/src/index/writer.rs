//! Puts a run together, table by table, whoever gives the entries.
//!
//! Building and merging both write through it, so that they make the same bytes.

use super::Postings;
use super::dictionary::DictionaryWriter;
use super::filter::FilterBuilder;
use super::hash::entity_hash;
use super::header::Facts;
use super::list::ListWriter;
use super::postings::Form;
use super::run::Gap;
use super::tables::TableWriter;
use crate::layout::run::{GAP_LEN, NUMBER_BITS, table};
use std::ops::Range;

/// A run being written; the tables come in the order of their types.
#[derive(Debug)]
pub(super) struct RunWriter {
    tables: TableWriter,
    event_count: u32,
    id_filter: FilterBuilder,
    entity_hashes: Vec<u64>,
    postings: ListWriter,
    dictionary: Option<(u16, DictionaryWriter)>,
}

impl RunWriter {
    /// Starts the run with these facts, with memory for `pages` pages.
    pub(super) fn new(facts: &Facts, pages: usize) -> Self {
        Self {
            tables: TableWriter::new(facts.store_id, &facts.name(), pages),
            event_count: facts.event_count,
            id_filter: FilterBuilder::new(facts.event_count as usize),
            entity_hashes: Vec::new(),
            postings: ListWriter::default(),
            dictionary: None,
        }
    }

    /// Starts a table.
    pub(super) fn begin(&mut self, kind: u16) {
        self.tables.begin(kind);
    }

    /// Completes a table.
    pub(super) fn end(&mut self, items: u32) {
        self.tables.end(items as usize);
    }

    /// Adds the next entry of the table of ids.
    pub(super) fn put_id(&mut self, entry: u64) {
        self.id_filter.insert(entry >> NUMBER_BITS);
        self.tables.put(&entry.to_be_bytes());
    }

    /// Adds the next entry of a table of offsets.
    pub(super) fn put_offset(&mut self, offset: u32) {
        self.tables.put(&offset.to_be_bytes());
    }

    /// Writes the filter over the ids that were put.
    pub(super) fn write_id_filter(&mut self) {
        write_filter(&mut self.tables, table::ID_FILTER, &self.id_filter);
        self.id_filter = FilterBuilder::new(0);
    }

    /// Starts a dictionary.
    pub(super) fn begin_dictionary(&mut self, kind: u16) {
        self.tables.begin(kind);
        self.dictionary = Some((kind, DictionaryWriter::new()));
    }

    /// Adds the next key and tells whether its numbers are to be put.
    pub(super) fn put_key(&mut self, key: &[u8], count: u32, last: u32) -> bool {
        let written = self.postings.bytes().len();
        let postings = Postings::new(count, last, self.event_count, written);
        if let Some((kind, dictionary)) = &mut self.dictionary {
            dictionary.add(&mut self.tables, key, &postings);
            if *kind == table::ENTITIES {
                self.entity_hashes.push(entity_hash(key));
            }
        }
        let is_list = matches!(postings.form, Form::List(_));
        if is_list {
            self.postings.begin(count);
        }
        is_list
    }

    /// Adds the next number of the key that was put last.
    pub(super) fn put_number(&mut self, number: u32) {
        self.postings.put(number);
    }

    /// Completes the dictionary.
    pub(super) fn end_dictionary(&mut self) {
        if let Some((_, dictionary)) = self.dictionary.take() {
            dictionary.finish(&mut self.tables);
        }
    }

    /// Returns how long the table of postings is, in bytes.
    pub(super) fn postings_len(&self) -> usize {
        self.postings.bytes().len()
    }

    /// Writes a part of the table of postings.
    pub(super) fn write_postings(&mut self, range: Range<usize>) {
        let bytes = self.postings.bytes().get(range).unwrap_or_default();
        self.tables.put_stream(bytes);
    }

    /// Completes the table of postings.
    pub(super) fn end_postings(&mut self) {
        self.tables.end(self.postings.bytes().len());
        self.postings = ListWriter::default();
    }

    /// Writes the filter over the entities that were put.
    pub(super) fn write_entity_filter(&mut self) {
        let mut filter = FilterBuilder::new(self.entity_hashes.len());
        for hash in self.entity_hashes.drain(..) {
            filter.insert(hash);
        }
        write_filter(&mut self.tables, table::ENTITY_FILTER, &filter);
    }

    /// Writes the gaps between sequences, and completes the run.
    pub(super) fn finish(mut self, facts: &Facts, gaps: impl Iterator<Item = Gap>) -> Vec<u8> {
        self.tables.begin(table::GAPS);
        let mut count = 0;
        for gap in gaps {
            let mut entry = Vec::with_capacity(GAP_LEN);
            entry.extend_from_slice(&gap.number.to_be_bytes());
            entry.extend_from_slice(&gap.sequence.to_be_bytes());
            self.tables.put(&entry);
            count += 1;
        }
        self.tables.end(count);
        self.tables.finish(facts)
    }
}

fn write_filter(tables: &mut TableWriter, kind: u16, filter: &FilterBuilder) {
    tables.begin(kind);
    let mut count = 0;
    for line in filter.lines() {
        tables.put(line);
        count += 1;
    }
    tables.end(count);
}
