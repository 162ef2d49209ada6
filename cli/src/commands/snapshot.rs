//! `batpak snapshot`: copies a store.

use crate::failure::Failure;
use crate::output::{Output, bytes_text, counted};
use crate::place::{open_for_writing, require_store};
use crate::progress;
use batpak::prelude::*;
use serde_json::json;
use std::path::Path;

pub(crate) fn run(path: &Path, dest: &Path, output: &mut Output) -> Result<(), Failure> {
    require_store(path)?;
    let store = open_for_writing(path)?;
    let bar = progress::start("copying", None);
    bar.enable_steady_tick(progress::TICK);
    let copied = store.snapshot(dest);
    bar.finish_and_clear();
    let closed = store.close();
    copied?;
    closed?;
    let copy = Store::open_read_only(StoreConfig::new(dest))?;
    let stats = copy.stats();
    if output.is_json() {
        return output.json(&json!({
            "events": stats.event_count,
            "segments": stats.segments,
            "bytes": stats.bytes_on_disk,
        }));
    }
    let events = counted(stats.event_count as u64, "event");
    let segments = counted(stats.segments as u64, "segment");
    let bytes = bytes_text(stats.bytes_on_disk);
    output.line(format_args!("copied {events} in {segments}, {bytes}"))
}
