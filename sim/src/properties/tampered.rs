//! Whoever changes stored events, and makes every checksum and every offset right again, is found
//! out by the hashes.

use super::rot::{filled, segments};
use crate::plan::pick;
use crate::property::{Effort, Property, Trial};
use crate::world::{World, is_refusal};
use batpak::prelude::{Coordinate, EventKind};
use batpak::testkit::SimFs;
use batpak_log::fs::{Access, Fs};
use batpak_log::position::Hlc;
use batpak_log::segment::{
    EventRecord, GroupBuilder, GroupReader, SegmentHeader, SegmentName, Step, Tie, Trailer,
    encode_footer, read_header, read_trailer,
};
use fastrand::Rng;
use std::collections::HashMap;

const PER_SEED: u64 = 40;

pub(super) fn properties() -> Vec<Property> {
    vec![Property {
        name: "tampered",
        promise: "events edited, removed, put in or moved, checksums made right, are found",
        unit: "tamperings",
        counts: [2_000, 40_000, 400_000],
        trial: Trial::Case(tampered),
    }]
}

/// A stored event, with everything that its hash covers.
#[derive(Clone, Debug)]
struct Stored {
    /// The first sequence of its group.
    group: u64,
    sequence: u64,
    coordinate: Coordinate,
    event_id: u128,
    correlation_id: u128,
    causation_id: Option<u128>,
    kind: EventKind,
    flags: u8,
    hlc: Hlc,
    clock: u32,
    depth: u32,
    lane: u32,
    keyed: bool,
    event_hash: [u8; 32],
    payload: Vec<u8>,
}

impl Stored {
    fn record(&self, name: u32) -> EventRecord<'_> {
        EventRecord {
            event_id: self.event_id,
            name,
            clock: self.clock,
            kind: self.kind,
            flags: self.flags,
            hlc: self.hlc,
            event_hash: self.event_hash,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            keyed: self.keyed,
            depth: self.depth,
            lane: self.lane,
            tie: Tie::Hashed,
            payload: &self.payload,
            removed: None,
        }
    }

    /// Changes something that the hash covers, or the hash.
    fn edit(&mut self, random: &mut Rng) {
        match random.u8(0..11) {
            0 => self.event_id ^= 1 << random.u32(0..128),
            1 => self.correlation_id ^= 1 << random.u32(0..128),
            2 => self.causation_id = self.causation_id.xor(Some(random.u128(1..))),
            3 => self.kind = EventKind::custom(1, if self.kind.type_id() == 9 { 8 } else { 9 }),
            4 => self.flags ^= 1 << random.u32(0..8),
            5 => self.hlc.wall_us += random.u64(1..1000),
            6 => self.clock ^= 1 << random.u32(0..4),
            7 => self.lane ^= 1 << random.u32(0..8),
            8 => {
                let entity = format!("{}x", self.coordinate.entity());
                let other = Coordinate::new(&entity, self.coordinate.scope());
                self.coordinate = other.expect("a longer name is one");
            }
            9 => flip(&mut self.event_hash, random),
            _ => flip(&mut self.payload, random),
        }
    }
}

fn flip(bytes: &mut [u8], random: &mut Rng) {
    let at = random.usize(0..bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.u32(0..8);
    }
}

/// A segment taken apart.
struct Parts {
    header: SegmentHeader,
    trailer: Option<Trailer>,
    events: Vec<Stored>,
}

