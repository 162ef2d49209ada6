use super::{SEALED, mode};
use crate::checksums::{Bound, seal_groups, seal_groups_but_sums, sealed};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use crate::samples::{first_header, open_file};
use batpak_log::fs::File;
use batpak_log::index::{IndexRun, Page, Pages, RunBuilder};
use batpak_log::log_position::LogPosition;
use batpak_log::recover_segment::{recover_newest, recover_sealed};
use batpak_log::segment::{
    FenceRecord, Group, GroupBuilder, GroupReader, ReadStart, SegmentHeader, Step, TailFacts,
    name_at,
};
use std::iter::Peekable;
use std::slice::Iter;
use std::sync::Arc;

/// Set in a mode beside [`SEALED`]: all checksums are made right but that of a group's frames
/// together.
const UNSUMMED: u8 = 16;

pub(super) fn body(data: &[u8]) {
    let Some((mode, groups)) = mode(data) else {
        return;
    };
    let header = first_header();
    let mut bytes = header.encode();
    let start = bytes.len();
    bytes.extend(groups);
    if mode & SEALED != 0 {
        let bound = Bound::of_header(&bytes).unwrap();
        let groups = start..bytes.len();
        match mode & UNSUMMED {
            0 => {
                seal_groups(&mut bytes, bound, groups, 0);
            }
            _ => seal_groups_but_sums(&mut bytes, bound, groups),
        }
    }
    let facts = TailFacts {
        same_boot: mode & 2 != 0,
        poisoned: mode & 4 != 0,
        proven: if mode & 8 != 0 { start as u64 + 300 } else { 0 },
    };
    let length = bytes.len();
    let file = open_file(bytes.clone());
    bounded(length, READER, || {
        walk(&file, &header, &bytes);
        recover(&file, &header, facts);
    });
}

/// Reads group after group, and writes what is whole anew: the same is read there.
fn walk(file: &Arc<dyn File>, header: &SegmentHeader, bytes: &[u8]) {
    let (found, again) = read_groups(file, header, bytes);
    let file = open_file(again.clone());
    assert_eq!(read_groups(&file, header, &again), (found, again));
}

/// Returns what whole groups say, up to a cancelled fence, and the bytes of a segment that says it.
fn read_groups(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    bytes: &[u8],
) -> (Vec<String>, Vec<u8>) {
    let length = bytes.len() as u64;
    let mut reader = GroupReader::new(Arc::clone(file), header, length);
    let mut found = Vec::new();
    let mut again = header.encode();
    let (bound, groups) = (Bound::of_header(&again).unwrap(), again.len()..bytes.len());
    let sealed = sealed(bytes, |bytes| {
        let _ = seal_groups(bytes, bound, groups, 0);
    });
    loop {
        let before = reader.position();
        let Ok(Step::Group(group)) = reader.step() else {
            break;
        };
        assert!(group.offset == before && group.end > before && group.end <= length);
        assert_eq!(group.events.len(), usize::from(group.header.event_count));
        let place = group.offset as usize..group.end as usize;
        assert!(
            bytes[place.clone()] == sealed[place],
            "a wrong checksum is believed"
        );
        if matches!(group.fence, Some(FenceRecord::Cancel(_))) {
            break;
        }
        for event in &group.events {
            let (coordinate, sequence) = (&event.coordinate, event.sequence);
            found.push(format!("{sequence} {coordinate:?} {:?}", event.record));
        }
        let group = written(header, &group, bytes, again.len() as u64);
        again.extend(group);
    }
    (found, again)
}

fn written(header: &SegmentHeader, group: &Group<'_>, bytes: &[u8], at: u64) -> Vec<u8> {
    let mut builder = GroupBuilder::start(header.binding(), header.hlc.wall_us, at, Vec::new());
    if let Some(fence) = group.fence {
        builder.push_fence(fence);
    }
    let mut names = group.names.iter().peekable();
    let push_names = |builder: &mut GroupBuilder, names: &mut Peekable<Iter<'_, u64>>, upto| {
        while let Some(at) = names.next_if(|at| **at < upto) {
            let name = name_at(&header.binding(), &bytes[*at as usize..], *at);
            builder.push_name(&name.unwrap());
        }
    };
    for event in &group.events {
        push_names(&mut builder, &mut names, event.offset);
        builder.push_event(&event.record);
    }
    push_names(&mut builder, &mut names, u64::MAX);
    builder.finish(group.header.first_sequence, group.header.proven)
}

/// Reads the segment as the newest one, indexes what counts, and finds all of it in the index.
fn recover(file: &Arc<dyn File>, header: &SegmentHeader, facts: TailFacts) {
    let start = ReadStart::of(header);
    let mut builder = RunBuilder::new(header, LogPosition::at_start_of(header), 0);
    let mut found = Vec::new();
    let end = recover_newest(file, header, facts, &start, &mut |_, group| {
        if !builder.has_room_for(group) {
            return;
        }
        builder.add(group);
        for event in &group.events {
            found.push((event.record.event_id, event.offset, event.sequence));
        }
    });
    let Ok(end) = end else {
        return;
    };
    let predecessor = end.position.as_predecessor();
    let sealed = recover_sealed(file, header, &predecessor, &start, &mut |_, _| {});
    if end.unfinished.is_none() {
        assert_eq!(
            sealed.unwrap(),
            end.position,
            "read the same as a sealed segment"
        );
    }
    if builder.event_count() > 0 {
        reached();
        let (name, bytes) = builder.finish();
        let file = open_file(bytes);
        let run = IndexRun::open(&name, &*file, header.store_id)
            .unwrap()
            .unwrap();
        find(&run, &FromFile(file), &found);
    }
}

fn find(run: &IndexRun, pages: &FromFile, found: &[(u128, u64, u64)]) {
    assert_eq!(run.event_count() as usize, found.len());
    for (number, (id, offset, sequence)) in (0..).zip(found) {
        assert_eq!(run.frame(pages, number).unwrap().offset, *offset);
        assert_eq!(run.sequence(number), *sequence);
        let candidates = run.ids(pages, *id).unwrap();
        assert!(candidates.iter().any(|candidate| candidate == number));
    }
}

/// Reads pages from a run's file and keeps none.
pub(super) struct FromFile(pub(super) Arc<dyn File>);

impl Pages for FromFile {
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, batpak_log::error::LogError> {
        run.read_page(&*self.0, page)
    }
}
