//! Faults by chance, which a seed brings back.

use super::countdown::Filter;
use super::{CountdownAction, FaultInjector, InjectionPoint};
use crate::error::StoreError;
use crate::runtime::Counter;
use std::fmt;

/// Acts at each point with a probability.
///
/// The chance at the nth point follows from the seed and n alone, so that the same workload meets
/// the same faults again.
pub struct ProbabilisticInjector {
    probability: f64,
    seed: u64,
    passed: Counter,
    filter: Option<Filter>,
    action: CountdownAction,
}

impl ProbabilisticInjector {
    /// Returns an injector that acts with this probability, 0 to 1; the seed is drawn, and traced
    /// so that a failure can be brought back with [`seeded`](Self::seeded).
    ///
    /// Another probability is refused when a store is opened with it.
    pub fn new(probability: f64, action: CountdownAction) -> Self {
        let seed = fastrand::u64(..);
        tracing::info!(seed, probability, "faults are drawn with this seed");
        Self::seeded(probability, action, seed)
    }

    /// As [`new`](Self::new), with a seed.
    pub fn seeded(probability: f64, action: CountdownAction, seed: u64) -> Self {
        Self {
            probability,
            seed,
            passed: Counter::new(0),
            filter: None,
            action,
        }
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Acts, and draws, only at the points that `filter` chooses.
    pub fn with_filter<F>(mut self, filter: F) -> Self
    where
        F: Fn(InjectionPoint) -> bool + Send + Sync + 'static,
    {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Returns the chance of the nth point, at least 0 and below 1.
    fn chance(&self, nth: u64) -> f64 {
        // An odd factor spreads neighbours, and no two numbers fall together.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let seed = self.seed.wrapping_add(nth.wrapping_mul(SPREAD));
        let mut random = fastrand::Rng::with_seed(seed);
        random.f64()
    }
}

impl FaultInjector for ProbabilisticInjector {
    fn check(&self, point: InjectionPoint) -> Option<StoreError> {
        if self.filter.as_ref().is_some_and(|filter| !filter(point)) {
            return None;
        }
        // What is not a number is no more than any chance.
        if self.chance(self.passed.next()) < self.probability {
            return self.action.act(point);
        }
        None
    }

    fn validate(&self) -> Result<(), String> {
        match (0.0..=1.0).contains(&self.probability) {
            true => Ok(()),
            false => Err(format!("a probability is 0 to 1, not {}", self.probability)),
        }
    }
}

impl fmt::Debug for ProbabilisticInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbabilisticInjector")
            .field("probability", &self.probability)
            .field("seed", &self.seed)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}
