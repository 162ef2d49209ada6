//! Every value that makes no sense is refused, naming its field; every default is as documented.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{Placement, Waiting};
use std::sync::Arc;

const MEBIBYTE: u32 = 1024 * 1024;

/// A queue reserves its room at once: what no machine has must not end the process.
const CAPACITIES: [(bool, usize); 6] = [
    (true, 0),
    (false, 1),
    (false, 1 << 20),
    (true, (1 << 20) + 1),
    (true, 1 << 40),
    (true, usize::MAX),
];

fn check(refused: bool, field: &str, set: impl Fn(StoreConfig) -> StoreConfig) {
    let directory = temporary();
    let fresh = directory.path().join("store");
    match Store::open(set(StoreConfig::new(&fresh))) {
        Ok(store) => {
            assert!(!refused, "{field}: opened");
            let subscription = store.subscribe_lossy(&Region::all());
            append_numbers(&store, "a", 0..2);
            assert_eq!(subscription.recv().unwrap().sequence, 0, "{field}");
            store.close().unwrap();
        }
        Err(StoreError::Configuration(text)) => {
            assert!(refused, "{field}: {text}");
            assert!(text.contains(field), "{field} is not named: {text}");
            assert!(!fresh.exists(), "a refused configuration creates nothing");
            let error = Store::open_read_only(set(StoreConfig::new(&fresh))).unwrap_err();
            assert!(matches!(error, StoreError::Configuration(_)), "{error}");
        }
        Err(error) => panic!("{field}: {error}"),
    }
}

#[test]
fn segments_files_and_subscribers() {
    for (refused, value) in [(true, 0), (false, 1), (false, u64::MAX)] {
        check(refused, "segment_max_bytes", |config| {
            config.with_segment_max_bytes(value)
        });
    }
    for (refused, value) in [(true, 0), (false, 1), (false, usize::MAX)] {
        check(refused, "fd_budget", |config| config.with_fd_budget(value));
    }
    for (refused, value) in CAPACITIES {
        check(refused, "broadcast_capacity", |config| {
            config.with_broadcast_capacity(value)
        });
    }
}

#[test]
fn single_appends_and_batches() {
    let limits = [
        (true, 0),
        (false, 16),
        (false, 64 * MEBIBYTE),
        (true, 64 * MEBIBYTE + 1),
    ];
    for (refused, value) in limits.into_iter().chain([(true, u32::MAX)]) {
        let set = |config: StoreConfig| config.with_single_append_max_bytes(value);
        check(refused, "single_append_max_bytes", set);
    }
    for (refused, value) in [(true, 0), (false, 1), (false, 4096), (true, 4097)] {
        check(refused, "batch.max_size", |config| {
            config.with_batch_max_size(value)
        });
    }
    let limits = [
        (true, 0),
        (false, 1),
        (false, 16 * MEBIBYTE),
        (true, 16 * MEBIBYTE + 1),
    ];
    for (refused, value) in limits {
        check(refused, "batch.max_bytes", |config| {
            config.with_batch_max_bytes(value)
        });
    }
}

#[test]
fn the_writer() {
    for (refused, value) in CAPACITIES {
        let set = |config: StoreConfig| config.with_writer_channel_capacity(value);
        check(refused, "writer.channel_capacity", set);
    }
    for (refused, value) in [
        (true, 0),
        (false, 1),
        (false, 100),
        (true, 101),
        (true, 255),
    ] {
        let set = |config: StoreConfig| config.with_writer_pressure_retry_threshold_pct(value);
        check(refused, "writer.pressure_retry_threshold_pct", set);
    }
    check(true, "data_dir", |config| StoreConfig {
        data_dir: "".into(),
        ..config
    });
}

