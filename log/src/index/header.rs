//! Page 0 of a run: what it covers and where its tables stand.

use super::RunName;
use crate::bytes::Fields;
use crate::layout::run::{
    CONTENT_LEN, EVENTS_MAX, GAPS_PER_PAGE, HEADER_LEN, IDS_PER_PAGE, LINES_PER_PAGE, MAGIC,
    OFFSETS_PER_PAGE, TABLES_MAX, VERSION, table,
};
use crate::log_position::LogPosition;
use crate::position::Hlc;

/// What a run says of its events as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) store_id: [u8; 16],
    pub(super) first_event: u64,
    pub(super) event_count: u32,
    /// Where the first group starts.
    pub(super) start_offset: u64,
    /// Where the last group starts.
    pub(super) last_group_offset: u64,
    pub(super) first_name: u32,
    pub(super) name_count: u32,
    pub(super) smallest_id: u128,
    pub(super) greatest_id: u128,
    pub(super) first_sequence: u64,
    /// How many of the events are stubs that reads do not show.
    pub(super) hidden: u32,
    /// Behind the last group; its segment is the run's.
    pub(super) end: LogPosition,
}

/// Where a table stands and how much is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) first: u32,
    pub(super) pages: u32,
    pub(super) items: u32,
}

/// The tables of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) ids: Table,
    pub(super) offsets: Table,
    pub(super) names: Table,
    pub(super) id_filter: Table,
    pub(super) entities: Table,
    pub(super) scopes: Table,
    pub(super) kinds: Table,
    pub(super) causes: Table,
    pub(super) postings: Table,
    pub(super) entity_filter: Table,
    pub(super) gaps: Table,
}

impl Facts {
    /// Returns the name of the run with these facts.
    pub(super) fn name(&self) -> RunName {
        RunName {
            segment: self.end.segment,
            first: self.first_event,
            end: self.first_event.saturating_add(u64::from(self.event_count)),
        }
    }

    /// Tells whether the facts can be true together.
    fn agree(&self, name: &RunName) -> bool {
        let counted = name.end.checked_sub(name.first) == Some(u64::from(self.event_count));
        let length = self.end.offset.checked_sub(self.start_offset);
        let sequences = self.end.next_sequence.checked_sub(self.first_sequence);
        self.first_event == name.first
            && counted
            && (1..=EVENTS_MAX).contains(&self.event_count)
            && length.is_some_and(|length| length <= u64::from(u32::MAX))
            && (self.start_offset..self.end.offset).contains(&self.last_group_offset)
            && self.first_name.checked_add(self.name_count).is_some()
            && self.hidden <= self.event_count
            && self.smallest_id <= self.greatest_id
            && sequences.is_some_and(|sequences| sequences >= u64::from(self.event_count))
            && self.end.event_count >= u64::from(self.event_count)
            && self.end.last_id >= name.segment.id
    }
}

/// Writes the header's fields and the directory of tables.
pub(super) fn encode_header(facts: &Facts, page_count: u32, tables: &[(u16, Table)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CONTENT_LEN + 4);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&page_count.to_be_bytes());
    let table_count = u16::try_from(tables.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&table_count.to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&facts.store_id);
    bytes.extend_from_slice(&facts.end.segment.id.to_be_bytes());
    bytes.extend_from_slice(&facts.end.segment.generation.to_be_bytes());
    bytes.extend_from_slice(&facts.event_count.to_be_bytes());
    bytes.extend_from_slice(&facts.first_event.to_be_bytes());
    bytes.extend_from_slice(&facts.start_offset.to_be_bytes());
    bytes.extend_from_slice(&facts.last_group_offset.to_be_bytes());
    bytes.extend_from_slice(&facts.first_name.to_be_bytes());
    bytes.extend_from_slice(&facts.name_count.to_be_bytes());
    bytes.extend_from_slice(&facts.smallest_id.to_be_bytes());
    bytes.extend_from_slice(&facts.greatest_id.to_be_bytes());
    bytes.extend_from_slice(&facts.first_sequence.to_be_bytes());
    bytes.extend_from_slice(&facts.end.last_id.to_be_bytes());
    bytes.extend_from_slice(&facts.end.offset.to_be_bytes());
    bytes.extend_from_slice(&facts.end.event_count.to_be_bytes());
    bytes.extend_from_slice(&facts.end.next_sequence.to_be_bytes());
    bytes.extend_from_slice(&facts.end.hlc.wall_us.to_be_bytes());
    bytes.extend_from_slice(&facts.end.hlc.counter.to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&facts.hidden.to_be_bytes());
    bytes.extend_from_slice(&facts.end.log_hash);
    debug_assert_eq!(bytes.len(), HEADER_LEN);
    for (kind, table) in tables {
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&table.first.to_be_bytes());
        bytes.extend_from_slice(&table.pages.to_be_bytes());
        bytes.extend_from_slice(&table.items.to_be_bytes());
    }
    bytes
}

