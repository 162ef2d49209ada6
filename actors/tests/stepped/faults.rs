//! A disk that refuses a call: what was not written says so, what may have been says that, and the
//! store goes on where it can.

use super::{Simulation, append, check};
use batpak_actors::engine::Engine;
use batpak_actors::error::StoreError;
use batpak_actors::protocol::{Append, AppendReceipt, Durability};
use batpak_log::fs::FsCall;
use std::io::ErrorKind;

fn answer(engine: &Engine, append: Append) -> Result<AppendReceipt, StoreError> {
    let asked = engine.handle().append(append)?;
    asked.wait().unwrap_or(Err(StoreError::WriterCrashed))
}

fn durable(number: u128) -> Append {
    Append {
        durability: Durability::Always,
        ..append(number)
    }
}

#[test]
fn a_full_disk_refuses_an_append_and_the_next_one_goes_through() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    answer(&engine, append(1)).unwrap();
    for refused in [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::FileTooLarge,
    ] {
        simulation.memory.fail_next(FsCall::WriteAt, refused);
        let error = answer(&engine, append(2)).unwrap_err();
        assert!(matches!(error, StoreError::StorageFull { .. }), "{error}");
        assert!(error.certainly_not_written() && error.is_retryable());
    }
    let receipt = answer(&engine, append(2)).unwrap();
    assert_eq!(
        receipt.replay, None,
        "nothing of the refused tries was kept"
    );
    // The entity's clock and the sequence were given back with the refused group.
    assert_eq!(
        (
            receipt.sequence,
            answer(&engine, append(3)).unwrap().sequence
        ),
        (1, 2)
    );
    check(&engine, &[1, 2, 3], 1);
    engine.close(None).unwrap();
    check(&simulation.open(), &[1, 2, 3], 1);
}

#[test]
fn no_space_for_the_next_segment_refuses_and_the_store_goes_on() {
    let calls = [FsCall::CreateNew, FsCall::Allocate, FsCall::SyncAll];
    for call in calls {
        let simulation = Simulation::new(1);
        let engine = simulation.open();
        simulation.memory.fail_next(call, ErrorKind::StorageFull);
        let error = answer(&engine, append(1)).unwrap_err();
        assert!(
            matches!(error, StoreError::StorageFull { .. }),
            "{call:?}: {error}"
        );
        answer(&engine, append(1)).unwrap();
        engine.close(None).unwrap();
        check(&simulation.open(), &[1], 1);
    }
}

#[test]
fn a_failed_sync_is_not_acknowledged_and_poisons_for_good() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    answer(&engine, durable(1)).unwrap();
    simulation
        .memory
        .fail_next(FsCall::SyncData, ErrorKind::Other);
    let error = answer(&engine, durable(2)).unwrap_err();
    assert!(matches!(error, StoreError::FateUnknown { .. }), "{error}");
    assert!(!error.certainly_not_written());
    for number in 3..6 {
        let error = answer(&engine, append(number)).unwrap_err();
        assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
        assert!(error.certainly_not_written());
    }
    assert!(
        engine.handle().reader().get(1).is_ok(),
        "reads of what is durable go on"
    );
    assert!(engine.close(None).is_err());
    let engine = simulation.open();
    assert!(engine.report().unclean);
    let skipped = answer(&engine, durable(2)).unwrap();
    // The sequence of a poisoned tail may have been read by somebody: it is not given out again.
    assert!(
        skipped.replay.is_some() || skipped.sequence > 1_000_000,
        "{skipped:?}"
    );
    check(&engine, &[1, 2], 1);
}

#[test]
fn a_failed_sync_behind_the_writers_back_poisons_before_the_bound_is_passed() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    simulation
        .memory
        .fail_next(FsCall::SyncData, ErrorKind::Other);
    // Every five events must be durable before the next is acknowledged.
    let answers: Vec<_> = (1..=20)
        .map(|number| answer(&engine, append(number)))
        .collect();
    let acknowledged = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert!(
        (1..=5).contains(&acknowledged),
        "{acknowledged} were acknowledged"
    );
    assert!(answers.iter().skip(acknowledged).all(Result::is_err));
    assert!(matches!(
        answers.last(),
        Some(Err(StoreError::Poisoned { .. }))
    ));
}

#[test]
fn a_write_that_cannot_be_cut_back_poisons() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    answer(&engine, append(1)).unwrap();
    simulation
        .memory
        .fail_next(FsCall::WriteAt, ErrorKind::Other);
    simulation
        .memory
        .fail_next(FsCall::Truncate, ErrorKind::Other);
    let error = answer(&engine, append(2)).unwrap_err();
    assert!(matches!(error, StoreError::FateUnknown { .. }), "{error}");
    let error = answer(&engine, append(2)).unwrap_err();
    assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
    drop(engine.close(None));
    let engine = simulation.open();
    answer(&engine, append(2)).unwrap();
    check(&engine, &[1, 2], 1);
}

#[test]
fn a_time_bound_syncs_what_nobody_adds_to() {
    let simulation = Simulation::new(1);
    let engine = simulation.open();
    answer(&engine, append(1)).unwrap();
    simulation
        .memory
        .fail_next(FsCall::SyncData, ErrorKind::Other);
    simulation.clock.advance(1_000_000);
    while engine.step() {}
    let error = answer(&engine, append(2)).unwrap_err();
    assert!(
        matches!(error, StoreError::Poisoned { .. }),
        "the timer's sync was made: {error}"
    );
}
