//! How often an actor may be rebuilt.

use std::collections::VecDeque;

/// How many restarts an actor gets before it ends for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartPolicy {
    /// One restart in the actor's life.
    #[default]
    Once,
    /// So many restarts within any span of that length.
    Bounded {
        /// The most restarts within the span.
        max_restarts: u32,
        /// The length of the span, in milliseconds of the monotonic clock.
        within_ms: u64,
    },
}

/// Tells a factory which incarnation it builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The number of restarts so far: zero for the first incarnation.
    pub count: u32,
}

/// Counts restarts against a policy.
#[derive(Debug)]
pub struct RestartBudget {
    policy: RestartPolicy,
    granted: u32,
    granted_at_us: VecDeque<u64>,
}

impl RestartBudget {
    /// Starts with the policy's whole budget.
    #[must_use]
    pub fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            granted: 0,
            granted_at_us: VecDeque::new(),
        }
    }

    /// Returns how many restarts were granted.
    #[must_use]
    pub fn granted(&self) -> u32 {
        self.granted
    }

    /// Grants one more restart at a time of the monotonic clock, or returns false: the budget is
    /// spent.
    pub fn grant(&mut self, now_us: u64) -> bool {
        let granted = match self.policy {
            RestartPolicy::Once => self.granted == 0,
            RestartPolicy::Bounded {
                max_restarts,
                within_ms,
            } => {
                let span_us = within_ms.saturating_mul(1000);
                self.forget_before(now_us.saturating_sub(span_us));
                let fits = self.granted_at_us.len() < usize::try_from(max_restarts).unwrap_or(0);
                if fits {
                    self.granted_at_us.push_back(now_us);
                }
                fits
            }
        };
        self.granted = self.granted.saturating_add(u32::from(granted));
        granted
    }

    fn forget_before(&mut self, span_start_us: u64) {
        while self
            .granted_at_us
            .front()
            .is_some_and(|at_us| *at_us < span_start_us)
        {
            self.granted_at_us.pop_front();
        }
    }
}
