//! A service that takes orders while its store's actors crash under it.
//!
//! Threads record orders, a subscriber and a cursor worker follow along, and something goes wrong
//! inside the store many times a second. A table shows how the actors fare; at the end every
//! acknowledged order is found exactly once, and every hash holds.
//!
//! Run it with `cargo run --release --example supervised_service -- --seconds 10`; without the
//! option it serves for three seconds.

use batpak::prelude::*;
use batpak::store::ActorHealth;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PLACED: EventKind = EventKind::custom(0x1, 1);
const TILLS: u64 = 3;
const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];
const TABLE_EVERY: Duration = Duration::from_millis(500);
const FAULT_EVERY: Duration = Duration::from_millis(5);

/// What everybody in the service counts.
#[derive(Default)]
struct Tally {
    closing_time: AtomicBool,
    acknowledged: AtomicU64,
    retried: AtomicU64,
    notified: AtomicU64,
    followed: AtomicU64,
    faults: AtomicU64,
}

impl Tally {
    fn is_open(&self) -> bool {
        !self.closing_time.load(Ordering::Acquire)
    }
}

/// One thread that takes orders; returns the keys of those that were acknowledged.
fn take_orders(store: &Store, till: u64, tally: &Tally) -> Result<Vec<u128>, StoreError> {
    let till_name = Coordinate::new(format!("till:{till}"), "shop")?;
    let mut acknowledged = Vec::new();
    for order in 1u64.. {
        if !tally.is_open() {
            break;
        }
        // The key makes the append safe to repeat: it stands for this order and no other.
        let key = u128::from(till + 1) << 64 | u128::from(order);
        let options = AppendOptions::new().with_idempotency(key);
        let payload = serde_json::json!({"order": order, "item": "tea"});
        loop {
            match store.append_with_options(&till_name, PLACED, &payload, options) {
                Ok(receipt) => {
                    acknowledged.push(receipt.event_id);
                    tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                // The actor that had the order in hand has crashed, so its fate is open. Asking
                // again with the same key settles it.
                Err(error) if error.is_retryable() => {
                    tally.retried.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(acknowledged)
}

/// Lets one actor after the other crash, as a bug would.
fn make_trouble(store: &Store, tally: &Tally) {
    for actor in ACTORS.iter().cycle() {
        if !tally.is_open() {
            return;
        }
        store.panic_actor_for_test(actor);
        tally.faults.fetch_add(1, Ordering::Relaxed);
        thread::sleep(FAULT_EVERY);
    }
}

fn print_table(elapsed: Duration, actors: &[ActorHealth], tally: &Tally) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "\nafter {:.1} s: {} orders acknowledged, {} retries, {} notified, {} followed",
        elapsed.as_secs_f64(),
        count(&tally.acknowledged),
        count(&tally.retried),
        count(&tally.notified),
        count(&tally.followed),
    );
    println!(
        "  {:<13} {:<6} {:>8} {:>8}  last fault",
        "actor", "alive", "restarts", "mailbox"
    );
    for actor in actors {
        println!(
            "  {:<13} {:<6} {:>8} {:>8}  {}",
            actor.name,
            if actor.alive { "yes" } else { "no" },
            actor.restarts,
            format!("{}/{}", actor.mailbox_depth, actor.mailbox_capacity),
            actor.last_fault.as_deref().unwrap_or("-"),
        );
    }
}

/// Serves for so long, and returns the keys of the orders that were acknowledged.
fn serve(store: Store, time: Duration) -> Result<Vec<u128>, Box<dyn Error>> {
    let store = Arc::new(store);
    let tally = Arc::new(Tally::default());
    let counting = Arc::clone(&tally);
    let config = CursorWorkerConfig::default();
    let follower = store.cursor_worker(&Region::scope("shop"), config, move |batch, _| {
        counting
            .followed
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        CursorWorkerAction::Continue
    })?;
    let subscription = store.subscribe_lossy(&Region::scope("shop"));
    let counting = Arc::clone(&tally);
    let subscriber = thread::spawn(move || {
        loop {
            match subscription.recv_or_end() {
                Ok(_) => counting.notified.fetch_add(1, Ordering::Relaxed),
                Err(end) => return (end, subscription.lost()),
            };
        }
    });

    let acknowledged = thread::scope(|scope| {
        let (store, tally) = (&*store, &*tally);
        let tills: Vec<_> = (0..TILLS)
            .map(|till| scope.spawn(move || take_orders(store, till, tally)))
            .collect();
        scope.spawn(|| make_trouble(store, tally));
        let begun = Instant::now();
        while begun.elapsed() < time {
            thread::sleep(TABLE_EVERY.min(time - begun.elapsed().min(time)));
            print_table(begun.elapsed(), &store.diagnostics().actors, tally);
        }
        tally.closing_time.store(true, Ordering::Release);
        let taken = tills
            .into_iter()
            .map(|till| till.join().expect("a till panicked"));
        taken.collect::<Result<Vec<_>, _>>()
    })?;

    let faults = tally.faults.load(Ordering::Relaxed);
    let store = Arc::into_inner(store).ok_or("somebody still holds the store")?;
    store.close()?;
    follower.join()?;
    let (end, lost) = subscriber.join().map_err(|_| "the subscriber panicked")?;
    println!("\n{faults} faults; the subscription has ended: {end}; it lost {lost} notifications");
    Ok(acknowledged.concat())
}

/// Opens the store again and finds each acknowledged order in it exactly once.
fn prove(config: StoreConfig, acknowledged: &[u128]) -> Result<(), Box<dyn Error>> {
    let store = Store::open(config)?;
    let mut stored: HashMap<u128, usize> = HashMap::new();
    for entry in store.query(&Region::scope("shop")) {
        *stored.entry(entry.event_id).or_default() += 1;
    }
    let once = acknowledged
        .iter()
        .filter(|key| stored.get(key) == Some(&1))
        .count();
    let verified = store.verify()?;
    store.close()?;
    println!(
        "{once} of {} acknowledged orders are stored exactly once; {} events stored, {}",
        acknowledged.len(),
        verified.events,
        match &verified.first_bad {
            None => "every hash holds".to_owned(),
            Some(bad) => format!("the first bad one is {bad:?}"),
        }
    );
    let sound = once == acknowledged.len() && stored.len() == once && verified.first_bad.is_none();
    if sound {
        Ok(())
    } else {
        Err("the store broke its promise".into())
    }
}

fn seconds_to_serve() -> Result<Duration, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Duration::from_secs(3)),
        ["--seconds", seconds] => Ok(Duration::from_secs(seconds.parse()?)),
        _ => Err("usage: supervised_service [--seconds N]".into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let time = seconds_to_serve()?;
    // The crashes are wanted here, and the table tells of them; whatever else panics is told.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<&str>();
        let wanted = text.is_some_and(|text| text.starts_with("a test asked"));
        if !wanted {
            tell(panic);
        }
    }));
    let directory = tempfile::tempdir()?;
    let config = StoreConfig::new(directory.path()).with_restart_policy(RestartPolicy::Bounded {
        max_restarts: 100,
        within_ms: 1000,
    });
    let acknowledged = serve(Store::open(config.clone())?, time)?;
    prove(config, &acknowledged)
}
