//! Recomputes every hash and every chain of a store.

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
    /// Its id; 0 when its bytes are unreadable and nothing else knows it.
    pub event_id: u128,
    /// Its entity; empty when its bytes are unreadable and nothing else knows it.
    pub entity: String,
    /// Its global sequence.
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
    /// The first event that is not good; nothing behind it was looked at.
    pub first_bad: Option<BadEvent>,
}

/// Reads every visible event in commit order, recomputes its hash, and checks that it follows its
/// entity's previous one. `progress` is told after each event how many were checked.
///
/// # Errors
/// When an event cannot be read for another reason than damage.
pub fn verify(reader: &Reader, progress: &mut dyn FnMut(u64)) -> Result<Verification, StoreError> {
    let mut chains: HashMap<Arc<str>, (u32, [u8; 32])> = HashMap::new();
    let mut found = Verification::default();
    let mut events = reader.events(&Region::all(), 0);
    loop {
        let read = events.next_with(|event| {
            let before = chains.get(event.coord.entity()).copied();
            let detail = fault(&event, before);
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
            None => break,
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
        progress(found.events);
    }
    found.entities = chains.len() as u64;
    Ok(found)
}

/// Describes the first event from `sequence` on, which cannot be read. What is in memory knows
/// which it is; an index knows only where its frame stands.
fn unreadable(reader: &Reader, sequence: u64, error: &StoreError) -> BadEvent {
    let entry = reader.events(&Region::all(), sequence).next();
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
        kind: event.kind,
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
