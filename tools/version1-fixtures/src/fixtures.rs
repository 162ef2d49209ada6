//! The fixtures: each is made by one function, which returns the listing.

use crate::listing;
use anyhow::{Context, Result};
use batpak::event::header::{FLAG_REQUIRES_ACK, FLAG_TRANSACTIONAL};
use batpak::prelude::*;
use serde_json::json;
use std::fs;
use std::path::Path;

/// A fixture.
pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    /// Writes the directory and returns what is to be read in it.
    pub(crate) make: fn(&Path) -> Result<String>,
}

pub(crate) const ALL: [Fixture; 9] = [
    Fixture {
        name: "closed",
        make: closed,
    },
    Fixture {
        name: "crashed",
        make: crashed,
    },
    Fixture {
        name: "reopened-after-a-crash",
        make: reopened_after_a_crash,
    },
    Fixture {
        name: "batch-over-segments",
        make: batch_over_segments,
    },
    Fixture {
        name: "unfinished-batch",
        make: unfinished_batch,
    },
    Fixture {
        name: "kinds-of-marks",
        make: kinds_of_marks,
    },
    Fixture {
        name: "compacted",
        make: compacted,
    },
    Fixture {
        name: "clock-set-back",
        make: clock_set_back,
    },
    Fixture {
        name: "empty",
        make: empty,
    },
];

const PLACED: EventKind = EventKind::custom(0x1, 1);
const PAID: EventKind = EventKind::custom(0xF, 0x0ABC);

fn open(directory: &Path, segment_max_bytes: u64) -> Result<Store<Open>> {
    let config = StoreConfig::new(directory)
        .with_segment_max_bytes(segment_max_bytes)
        .with_sync_every_n_events(1);
    Ok(Store::open(config)?)
}

fn at(entity: &str, scope: &str) -> Result<Coordinate> {
    Ok(Coordinate::new(entity, scope)?)
}

/// Three entities in two scopes, with everything that an append can have.
fn singles(store: &Store<Open>, round: u64) -> Result<()> {
    let (order, cart) = (at("order:1", "shop")?, at("cart:7", "shop")?);
    let audit = at("order:1", "audit")?;
    for number in 0..6 {
        let payload =
            json!({"round": round, "number": number, "text": "tea, 20 g, \u{e4}\u{20ac}"});
        store.append(&order, PLACED, &payload)?;
        store.append(
            &cart,
            EventKind::DATA,
            &json!(["a", number, null, -1.5, true]),
        )?;
    }
    let cause = store.append(&audit, PAID, &json!({"bytes": vec![0_u8, 127, 128, 255]}))?;
    store.append_reaction(&cart, PAID, &json!(42), cause.event_id, cause.event_id)?;
    let options = AppendOptions::new()
        .with_flags(FLAG_REQUIRES_ACK | FLAG_TRANSACTIONAL)
        .with_idempotency(0xFEED_0000 + u128::from(round))
        .with_correlation(77)
        .with_causation(cause.event_id);
    let receipt = store.append_with_options(&order, PAID, &"keyed", options)?;
    let again = store.append_with_options(&order, PAID, &"keyed", options)?;
    anyhow::ensure!(receipt.event_id == again.event_id, "a key is stored once");
    Ok(())
}

fn batch(store: &Store<Open>, items: usize, width: usize) -> Result<()> {
    let mut batch = Vec::new();
    for number in 0..items {
        let entity = format!("line:{}", number % 3);
        let causation = match number {
            0 => CausationRef::None,
            _ => CausationRef::PriorItem(number - 1),
        };
        batch.push(BatchAppendItem::new(
            at(&entity, "batches")?,
            PLACED,
            &json!({"item": number, "filler": "x".repeat(width)}),
            AppendOptions::new().with_correlation(0xC0),
            causation,
        )?);
    }
    store.append_batch(batch)?;
    Ok(())
}

fn fences(store: &Store<Open>) -> Result<()> {
    let (order, hidden) = (at("order:1", "shop")?, at("ghost:1", "shop")?);
    for commit in [true, false] {
        let fence = store.begin_visibility_fence()?;
        for number in 0..3 {
            let payload = json!({"fenced": number, "committed": commit});
            fence.submit(&order, PLACED, &payload)?;
        }
        fence.submit(&hidden, PAID, &json!({"committed": commit}))?;
        match commit {
            true => fence.commit()?,
            false => fence.cancel()?,
        }
    }
    store.append(&order, PLACED, &json!("after the fences"))?;
    store.append(&hidden, PLACED, &json!("after the fences"))?;
    Ok(())
}

fn fill(store: &Store<Open>, round: u64) -> Result<()> {
    singles(store, round)?;
    batch(store, 4, 10)?;
    fences(store)?;
    Ok(())
}

