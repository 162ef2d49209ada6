//! The whole engine stepped on one thread over an in-memory disk: the same actors, every order of
//! their steps chosen by a seed.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod faults;
mod panicking_fs;
mod promises;

use std::collections::VecDeque;
use std::sync::Arc;

use batpak_actors::engine::{Engine, EngineOptions, Placement};
use batpak_actors::error::StoreError;
use batpak_actors::faults::Faults;
use batpak_actors::indexing::IndexPolicy;
use batpak_actors::protocol::{Append, Durability, Expectation};
use batpak_actors::reader::ReaderOptions;
use batpak_actors::runtime::{ManualClock, RestartPolicy, System, Waiting};
use batpak_actors::verify::verify;
use batpak_actors::writer::SyncPolicy;
use batpak_log::event::hash::payload_hash;
use batpak_log::fs::{Fs, MemoryFs};
use batpak_log::{Coordinate, EventKind, Region};
use panicking_fs::{Countdown, PanickingFs};

const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];

struct Simulation {
    memory: MemoryFs,
    fs: Arc<dyn Fs>,
    countdown: Countdown,
    clock: Arc<ManualClock>,
    seed: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let countdown = Countdown::new();
        let inner = MemoryFs::new().with_boot_id(Some([1; 16]));
        let fs = Arc::new(PanickingFs {
            inner: inner.clone(),
            countdown: countdown.clone(),
        });
        Self {
            memory: inner,
            fs,
            countdown,
            clock: Arc::new(ManualClock::new(0)),
            seed,
        }
    }

    fn options(&self) -> EngineOptions {
        EngineOptions {
            fs: Arc::clone(&self.fs),
            directory: "memory".into(),
            clock: self.clock.clone(),
            new_store_id: [9; 16],
            segment_max_bytes: 2000,
            reader: ReaderOptions {
                fd_budget: 4,
                cache_bytes: 64 * 1024,
            },
            index: IndexPolicy {
                every_events: 12,
                every_bytes: 64 * 1024,
                at_close_events: 4,
                merged_runs: 3,
            },
            writer_capacity: 8,
            stack_size: None,
            restart_policy: RestartPolicy::Bounded {
                max_restarts: 1000,
                within_ms: 1000,
            },
            sync: SyncPolicy {
                every_n_events: 5,
                max_delay_us: 1_000_000,
                sync_all: false,
            },
            checkpoints: true,
            checkpoint_every_events: 10,
            room_limit: None,
            waiting: Waiting::Park,
            placement: Placement::Shared,
            faults: Faults::default(),
        }
    }

    fn open(&self) -> Engine {
        let system = System::stepped(Arc::clone(&self.clock), self.seed);
        Engine::open_on(system, &self.options()).unwrap()
    }
}

fn append(number: u128) -> Append {
    let payload = rmp_payload(number);
    Append {
        event_id: number,
        keyed: true,
        strict: true,
        coordinate: Coordinate::new(format!("entity:{}", number % 3), "scope").unwrap(),
        kind: EventKind::DATA,
        flags: 0,
        correlation_id: number,
        causation_id: None,
        expectation: Expectation::Any,
        durability: Durability::Configured,
        proposed_wall_us: 0,
        payload_hash: payload_hash(&payload),
        payload,
    }
}

fn rmp_payload(number: u128) -> Vec<u8> {
    let mut payload = vec![0xc4, 16];
    payload.extend_from_slice(&number.to_be_bytes());
    payload
}

fn check(engine: &Engine, expected: &[u128], seed: u64) {
    let reader = engine.handle().reader();
    let stored: Vec<u128> = reader
        .events(&Region::all(), 0)
        .map(|entry| entry.unwrap().event_id)
        .collect();
    // An append that was asked again after a crash may stand behind its successors.
    assert_eq!(sorted(stored), expected, "seed {seed}");
    let verified = verify(reader, &mut |_| {}).unwrap();
    assert_eq!(verified.first_bad, None, "seed {seed}");
    for id in expected {
        assert_eq!(
            reader.get(*id).unwrap().event.payload,
            rmp_payload(*id),
            "seed {seed}"
        );
    }
}

