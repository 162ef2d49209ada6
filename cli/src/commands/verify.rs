//! `batpak verify`: recomputes every hash and every chain.

use crate::event_line::id_text;
use crate::failure::{Failure, is_damage};
use crate::output::{Output, counted};
use crate::place::require_store;
use crate::progress;
use batpak::prelude::*;
use batpak::store::{BadEvent, Verification};
use serde_json::json;
use std::path::Path;

pub(crate) fn run(path: &Path, output: &mut Output) -> Result<(), Failure> {
    require_store(path)?;
    let verification = match verify(path) {
        Ok(verification) => verification,
        Err(error) => {
            if output.is_json() && is_damage(&error) {
                output.json(&json!({"ok": false, "refused": error.to_string()}))?;
            }
            return Err(error.into());
        }
    };
    tell(&verification, output)?;
    match verification.first_bad {
        None => Ok(()),
        Some(bad) => Err(Failure::Bad(sentence(&bad))),
    }
}

fn verify(path: &Path) -> Result<Verification, StoreError> {
    let store = Store::open_read_only(StoreConfig::new(path))?;
    let total = store.stats().event_count as u64;
    let bar = progress::start("verifying", Some(total));
    let verification = store.verify_with(|checked| bar.set_position(checked));
    bar.finish_and_clear();
    verification
}

fn tell(verification: &Verification, output: &mut Output) -> Result<(), Failure> {
    let Verification {
        events,
        entities,
        version1_events,
        version1_broken_links,
        removed,
        first_bad,
        ..
    } = verification;
    if output.is_json() {
        let first_bad = first_bad.as_ref().map(|bad| {
            json!({
                "event": id_text(bad.event_id),
                "entity": bad.entity,
                "sequence": bad.sequence,
                "detail": bad.detail,
            })
        });
        return output.json(&json!({
            "ok": first_bad.is_none(),
            "events": events,
            "entities": entities,
            "version1_events": version1_events,
            "version1_broken_links": version1_broken_links,
            "removed": removed,
            "first_bad": first_bad,
        }));
    }
    if first_bad.is_some() {
        return Ok(());
    }
    let entities = counted(*entities, "entity");
    let events = counted(*events, "event");
    let removed = match removed {
        0 => String::new(),
        removed => format!(", {removed} removed by compaction"),
    };
    output.line(format_args!(
        "good: {events} of {entities}{removed}, every hash and chain recomputed"
    ))?;
    if *version1_events > 0 {
        let weaker = counted(*version1_events, "event");
        output.line(format_args!(
            "- {weaker} of the released batpak (version 1): their hashes cover the payloads alone"
        ))?;
    }
    if *version1_broken_links > 0 {
        let broken = counted(*version1_broken_links, "event");
        output.line(format_args!(
            "- {broken} of version 1 name another event before them than is there"
        ))?;
    }
    Ok(())
}

fn sentence(bad: &BadEvent) -> String {
    let BadEvent {
        event_id,
        entity,
        sequence,
        detail,
    } = bad;
    if *event_id == 0 {
        return format!("the first bad place is at or before sequence {sequence}: {detail}");
    }
    let id = id_text(*event_id);
    format!("the first bad event is {id} of {entity} (sequence {sequence}): {detail}")
}
