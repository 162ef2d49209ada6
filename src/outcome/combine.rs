//! One outcome out of several.

use super::split::{Split, Stop};
use super::{Outcome, OutcomeError};

/// Pairs the values of two outcomes.
///
/// Where one of them has no value, it is the result; of two without a value the more final one
/// is: `Err` before `Cancelled` before `Retry` before `Pending`, and the first where they are
/// equal. Two batches are paired item by item, up to the end of the shorter; a value goes with
/// every item of a batch.
///
/// ```
/// use batpak::outcome::{Outcome, zip};
///
/// assert_eq!(zip(Outcome::ok(1), Outcome::ok("a")), Outcome::ok((1, "a")));
/// let waits: Outcome<i32> = Outcome::retry(10, 1, 3, "busy");
/// assert!(zip(waits, Outcome::<()>::cancelled("no")).is_cancelled());
/// ```
pub fn zip<A: Clone, B: Clone>(a: Outcome<A>, b: Outcome<B>) -> Outcome<(A, B)> {
    match (Split::of(a), Split::of(b)) {
        (Split::Stop(a), Split::Stop(b)) => a.or_weightier(b).into_outcome(),
        (Split::Stop(stop), _) | (_, Split::Stop(stop)) => stop.into_outcome(),
        (Split::Value(a), Split::Value(b)) => Outcome::Ok((a, b)),
        (Split::Batch(a), Split::Batch(b)) => {
            let pairs = a.into_iter().zip(b);
            Outcome::Batch(pairs.map(|(a, b)| zip(a, b)).collect())
        }
        (Split::Batch(items), Split::Value(b)) => {
            let pairs = items.into_iter().map(|a| zip(a, Outcome::Ok(b.clone())));
            Outcome::Batch(pairs.collect())
        }
        (Split::Value(a), Split::Batch(items)) => {
            let pairs = items.into_iter().map(|b| zip(Outcome::Ok(a.clone()), b));
            Outcome::Batch(pairs.collect())
        }
    }
}

/// Gathers the values of all outcomes, in order; those of batches among the others.
///
/// The first outcome without a value is the result, whatever follows. No outcomes give no values.
///
/// ```
/// use batpak::outcome::{Outcome, join_all};
///
/// let batch = Outcome::Batch(vec![Outcome::ok(2), Outcome::ok(3)]);
/// assert_eq!(join_all(vec![Outcome::ok(1), batch]), Outcome::ok(vec![1, 2, 3]));
/// ```
pub fn join_all<T>(outcomes: Vec<Outcome<T>>) -> Outcome<Vec<T>> {
    let mut values = Vec::with_capacity(outcomes.len());
    match gather(outcomes, &mut values) {
        Ok(()) => Outcome::Ok(values),
        Err(stop) => stop.into_outcome(),
    }
}

/// Puts the values into `values` up to the first outcome that has none.
fn gather<T>(outcomes: Vec<Outcome<T>>, values: &mut Vec<T>) -> Result<(), Stop> {
    for outcome in outcomes {
        match Split::of(outcome) {
            Split::Value(value) => values.push(value),
            Split::Batch(items) => gather(items, values)?,
            Split::Stop(stop) => return Err(stop),
        }
    }
    Ok(())
}

/// Returns the first outcome that is no `Err`; if there is none, the last `Err`.
///
/// So an alternative that waits, may be tried again, was called off or is a batch counts as
/// found, and those behind it are not looked at. No outcomes give an `Err` of kind
/// [`ErrorKind::Internal`](super::ErrorKind::Internal).
///
/// ```
/// use batpak::outcome::{ErrorKind, Outcome, OutcomeError, join_any};
///
/// let failed = Outcome::err(OutcomeError::new(ErrorKind::Timeout, "no answer"));
/// assert_eq!(join_any(vec![failed, Outcome::ok(2), Outcome::ok(3)]), Outcome::ok(2));
/// ```
pub fn join_any<T>(outcomes: Vec<Outcome<T>>) -> Outcome<T> {
    let mut failed = OutcomeError::internal("join_any was given no outcomes");
    for outcome in outcomes {
        match outcome {
            Outcome::Err(error) => failed = error,
            found @ (Outcome::Ok(_)
            | Outcome::Retry { .. }
            | Outcome::Pending { .. }
            | Outcome::Cancelled { .. }
            | Outcome::Batch(_)) => return found,
        }
    }
    Outcome::Err(failed)
}
