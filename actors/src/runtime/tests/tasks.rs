//! Tasks beside the actors.

use super::*;
use crate::runtime::{SystemOptions, TaskNext, TaskPanicked, channel};

/// Starts a puppet, stepped or on a thread, that answers what tasks ask.
fn systems() -> Vec<(Running, Address<Order>)> {
    let stepped = System::stepped(Arc::new(ManualClock::new(0)), 3);
    let threads = System::threads(SystemOptions::default());
    [stepped, threads]
        .into_iter()
        .map(|mut system| {
            let host = system.host("puppet");
            let journal = Journal::default();
            let address = system.spawn(host, spec("puppet", 4), move |_, _| {
                Ok(Puppet::new(&journal))
            });
            (system.start().unwrap(), address)
        })
        .collect()
}

#[test]
fn a_task_runs_once_for_each_wake_up_and_ends_when_nobody_can_wake_it() {
    for (running, address) in systems() {
        let (wake, woken) = channel::bounded(1);
        let calls = Journal::default();
        let noted = calls.clone();
        let task = running
            .spawn_task("task", woken, move || {
                let answer = address.ask(|to| Order::Echo(5, to)).unwrap().wait();
                noted.note(answer.unwrap());
                TaskNext::WaitForWake
            })
            .unwrap();
        wake.try_send(()).unwrap();
        drop(wake);
        assert_eq!(task.join(), Ok(()));
        assert_eq!(calls.entries(), ["5", "5"]);
    }
}

#[test]
fn a_task_that_asks_for_more_is_called_again_until_it_is_done() {
    for (running, _address) in systems() {
        let (_wake, woken) = channel::bounded(1);
        let mut left = 3;
        let task = running
            .spawn_task("task", woken, move || {
                left -= 1;
                if left == 0 {
                    TaskNext::Done
                } else {
                    TaskNext::Again
                }
            })
            .unwrap();
        assert_eq!(task.join(), Ok(()));
    }
}

#[test]
fn a_panic_of_a_task_is_its_own() {
    for (running, address) in systems() {
        let (_wake, woken) = channel::bounded(1);
        let task = running
            .spawn_task("task", woken, || panic!("as told"))
            .unwrap();
        assert_eq!(
            task.join(),
            Err(TaskPanicked {
                message: "as told".to_owned()
            })
        );
        assert_eq!(
            address.ask(|to| Order::Echo(1, to)).unwrap().wait(),
            Ok("1".to_owned())
        );
    }
}

#[test]
fn a_joined_task_has_released_what_it_captured() {
    for (running, _address) in systems() {
        let (_wake, woken) = channel::bounded(1);
        let captured = Arc::new(());
        let held = Arc::clone(&captured);
        let task = running
            .spawn_task("task", woken, move || {
                let _held = &held;
                TaskNext::Done
            })
            .unwrap();
        assert_eq!(task.join(), Ok(()));
        assert_eq!(Arc::strong_count(&captured), 1);
    }
}

#[test]
fn a_stepped_task_sleeps_without_being_runnable() {
    let mut systems = systems();
    let (running, _address) = systems.remove(0);
    let (wake, woken) = channel::bounded(1);
    let task = running
        .spawn_task("task", woken, || TaskNext::WaitForWake)
        .unwrap();
    while running.step() {}
    assert!(!task.is_finished());
    wake.try_send(()).unwrap();
    assert!(running.step());
    drop(wake);
    while running.step() {}
    assert!(task.is_finished());
}