#[test]
fn what_is_accepted_as_it_is() {
    for every_n in [0, 1, u32::MAX] {
        check(false, "sync.every_n_events", |config| {
            config.with_sync_every_n_events(every_n)
        });
    }
    for delay in [0, 1, u64::MAX] {
        check(false, "sync.max_delay_ms", |config| {
            config.with_sync_max_delay_ms(delay)
        });
    }
    for mode in [SyncMode::SyncAll, SyncMode::SyncData] {
        check(false, "sync.mode", |config| config.with_sync_mode(mode));
    }
    for stack in [None, Some(0), Some(1), Some(256 * 1024)] {
        check(false, "writer.stack_size", |config| {
            config.with_writer_stack_size(stack)
        });
    }
    check(false, "writer.placement", |config| {
        config.with_placement(Placement::ThreadEach)
    });
    for limit in [0, usize::MAX] {
        check(false, "writer.shutdown_drain_limit", |config| {
            config.with_shutdown_drain_limit(limit)
        });
    }
    for cache_bytes in [0, 1, u64::MAX] {
        check(false, "cache_bytes", |config| {
            config.with_cache_bytes(cache_bytes)
        });
    }
    for now in [i64::MIN, -1, 0, i64::MAX] {
        check(false, "clock", |config| {
            config.with_clock(Some(Arc::new(move || now)))
        });
    }
    check(false, "index", |config| {
        config
            .with_enable_checkpoint(false)
            .with_incremental_projection(true)
    });
}

#[test]
fn every_default() {
    let config = StoreConfig::new("somewhere");
    assert_eq!(config.data_dir, std::path::Path::new("somewhere"));
    assert_eq!(config.segment_max_bytes, 256 * 1024 * 1024);
    assert_eq!((config.fd_budget, config.broadcast_capacity), (64, 8192));
    assert_eq!(config.single_append_max_bytes, 16 * MEBIBYTE);
    assert!(config.clock.is_none());
    let BatchConfig {
        max_size,
        max_bytes,
        group_commit_max_batch,
    } = config.batch;
    assert_eq!(
        (max_size, max_bytes, group_commit_max_batch),
        (256, MEBIBYTE, 1)
    );
    let writer = config.writer;
    assert_eq!(
        (writer.channel_capacity, writer.pressure_retry_threshold_pct),
        (4096, 75)
    );
    assert_eq!((writer.stack_size, writer.reply_timeout), (None, None));
    assert_eq!(writer.restart_policy, RestartPolicy::Once);
    assert_eq!(writer.shutdown_drain_limit, 1024);
    assert_eq!(writer.waiting, Waiting::default());
    assert_eq!(writer.placement, Placement::Shared);
    let SyncConfig {
        mode,
        every_n_events,
        max_delay_ms,
    } = config.sync;
    assert_eq!(
        (mode, every_n_events, max_delay_ms),
        (SyncMode::SyncAll, 1000, 1000)
    );
    let index = config.index;
    assert_eq!(
        (index.layout, index.views),
        (IndexLayout::AoS, ViewConfig::all())
    );
    assert!(!index.incremental_projection && index.enable_checkpoint && index.enable_mmap_index);
}

#[test]
fn diagnostics_tell_what_was_configured() {
    let directory = temporary();
    let policy = RestartPolicy::Bounded {
        max_restarts: 3,
        within_ms: 9,
    };
    let config = config(directory.path())
        .with_fd_budget(7)
        .with_writer_channel_capacity(11)
        .with_restart_policy(policy.clone());
    let store = Store::open(config).unwrap();
    append_numbers(&store, "a", 0..3);
    let told = store.diagnostics();
    assert_eq!(told.data_dir, directory.path());
    assert_eq!((told.segment_max_bytes, told.fd_budget), (64 * 1024, 7));
    assert_eq!(told.restart_policy, policy);
    assert_eq!(
        (
            told.event_count,
            told.global_sequence,
            told.visible_sequence
        ),
        (3, 3, 3)
    );
    assert_eq!(store.writer_pressure().capacity, 11);
    assert!(store.writer_pressure().is_idle());
    let names: Vec<_> = told.actors.iter().map(|health| health.name).collect();
    assert_eq!(
        names,
        ["writer", "roller", "indexer", "broker", "checkpointer"]
    );
    assert!(
        told.actors
            .iter()
            .all(|health| health.alive && health.last_fault.is_none())
    );
    assert!(!told.recovery.unclean && told.read_fault.is_none());
}
