//! A log that was written before a model begins, and what reads it into a view.

use std::sync::Arc;

use batpak_actors::follow::Follower;
use batpak_actors::reader::Reader;
use batpak_actors::recovery::empty_position;
use batpak_actors::view::{IndexedPart, KnownSegment, ReadView, ViewWriter};
use batpak_log::Coordinate;
use batpak_log::directory::read_directory;
use batpak_log::event::EventKind;
use batpak_log::event::hash::compute_hash;
use batpak_log::fs::{Access, Fs, MemoryFs, remove_if_there, write_all_at};
use batpak_log::index::{IndexRun, RunBuilder};
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::segment::{
    EventRecord, GroupBuilder, GroupReader, Removals, SegmentHeader, SegmentName, Step, Tie,
};

use crate::store::READER;

/// Returns a reader of a log that shows nothing yet.
pub fn reader_of(fs: &Arc<dyn Fs>) -> Arc<Reader> {
    let view = Arc::new(ReadView::default());
    Arc::new(Reader::new(Arc::clone(fs), view, READER))
}

/// Reads a log into a reader's view, as an indexer does, without making it visible.
pub fn read_into(reader: &Arc<Reader>) -> ViewWriter {
    let mut writer = ViewWriter::resume(Arc::clone(reader.view()));
    let mut follower = Follower::new(Arc::clone(reader), empty_position(), None);
    follower.catch_up(&mut writer).expect("the log can be read");
    writer
}

/// Writes an index beside the one segment of a log, in place of any other, and returns it.
pub fn index_of(fs: &Arc<dyn Fs>) -> Arc<IndexedPart> {
    let directory = read_directory(&**fs).expect("the directory can be read");
    let header = directory.segments.first().expect("the log has a segment");
    let file = fs.open(&header.segment.file_name(), Access::Read);
    let file = file.expect("the segment can be opened");
    let end = file.len().expect("it has a length");
    let mut groups = GroupReader::new(file, header, end);
    let mut run = RunBuilder::new(header, LogPosition::at_start_of(header), 0);
    while let Step::Group(group) = groups.step().expect("the log can be read") {
        run.add(&group);
    }
    let (name, bytes) = run.finish();
    remove_if_there(&**fs, &name.file_name()).expect("the disk takes it");
    let file = fs.create_new(&name.file_name()).expect("the disk takes it");
    write_all_at(&*file, &bytes, 0).expect("the disk takes it");
    let run = IndexRun::open(&name, &*file, header.store_id).expect("it can be read");
    let run = run.expect("it is whole");
    let segment = Arc::new(KnownSegment::new(Arc::new(header.clone())));
    Arc::new(IndexedPart::new(run, segment))
}

/// Writes a log of one group with so many events of one entity.
pub fn log_of(events: u32) -> Arc<dyn Fs> {
    let segment = SegmentName::first_generation(1);
    let header = SegmentHeader {
        store_id: [7; 16],
        segment,
        last_id: segment.id,
        first_sequence: 0,
        boot_id: [7; 16],
        hlc: Hlc::default(),
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    };
    let start = LogPosition::at_start_of(&header);
    let mut group = GroupBuilder::start(header.binding(), 0, start.offset, Vec::new());
    group.push_name(&Coordinate::new("account", "bank").expect("a valid name"));
    for clock in 0..events {
        let payload = [0xc0];
        group.push_event(&EventRecord {
            event_id: u128::from(clock) + 1,
            name: 0,
            clock,
            kind: EventKind::DATA,
            flags: 0,
            hlc: start.hlc.next(0),
            event_hash: compute_hash(&payload),
            correlation_id: u128::from(clock) + 1,
            causation_id: None,
            keyed: false,
            depth: 0,
            lane: 0,
            tie: Tie::Hashed,
            payload: &payload,
            removed: None,
        });
    }
    let fs = MemoryFs::new();
    let bytes = [header.encode(), group.finish(0, start.offset)].concat();
    fs.set_bytes(&segment.file_name(), bytes);
    Arc::new(fs)
}