impl Parts {
    fn of(disk: &SimFs, name: &str) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let named = SegmentName::parse(name).ok_or("no segment")?;
        let file = disk.open(name, Access::Read).map_err(text)?;
        let header = read_header(named, &*file).map_err(|error| error.to_string())?;
        let trailer = read_trailer(&*file, &header.binding());
        let trailer = trailer.map_err(|error| error.to_string())?;
        let end = trailer.map_or(u64::MAX, |trailer| trailer.end_offset);
        let mut reader = GroupReader::new(file, &header, end);
        let mut events = Vec::new();
        while let Step::Group(group) = reader.step().map_err(|error| error.to_string())? {
            events.extend(group.events.iter().map(|event| Stored {
                group: group.header.first_sequence,
                sequence: event.sequence,
                coordinate: event.coordinate.clone(),
                event_id: event.record.event_id,
                correlation_id: event.record.correlation_id,
                causation_id: event.record.causation_id,
                kind: event.record.kind,
                flags: event.record.flags,
                hlc: event.record.hlc,
                clock: event.record.clock,
                depth: event.record.depth,
                lane: event.record.lane,
                keyed: event.record.keyed,
                event_hash: event.record.event_hash,
                payload: event.record.payload.to_vec(),
            }));
        }
        Ok(Self {
            header,
            trailer,
            events,
        })
    }

    /// Puts the segment together again; returns where its groups end too.
    fn bytes(&self) -> (Vec<u8>, u64) {
        let (binding, base_wall_us) = (self.header.binding(), self.header.hlc.wall_us);
        let mut bytes = self.header.encode();
        let mut names: HashMap<Coordinate, u32> = HashMap::new();
        let mut numbers = 0..;
        for events in self.events.chunk_by(|one, next| one.group == next.group) {
            let at = bytes.len() as u64;
            let mut group = GroupBuilder::start(binding.clone(), base_wall_us, at, Vec::new());
            for event in events {
                let known = names.get(&event.coordinate).copied();
                let name = known.or_else(|| {
                    group.push_name(&event.coordinate);
                    numbers.next()
                });
                let name = name.expect("there are few names");
                names.insert(event.coordinate.clone(), name);
                group.push_event(&event.record(name));
            }
            if let Some(first) = events.first() {
                bytes.extend(group.finish(first.group, at));
            }
        }
        let end_offset = bytes.len() as u64;
        if let Some(trailer) = self.trailer {
            let trailer = Trailer {
                end_offset,
                ..trailer
            };
            bytes.extend(encode_footer(&binding, &trailer));
        }
        (bytes, end_offset)
    }

    /// Tampers with some events; returns the sequence of the first that is another now, and what
    /// was done.
    fn tamper(&mut self, donor: &Stored, random: &mut Rng) -> Option<(u64, &'static str)> {
        let count = self.events.len();
        let (place, other) = (random.usize(0..count), random.usize(0..count));
        let (event, theirs) = (self.events.get(place)?.clone(), self.events.get(other)?);
        let (sequence, exchanged) = (event.sequence, theirs.clone());
        let put = |into: &mut Self, place: usize, group: u64, event: Stored| {
            *into.events.get_mut(place)? = Stored { group, ..event };
            Some(())
        };
        match random.u8(0..5) {
            0 => {
                self.events.remove(place);
                Some((sequence, "removed"))
            }
            1 => {
                let (event_id, clock) = (event.event_id ^ 1, event.clock + 1);
                let copy = Stored {
                    event_id,
                    clock,
                    ..event
                };
                self.events.insert(place + 1, copy);
                Some((sequence + 1, "put in"))
            }
            2 if place != other => {
                let first = sequence.min(exchanged.sequence);
                put(self, other, exchanged.group, event.clone())?;
                put(self, place, event.group, exchanged)?;
                Some((first, "exchanged"))
            }
            3 => {
                put(self, place, event.group, donor.clone())?;
                Some((sequence, "replaced by one of another store"))
            }
            _ => {
                self.events.get_mut(place)?.edit(random);
                Some((sequence, "edited"))
            }
        }
    }
}

fn tampered(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let mut world = filled(seed, 900)?;
    world.end()?;
    let mut stranger = filled(seed + 1, 900)?;
    stranger.end()?;
    let mut random = Rng::with_seed(seed);
    let (closed, names) = (world.disk().fork(), segments(world.disk()));
    let strange = segments(stranger.disk());
    let donors = Parts::of(stranger.disk(), pick(&mut random, &strange).as_str())?;
    verify(&world, &closed)?.map_or(Ok(()), |bad| Err(format!("untouched, and {bad:?}")))?;
    for _ in 0..PER_SEED {
        let disk = closed.fork();
        let nth = random.usize(0..names.len());
        let name = names.get(nth).ok_or("no segment")?;
        let mut parts = Parts::of(&disk, name)?;
        let donor = pick(&mut random, &donors.events);
        let (first, what) = parts.tamper(donor, &mut random).ok_or("no event")?;
        let (bytes, end_offset) = parts.bytes();
        disk.set_bytes(name, bytes);
        if let Some(next) = names.get(nth + 1) {
            follow(&disk, next, end_offset)?;
        }
        let without_sidecars = random.bool();
        if without_sidecars {
            for name in disk.files() {
                if name.ends_with(".fbix") || name.ends_with(".fbcp") {
                    disk.delete(&name).map_err(|error| error.to_string())?;
                }
            }
        }
        effort.count += 1;
        match verify(&world, &disk)? {
            None => {
                return Err(format!(
                    "event {first} was {what}, sidecars {}, and nobody noticed",
                    !without_sidecars
                ));
            }
            // With the old offsets at hand, what stands before it may be unreadable too.
            Some(Some(bad)) if bad < first && without_sidecars => {
                return Err(format!(
                    "event {first} was {what}, and {bad} is said to be bad"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Has the next segment follow where the one before it ends now.
fn follow(disk: &SimFs, name: &str, end_offset: u64) -> Result<(), String> {
    let mut next = Parts::of(disk, name)?;
    if let Some(predecessor) = &mut next.header.predecessor {
        predecessor.end_offset = end_offset;
    }
    let mut bytes = disk.bytes(name).map_err(|error| error.to_string())?;
    let header = next.header.encode();
    bytes.splice(..header.len(), header);
    disk.set_bytes(name, bytes);
    Ok(())
}

/// Verifies a disk; what is bad, as the sequence of the first bad event or a refusal without one.
fn verify(world: &World, disk: &SimFs) -> Result<Option<Option<u64>>, String> {
    let machine = world.machine().with_image(disk.fork(), 3);
    let store = match machine.open_read_only(world.inner().config.clone()) {
        Ok(store) => store,
        Err(error) if is_refusal(&error) => return Ok(Some(None)),
        Err(error) => return Err(format!("not a refusal: {error}")),
    };
    match store.verify() {
        Ok(verified) => Ok(verified.first_bad.map(|bad| Some(bad.sequence))),
        Err(error) if is_refusal(&error) => Ok(Some(None)),
        Err(error) => Err(format!("verify, not a refusal: {error}")),
    }
}
