//! Makes a failing world short.

use crate::property::{Property, Trial};
use crate::scenario::Scenario;
use std::time::{Duration, Instant};

/// Shrinking ends after so long.
const LIMIT: Duration = Duration::from_secs(20);

/// Returns the shortest form of a failing world that was found, with its failure and its trace;
/// none when the property's cases cannot be shrunk or the seed does not fail.
pub(crate) fn shrink(property: &Property, seed: u64) -> Option<(Scenario, String, Vec<String>)> {
    let Trial::World { scenario, .. } = &property.trial else {
        return None;
    };
    let as_drawn = scenario(seed);
    let fails_with = failure(&as_drawn)?;
    let (mut best, mut text) = dense(&as_drawn).unwrap_or((as_drawn, fails_with));
    let begun = Instant::now();
    let mut chunk = best.operations.len().div_ceil(2);
    while chunk > 0 && begun.elapsed() < LIMIT {
        let mut start = 0;
        let mut shorter = false;
        while start < best.operations.len() && begun.elapsed() < LIMIT {
            let mut tried = best.clone();
            let end = (start + chunk).min(tried.operations.len());
            tried.operations.drain(start..end);
            match failure(&tried) {
                Some(found) => {
                    best = tried;
                    text = found;
                    shorter = true;
                }
                None => start += chunk,
            }
        }
        if !shorter || chunk > 1 {
            chunk /= 2;
        }
    }
    let trace = best.run(true).trace;
    Some((best, text, trace))
}

/// Returns a failing form of a world in which crashes are looked at everywhere: without some
/// operations the draws of the others are different, and only then the failure is met again.
fn dense(scenario: &Scenario) -> Option<(Scenario, String)> {
    let mut dense = scenario.clone();
    if dense.policy.one_in > 0 {
        dense.policy.one_in = 1;
        dense.policy.at_once = dense.policy.at_once.max(4);
    }
    let text = failure(&dense)?;
    Some((dense, text))
}

fn failure(scenario: &Scenario) -> Option<String> {
    scenario.run(false).result.err()
}