/// Appends `count` numbers behind `expected`, several under way at a time, while actors panic at
/// their messages and in the middle of their calls to the disk; a closed reply is asked again.
fn append_through_panics(
    simulation: &Simulation,
    engine: &Engine,
    random: &mut fastrand::Rng,
    expected: &mut Vec<u128>,
    count: u128,
) -> usize {
    let first = expected.len() as u128 + 1;
    let ask = |number| engine.handle().append(append(number)).unwrap();
    let mut under_way: VecDeque<_> = VecDeque::new();
    let mut retries = 0;
    for number in first..first + count {
        if random.u8(..) < 40 {
            engine.panic_for_test(ACTORS[random.usize(..ACTORS.len())]);
        }
        if random.u8(..) < 60 {
            simulation.countdown.arm(random.i64(0..30));
        }
        under_way.push_back((number, ask(number)));
        while under_way.len() > random.usize(1..5) || number + 1 == first + count {
            let Some((number, mut reply)) = under_way.pop_front() else {
                break;
            };
            loop {
                match reply.wait() {
                    Ok(answer) => {
                        let receipt = answer
                            .unwrap_or_else(|error| panic!("{error}: {:#?}", engine.health()));
                        assert_eq!(receipt.event_id, number);
                        break;
                    }
                    Err(_) => {
                        retries += 1;
                        reply = ask(number);
                    }
                }
            }
            expected.push(number);
        }
    }
    simulation.countdown.disarm();
    retries
}

#[test]
fn every_actor_may_crash_at_any_step_and_a_retry_settles_it() {
    let mut retries = 0;
    for seed in seeds(300) {
        eprintln!("seed {seed}");
        let simulation = Simulation::new(seed);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut expected = Vec::new();
        for _session in 0..3 {
            let engine = simulation.open();
            let subscribed = engine.handle().subscribe(&Region::all(), 1000).unwrap();
            let before = expected.len();
            retries += append_through_panics(&simulation, &engine, &mut random, &mut expected, 30);
            check(&engine, &expected, seed);
            let told: Vec<u128> = subscribed
                .receiver
                .try_iter()
                .map(|notification| notification.event_id)
                .collect();
            assert_eq!(sorted(told), expected[before..], "each is announced once");
            engine.close(None).unwrap();
        }
        check(&simulation.open(), &expected, seed);
    }
    assert!(retries > 0, "some crash must have left a fate open");
}

/// Returns the seed that the environment names, or so many.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("BATPAK_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..count).collect(),
    }
}

fn sorted(mut numbers: Vec<u128>) -> Vec<u128> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_batch_is_visible_whole_or_not_at_all_between_any_two_steps() {
    for seed in 0..100 {
        let simulation = Simulation::new(seed);
        let engine = simulation.open();
        let reader = Arc::clone(engine.handle().reader());
        for batch in 0..10_u128 {
            let items = (1..=7).map(|item| append(batch * 7 + item)).collect();
            let reply = engine.handle().append_batch(items).unwrap();
            while reply.try_take().is_none() {
                assert_eq!(
                    reader.events(&Region::all(), 0).count() % 7,
                    0,
                    "seed {seed}"
                );
                assert!(
                    engine.step(),
                    "seed {seed}: nothing runs and nobody was answered"
                );
            }
            assert_eq!(u128::from(reader.view().event_count()), (batch + 1) * 7);
        }
        engine.close(None).unwrap();
    }
}

#[test]
fn a_spent_budget_refuses_what_comes_and_still_closes() {
    for (actor, seed) in ACTORS.into_iter().zip(0..) {
        let simulation = Simulation::new(seed);
        let options = EngineOptions {
            restart_policy: RestartPolicy::Once,
            ..simulation.options()
        };
        let system = System::stepped(Arc::clone(&simulation.clock), seed);
        let engine = Engine::open_on(system, &options).unwrap();
        engine
            .handle()
            .append(append(1))
            .unwrap()
            .wait()
            .unwrap()
            .unwrap();
        engine.panic_for_test(actor);
        engine.panic_for_test(actor);
        while engine.step() {}
        let health = engine.health();
        let ended = health.iter().find(|health| health.name == actor).unwrap();
        assert!(!ended.alive, "{health:?}");
        let answer = engine.handle().append(append(2));
        let answer =
            answer.and_then(|reply| reply.wait().unwrap_or(Err(StoreError::WriterCrashed)));
        match actor {
            "writer" => assert!(
                matches!(answer, Err(StoreError::ActorEnded { .. })),
                "{answer:?}"
            ),
            "indexer" => assert!(answer.is_err(), "{answer:?}"),
            _ => assert!(answer.is_ok(), "{actor}: {answer:?}"),
        }
        // Ending reports what had ended before, and ends everything else all the same.
        let _ = engine.close(None);
        let reopened = simulation.open();
        assert!(reopened.handle().reader().find(1).unwrap().is_some());
    }
}
