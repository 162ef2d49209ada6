//! Recomputes every hash and every chain of a store.

mod log_hash;

use self::log_hash::LogHash;
use crate::error::StoreError;
use crate::raw_event::RawEvent;
use crate::reader::Reader;
use batpak_log::coordinate::Region;
use batpak_log::event::hash::{CanonicalHeader, event_hash};
use std::collections::HashMap;
use std::sync::Arc;

/// The first event that does not hold up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// Its id; 0 when its bytes are unreadable and nothing else knows it, or when what is wrong is
    /// that an event is missing before this sequence.
    pub event_id: u128,
    /// Its entity; empty when there is no id.
    pub entity: String,
    /// Its global sequence, or that of the place where events are found to be missing.
    pub sequence: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// How many events were found good.
    pub events: u64,
    /// How many entities they belong to.
    pub entities: u64,
    /// How many of them the released batpak wrote (version 1). Their hashes cover the payloads
    /// alone: an edit of a payload is found, but not one of ids, kinds, times or names, nor that an
    /// event is missing.
    pub version1_events: u64,
    /// How many events of version 1 name another event before them than the one that is there. The
    /// released batpak lost the link, removed the event, or somebody else did.
    pub version1_broken_links: u64,
    /// How many of the events compaction has removed: their payloads are gone, and their hashes and
    /// chains hold all the same.
    pub removed: u64,
    /// The first event that is not good; nothing behind it was looked at.
    pub first_bad: Option<BadEvent>,
}

/// Reads every visible event in commit order, recomputes its hash, and checks that it follows its
/// entity's previous one, and that each segment follows the events before it, all of them. Of
/// events of version 1 it checks what their weaker chain allows.
/// `progress` is told after each event how many were checked.
///
/// # Errors
/// When an event cannot be read for another reason than damage.
pub fn verify(reader: &Reader, progress: &mut dyn FnMut(u64)) -> Result<Verification, StoreError> {
    let mut chains: HashMap<Arc<str>, (u32, [u8; 32])> = HashMap::new();
    let mut found = Verification::default();
    let mut log_hash = LogHash::begin(reader)?;
    let mut events = reader.all_events(&Region::all(), 0);
    loop {
        let mut is_removed = false;
        let read = events.next_with(|event| {
            if let Some(missing) = log_hash.fault_before(event.global_sequence) {
                return Some(missing_before(missing));
            }
            log_hash.count(&event.event_hash);
            is_removed = event.is_removed();
            let before = chains.get(event.coord.entity()).copied();
            let detail = match event.is_version1() {
                false => fault(&event, before),
                true => {
                    found.version1_events += 1;
                    found.version1_broken_links += u64::from(!is_linked(&event, before));
                    payload_fault(&event)
                }
            };
            if detail.is_none() {
                let latest = (event.clock, event.event_hash);
                chains.insert(event.coord.entity_arc(), latest);
            }
            detail.map(|detail| BadEvent {
                event_id: event.event_id,
                entity: event.coord.entity().to_owned(),
                sequence: event.global_sequence,
                detail,
            })
        });
        match read {
            None => {
                found.first_bad = log_hash.fault_at_end().map(missing_before);
                break;
            }
            Some(Ok(None)) => {}
            Some(Ok(Some(bad))) => {
                found.first_bad = Some(bad);
                break;
            }
            Some(Err(
                error @ (StoreError::CrcMismatch { .. } | StoreError::CorruptSegment { .. }),
            )) => {
                found.first_bad = Some(unreadable(reader, events.next_sequence(), &error));
                break;
            }
            Some(Err(error)) => return Err(error),
        }
        found.events += 1;
        found.removed += u64::from(is_removed);
        progress(found.events);
    }
    found.entities = chains.len() as u64;
    Ok(found)
}

/// Describes a place in the log that follows other events than those before it.
fn missing_before((sequence, detail): (u64, String)) -> BadEvent {
    BadEvent {
        event_id: 0,
        entity: String::new(),
        sequence,
        detail,
    }
}

/// Describes the first event from `sequence` on, which cannot be read. What is in memory knows
/// which it is; an index knows only where its frame stands.
fn unreadable(reader: &Reader, sequence: u64, error: &StoreError) -> BadEvent {
    let entry = reader.all_events(&Region::all(), sequence).next();
    let entry = entry.and_then(Result::ok);
    BadEvent {
        event_id: entry.as_ref().map_or(0, |entry| entry.event_id),
        entity: entry
            .as_ref()
            .map_or_else(String::new, |entry| entry.coord.entity().to_owned()),
        sequence: entry.map_or(sequence, |entry| entry.global_sequence),
        detail: error.to_string(),
    }
}

/// Returns what is wrong with an event of version 1, whose hash is that of its payload. Without the
/// feature for it, the released batpak stored zeros.
fn payload_fault(event: &RawEvent<&[u8]>) -> Option<String> {
    let good = event.event_hash == event.payload_hash() || event.event_hash == [0; 32];
    (!good).then(|| "its payload does not give its hash: it was changed".into())
}

/// Returns whether an event of version 1 follows `before`, or begins its entity's history: after a
/// fence, the released batpak began anew.
fn is_linked(event: &RawEvent<&[u8]>, before: Option<(u32, [u8; 32])>) -> bool {
    let follows = |clock: u32| clock.checked_add(1) == Some(event.clock);
    let begins = event.clock == 0 || before.is_some_and(|(clock, _)| follows(clock));
    begins && event.stored_prev_hash().is_none()
}

/// Returns what is wrong with an event that follows `before`, the clock and hash of its entity's
/// previous one.
fn fault(event: &RawEvent<&[u8]>, before: Option<(u32, [u8; 32])>) -> Option<String> {
    let expected_clock = before.map_or(0, |(clock, _)| clock.saturating_add(1));
    if event.clock != expected_clock {
        let clock = event.clock;
        return Some(format!(
            "its clock is {clock}, its entity's history expects {expected_clock}"
        ));
    }
    let canonical = CanonicalHeader {
        event_id: event.event_id,
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        entity: event.coord.entity(),
        scope: event.coord.scope(),
        kind: event.kind_as_written(),
        flags: event.flags,
        hlc: event.hlc,
        clock: event.clock,
        depth: event.depth,
        lane: event.lane,
    };
    let prev_hash = before.map_or([0; 32], |(_, hash)| hash);
    let computed = event_hash(&canonical, &event.payload_hash(), &prev_hash);
    (computed != event.event_hash)
        .then(|| "its content does not give its hash: it, or what came before, was changed".into())
}
