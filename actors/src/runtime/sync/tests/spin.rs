//! The cap on threads that spin.

use crate::runtime::sync::spin::SpinCap;

#[test]
fn gives_out_as_many_permits_as_the_limit_and_takes_them_back() {
    let cap = SpinCap::new();
    let permits: Vec<_> = (0..cap.limit()).map(|_| cap.take().unwrap()).collect();
    assert!(cap.take().is_none());
    drop(permits);
    assert!(cap.take().is_some());
}

#[test]
fn leaves_half_of_the_cores_to_callers() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(SpinCap::of_process().limit(), (cores / 2).max(1));
}
