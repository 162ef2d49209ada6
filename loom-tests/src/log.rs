//! A log that was written before a model begins, and what reads it into a view.

use std::sync::Arc;

use batpak_actors::follow::Follower;
use batpak_actors::recovery::empty_position;
use batpak_actors::view::{ReadView, ViewWriter};
use batpak_log::Coordinate;
use batpak_log::event::EventKind;
use batpak_log::event::hash::compute_hash;
use batpak_log::fs::{Fs, MemoryFs};
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::segment::{EventRecord, GroupBuilder, SegmentHeader, SegmentName};

/// Reads a log into a view, as an indexer does, without making it visible.
pub fn read_into(view: &Arc<ReadView>, fs: &Arc<dyn Fs>) -> ViewWriter {
    let mut writer = ViewWriter::resume(Arc::clone(view));
    let mut follower = Follower::new(Arc::clone(fs), empty_position(), None);
    follower.catch_up(&mut writer).expect("the log can be read");
    writer
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
            payload: &payload,
        });
    }
    let fs = MemoryFs::new();
    let bytes = [header.encode(), group.finish(0, start.offset)].concat();
    fs.set_bytes(&segment.file_name(), bytes);
    Arc::new(fs)
}