fn closed(directory: &Path) -> Result<String> {
    for round in 0..2 {
        let store = open(directory, 6000)?;
        fill(&store, round)?;
        store.close()?;
    }
    listing::of_copy(directory)
}

/// The directory as it stands while the store is open, as a killed process leaves it.
fn crashed(directory: &Path) -> Result<String> {
    let work = tempfile::tempdir()?;
    let store = open(work.path(), 6000)?;
    fill(&store, 0)?;
    store.sync()?;
    listing::copy_directory(work.path(), directory)?;
    store.close()?;
    listing::of_copy(directory)
}

fn reopened_after_a_crash(directory: &Path) -> Result<String> {
    let work = tempfile::tempdir()?;
    let store = open(work.path(), 6000)?;
    singles(&store, 0)?;
    store.sync()?;
    let killed = tempfile::tempdir()?;
    listing::copy_directory(work.path(), killed.path())?;
    store.close()?;
    let newest = newest_segment(killed.path())?;
    let bytes = fs::read(&newest)?;
    fs::write(&newest, &bytes[..bytes.len() - 5])?;
    let store = open(killed.path(), 6000)?;
    singles(&store, 1)?;
    store.close()?;
    listing::copy_directory(killed.path(), directory)?;
    listing::of_copy(directory)
}

/// The released batpak puts all events of such a batch into the last segment's footer, with places
/// in other segments, and cannot read them after an opening without `index.fbati`; the listing is
/// that of the session that wrote them.
fn batch_over_segments(directory: &Path) -> Result<String> {
    let store = open(directory, 1500)?;
    singles(&store, 0)?;
    batch(&store, 8, 300)?;
    singles(&store, 1)?;
    let listing = listing::of_store(&store)?;
    store.close()?;
    Ok(listing)
}

fn unfinished_batch(directory: &Path) -> Result<String> {
    let work = tempfile::tempdir()?;
    let store = open(work.path(), 100_000)?;
    singles(&store, 0)?;
    batch(&store, 5, 10)?;
    store.sync()?;
    listing::copy_directory(work.path(), directory)?;
    store.close()?;
    // Without the mark that ends it, and the end of the last item.
    let newest = newest_segment(directory)?;
    let bytes = fs::read(&newest)?;
    fs::write(&newest, &bytes[..bytes.len() - 400])?;
    listing::of_copy(directory)
}

/// The released batpak takes events with the kinds of its own marks, shows no payload of them, and
/// loses what is behind them at the next opening; the listing is that of the session that wrote
/// them, with the payloads that were written.
fn kinds_of_marks(directory: &Path) -> Result<String> {
    let store = open(directory, 100_000)?;
    let order = at("order:1", "shop")?;
    for kind in [
        EventKind::SYSTEM_BATCH_COMMIT,
        EventKind::SYSTEM_BATCH_BEGIN,
        EventKind::TOMBSTONE,
        EventKind::EFFECT_ERROR,
    ] {
        store.append(&order, kind, &json!("a kind of the system"))?;
        store.append(&order, PLACED, &json!("behind it"))?;
    }
    let listing = listing::of_store(&store)?;
    store.close()?;
    Ok(listing.replace(r#""payload":null"#, r#""payload":"a kind of the system""#))
}

/// A compaction of the released batpak loses sight of a batch that goes over the end of a segment,
/// and gives other sequences from there on; here none does.
fn compacted(directory: &Path) -> Result<String> {
    let store = open(directory, 4000)?;
    batch(&store, 3, 10)?;
    singles(&store, 0)?;
    store.compact(&CompactionConfig {
        strategy: CompactionStrategy::Merge,
        min_segments: 2,
    })?;
    singles(&store, 1)?;
    store.close()?;
    listing::of_copy(directory)
}

fn clock_set_back(directory: &Path) -> Result<String> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    let now = Arc::new(AtomicI64::new(1_700_000_000_123_456));
    let mut config = StoreConfig::new(directory);
    let clock = Arc::clone(&now);
    config.clock = Some(Arc::new(move || clock.load(Ordering::SeqCst)));
    let store = Store::open(config)?;
    let (order, cart) = (at("order:1", "shop")?, at("cart:7", "shop")?);
    for step in [0, 1_500, -9_000_000, 10, 20_000_000, -5] {
        now.fetch_add(step, Ordering::SeqCst);
        store.append(&order, PLACED, &json!(step))?;
        store.append(&cart, PLACED, &json!(step))?;
    }
    store.close()?;
    listing::of_copy(directory)
}

fn empty(directory: &Path) -> Result<String> {
    open(directory, 6000)?.close()?;
    listing::of_copy(directory)
}

fn newest_segment(directory: &Path) -> Result<std::path::PathBuf> {
    let mut newest = None;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "fbat")
        {
            newest = newest.max(Some(path));
        }
    }
    newest.context("there is no segment")
}