/// Reads page 0 of the run `name`, whose file has `page_count` pages; `None` when anything in it
/// is not as it must be.
pub(super) fn decode_header(
    content: &[u8],
    name: &RunName,
    store_id: [u8; 16],
    page_count: u32,
) -> Option<(Facts, Tables)> {
    let mut fields = Fields::new(content);
    let known = fields.array()? == MAGIC && fields.u32()? == VERSION;
    if !known || fields.u32()? != page_count {
        return None;
    }
    let table_count = usize::from(fields.u16()?);
    fields.u16()?;
    let own = fields.array()? == store_id
        && fields.u64()? == name.segment.id
        && fields.u32()? == name.segment.generation;
    if !own || table_count > TABLES_MAX {
        return None;
    }
    let facts = decode_facts(&mut fields, name, store_id)?;
    let mut tables = Vec::with_capacity(table_count);
    for _ in 0..table_count {
        let kind = fields.u16()?;
        fields.u16()?;
        let table = Table {
            first: fields.u32()?,
            pages: fields.u32()?,
            items: fields.u32()?,
        };
        tables.push((kind, table));
    }
    let tables = Tables::find(&tables, page_count)?;
    (facts.agree(name) && tables.agree(&facts)).then_some((facts, tables))
}

fn decode_facts(fields: &mut Fields<'_>, name: &RunName, store_id: [u8; 16]) -> Option<Facts> {
    let event_count = fields.u32()?;
    let first_event = fields.u64()?;
    let start_offset = fields.u64()?;
    let last_group_offset = fields.u64()?;
    let first_name = fields.u32()?;
    let name_count = fields.u32()?;
    let smallest_id = u128::from_be_bytes(fields.array()?);
    let greatest_id = u128::from_be_bytes(fields.array()?);
    let first_sequence = fields.u64()?;
    let last_id = fields.u64()?;
    let offset = fields.u64()?;
    let log_event_count = fields.u64()?;
    let next_sequence = fields.u64()?;
    let wall_us = fields.u64()?;
    let counter = fields.u16()?;
    fields.u16()?;
    let hidden = fields.u32()?;
    let end = LogPosition {
        segment: name.segment,
        last_id,
        offset,
        event_count: log_event_count,
        next_sequence,
        hlc: Hlc { wall_us, counter },
        log_hash: fields.array()?,
    };
    Some(Facts {
        store_id,
        first_event,
        event_count,
        start_offset,
        last_group_offset,
        first_name,
        name_count,
        smallest_id,
        greatest_id,
        first_sequence,
        hidden,
        end,
    })
}

impl Tables {
    /// Finds the tables that are known here; `None` where one is missing, there twice or outside
    /// of the file, or where an unknown one must be known.
    fn find(listed: &[(u16, Table)], page_count: u32) -> Option<Self> {
        let known = |kind: u16| (table::IDS..=table::GAPS).contains(&kind);
        let usable = |(kind, table): &(u16, Table)| {
            let end = table.first.checked_add(table.pages);
            let inside = table.first > 0 && end.is_some_and(|end| end <= page_count);
            inside && (known(*kind) || kind & table::REQUIRED == 0)
        };
        if !listed.iter().all(usable) {
            return None;
        }
        let find = |kind: u16| {
            let mut found = listed.iter().filter(|(listed, _)| *listed == kind);
            let (_, table) = found.next()?;
            found.next().is_none().then_some(*table)
        };
        Some(Self {
            ids: find(table::IDS)?,
            offsets: find(table::OFFSETS)?,
            names: find(table::NAMES)?,
            id_filter: find(table::ID_FILTER)?,
            entities: find(table::ENTITIES)?,
            scopes: find(table::SCOPES)?,
            kinds: find(table::KINDS)?,
            causes: find(table::CAUSES)?,
            postings: find(table::POSTINGS)?,
            entity_filter: find(table::ENTITY_FILTER)?,
            gaps: find(table::GAPS)?,
        })
    }

    /// Tells whether the tables have as many entries as the facts say, and pages for them.
    fn agree(&self, facts: &Facts) -> bool {
        let events = facts.event_count;
        let filled = |table: Table, per_page: u32| table.items.div_ceil(per_page) == table.pages;
        let all = |table: Table, items: u32, per_page: u32| {
            table.items == items && filled(table, per_page)
        };
        let lines = |table: Table| table.items > 0 && filled(table, LINES_PER_PAGE);
        let keys = |table: Table| table.items <= events && (table.items > 0) == (table.pages > 0);
        let stream = (self.postings.items as usize).div_ceil(CONTENT_LEN);
        all(self.ids, events, IDS_PER_PAGE)
            && all(self.offsets, events, OFFSETS_PER_PAGE)
            && all(self.names, facts.name_count, OFFSETS_PER_PAGE)
            && lines(self.id_filter)
            && lines(self.entity_filter)
            && keys(self.entities)
            && keys(self.scopes)
            && keys(self.kinds)
            && keys(self.causes)
            && stream == self.postings.pages as usize
            && self.gaps.items < events
            && filled(self.gaps, GAPS_PER_PAGE)
    }
}
