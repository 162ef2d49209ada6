//! Promises that were once broken, each with the shortest history that broke it.

use super::{Simulation, append, check};
use batpak_actors::engine::{Engine, EngineOptions};
use batpak_actors::error::StoreError;
use batpak_actors::protocol::{Append, AppendReceipt, Durability, Replay};
use batpak_actors::runtime::{Closed, Reply, System};
use batpak_actors::writer::SyncPolicy;
use batpak_log::Region;
use batpak_log::event::hash::payload_hash;
use batpak_log::fs::FsCall;
use std::io::ErrorKind;
use std::sync::Arc;

const SEGMENT: &str = "000001.fbat";

type Answer = Result<Result<AppendReceipt, StoreError>, Closed>;

fn ask(engine: &Engine, append: Append) -> Reply<Result<AppendReceipt, StoreError>> {
    engine.handle().append(append).unwrap()
}

fn stored(engine: &Engine, number: u128) -> AppendReceipt {
    ask(engine, append(number)).wait().unwrap().unwrap()
}

fn always(number: u128) -> Append {
    Append {
        durability: Durability::Always,
        ..append(number)
    }
}

/// Opens with everything relaxed, so that nothing is synced unless it is asked for.
fn open_relaxed(simulation: &Simulation) -> Engine {
    let sync = SyncPolicy {
        every_n_events: 1000,
        max_delay_us: u64::MAX / 4,
        sync_all: false,
    };
    let options = EngineOptions {
        sync,
        segment_max_bytes: 1_000_000,
        ..simulation.options()
    };
    let system = System::stepped(Arc::clone(&simulation.clock), simulation.seed);
    Engine::open_on(system, &options).unwrap()
}

fn is_unknown(answer: &Answer) -> bool {
    matches!(
        answer,
        Ok(Err(StoreError::FateUnknown { .. })) | Err(Closed)
    )
}

#[test]
fn a_sync_and_a_close_behind_replays_are_answered() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    let replay = ask(&engine, append(1));
    let sync = engine.handle().sync().unwrap();
    assert_eq!(
        replay.wait().unwrap().unwrap().replay,
        Some(Replay::SameEvent)
    );
    sync.wait().unwrap().unwrap();
    let replay = ask(&engine, append(1));
    engine.close(None).unwrap();
    replay.wait().unwrap().unwrap();
}

#[test]
fn a_reader_beside_a_writer_skips_no_sequence() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    // A group that is half written just now.
    let mut bytes = simulation.memory.bytes(SEGMENT).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last + 1] = 7;
    simulation.memory.set_bytes(SEGMENT, bytes);
    let system = System::stepped(Arc::clone(&simulation.clock), 1);
    let reader = Engine::open_read_only_on(system, &simulation.options()).unwrap();
    assert_eq!(reader.handle().reader().view().visible(), 1);
}

#[test]
fn a_replay_at_always_is_not_answered_when_its_sync_fails() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    simulation
        .memory
        .fail_next(FsCall::SyncData, ErrorKind::Other);
    let answer = ask(&engine, always(1)).wait();
    assert!(is_unknown(&answer), "{answer:?}");
}

#[test]
fn a_replay_at_always_beside_a_full_disk_waits_for_its_sync() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    simulation
        .memory
        .fail_next(FsCall::WriteAt, ErrorKind::StorageFull);
    simulation
        .memory
        .fail_next(FsCall::SyncData, ErrorKind::Other);
    let new = ask(&engine, append(2));
    let replay = ask(&engine, always(1));
    // Until the cutting is durable, a power cut may bring back what was cut off.
    for answer in [new.wait(), replay.wait()] {
        assert!(is_unknown(&answer), "{answer:?}");
    }
}

#[test]
fn a_conflict_with_an_event_that_came_to_nothing_is_no_conflict() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    simulation
        .memory
        .fail_next(FsCall::WriteAt, ErrorKind::StorageFull);
    let new = ask(&engine, append(2));
    let payload = vec![0xc2];
    let other = Append {
        payload_hash: payload_hash(&payload),
        payload,
        ..append(2)
    };
    let conflict = ask(&engine, other);
    for answer in [new.wait(), conflict.wait()] {
        assert!(
            matches!(answer, Ok(Err(StoreError::StorageFull { .. }))),
            "{answer:?}"
        );
    }
}

#[test]
fn a_restarted_writer_leaves_damage_as_it_found_it() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    for number in 1..=5 {
        stored(&engine, number);
    }
    engine.handle().sync().unwrap().wait().unwrap().unwrap();
    simulation.memory.corrupt(SEGMENT, 300, 1).unwrap();
    let before = simulation.memory.bytes(SEGMENT).unwrap();
    engine.panic_for_test("writer");
    let answer = engine.handle().append(append(6));
    let answer = answer.and_then(|reply| reply.wait().unwrap());
    assert!(
        matches!(answer, Err(StoreError::Poisoned { .. })),
        "{answer:?}"
    );
    assert_eq!(
        simulation.memory.bytes(SEGMENT).unwrap(),
        before,
        "the evidence is untouched"
    );
}

#[test]
fn a_stored_key_whose_event_cannot_be_read_is_never_called_not_written() {
    let simulation = Simulation::new(1);
    let engine = open_relaxed(&simulation);
    stored(&engine, 1);
    engine.close(None).unwrap();
    let engine = open_relaxed(&simulation);
    stored(&engine, 2);
    simulation.memory.fail_next(FsCall::Open, ErrorKind::Other);
    let error = ask(&engine, append(1)).wait().unwrap().unwrap_err();
    assert!(!error.certainly_not_written(), "{error}");
}

#[test]
fn a_broker_that_has_ended_ends_its_subscriptions() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    let subscribed = engine.handle().subscribe(&Region::all(), 10).unwrap();
    for _ in 0..=1000 {
        engine.panic_for_test("broker");
        while engine.step() {}
    }
    let ended = engine
        .health()
        .into_iter()
        .any(|actor| actor.name == "broker" && !actor.alive);
    assert!(ended);
    assert!(
        subscribed.receiver.recv().is_err(),
        "the subscription has ended, it does not hang"
    );
}

#[test]
fn unsubscribing_twice_ends_nobody_else() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    let first = engine.handle().watch(&Region::all()).unwrap();
    engine.handle().unsubscribe(first.subscriber);
    let second = engine.handle().watch(&Region::all()).unwrap();
    engine.handle().unsubscribe(first.subscriber);
    stored(&engine, 1);
    assert_eq!(second.receiver.try_recv(), Ok(()));
}

#[test]
fn a_crash_over_closing_does_not_keep_the_store_from_closing() {
    for seed in 0..40 {
        let simulation = Simulation::new(seed);
        let engine = simulation.open();
        for number in 1..=9 {
            stored(&engine, number);
        }
        simulation.countdown.arm(i64::try_from(seed).unwrap());
        engine.close(None).unwrap();
        simulation.countdown.disarm();
        check(&simulation.open(), &(1..=9).collect::<Vec<_>>(), seed);
    }
}
