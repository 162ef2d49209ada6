//! Faults that a test asks for: the points at which a write may fail, and who decides whether it
//! does.
//!
//! The writer passes the points and knows nothing of who listens. Without the feature
//! `dangerous-test-hooks` nobody does, and nothing of this is left on the path of an append: what
//! stands in its place has no size, and its answers are constants.

#[cfg(not(feature = "dangerous-test-hooks"))]
mod absent;
#[cfg(feature = "dangerous-test-hooks")]
mod countdown;
#[cfg(feature = "dangerous-test-hooks")]
mod passing;
#[cfg(feature = "dangerous-test-hooks")]
mod point;
#[cfg(feature = "dangerous-test-hooks")]
mod probabilistic;

#[cfg(not(feature = "dangerous-test-hooks"))]
pub use absent::Faults;
#[cfg(feature = "dangerous-test-hooks")]
pub use countdown::{CountdownAction, CountdownInjector};
#[cfg(feature = "dangerous-test-hooks")]
pub use passing::Faults;
#[cfg(feature = "dangerous-test-hooks")]
pub use point::{FaultInjector, InjectionPoint, maybe_inject};
#[cfg(feature = "dangerous-test-hooks")]
pub use probabilistic::ProbabilisticInjector;

#[cfg(not(feature = "dangerous-test-hooks"))]
pub(crate) use absent::{Passed, Points};
#[cfg(feature = "dangerous-test-hooks")]
pub(crate) use passing::{Passed, Points};

use crate::error::{BatchStage, StoreError};

/// How a batch failed: the item, the stage and the fault.
pub(crate) type FailedBatch = (usize, BatchStage, StoreError);
