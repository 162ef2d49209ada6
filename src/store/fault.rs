//! Faults for tests, with the feature `dangerous-test-hooks`: writes that fail, and a writer that
//! crashes, at a chosen point.
//!
//! [`StoreConfig::fault_injector`] is asked at each [`InjectionPoint`] of a write; the points say
//! what a fault there means to callers, and what is in the log afterwards. Each outcome is one that
//! a disk, a full volume, a power cut or a bug can bring about: callers are told the truth, and a
//! retry with the same idempotency key settles what they cannot know.
//!
//! ```
//! use batpak::event::EventKind;
//! use batpak::prelude::*;
//! use batpak::store::{CountdownAction, CountdownInjector, InjectionPoint};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! // The second single append fails after it was written, as if the disk were full.
//! let injector = CountdownInjector::new(2, CountdownAction::Fail("no room"))
//!     .with_filter(|point| matches!(point, InjectionPoint::SingleAppendWritten { .. }))
//!     .once();
//! let config = StoreConfig::new(directory.path()).with_fault_injector(Some(Arc::new(injector)));
//! let store = Store::open(config)?;
//! let (coord, kind) = (Coordinate::new("order:1", "shop")?, EventKind::custom(0xF, 1));
//! store.append(&coord, kind, &"placed")?;
//! let error = store.append(&coord, kind, &"paid").unwrap_err();
//! assert!(matches!(error, StoreError::FaultInjected(_)) && error.certainly_not_written());
//! store.append(&coord, kind, &"paid")?;
//! assert_eq!(store.stream("order:1").len(), 2);
//! # Ok(())
//! # }
//! ```

pub use batpak_actors::faults::{
    CountdownAction, CountdownInjector, FaultInjector, InjectionPoint, ProbabilisticInjector,
    maybe_inject,
};

use super::{Open, Store, StoreConfig, StoreError};
use batpak_actors::faults::Faults;
use batpak_actors::protocol::writer::FenceCommand;
use std::sync::Arc;

/// No fence is ever named so, because no id is.
const NO_FENCE: u128 = 0;

impl StoreConfig {
    /// Returns whom the writer asks for faults.
    pub(super) fn faults(&self) -> Faults {
        Faults::by(self.fault_injector.as_ref().map(Arc::clone))
    }

    /// Refuses an injector that says that it makes no sense.
    pub(super) fn validate_faults(&self) -> Result<(), StoreError> {
        let refused = |text| StoreError::Configuration(format!("fault_injector: {text}"));
        let injector = self.fault_injector.as_ref();
        injector.map_or(Ok(()), |injector| injector.validate().map_err(refused))
    }
}

impl Store<Open> {
    /// Makes the writer panic, as a bug would, behind all that was submitted before, and returns
    /// once it is back.
    ///
    /// # Errors
    /// `ActorEnded` when the writer has spent its [restarts](super::WriterConfig::restart_policy)
    /// with it, or had ended before, `Poisoned` when a failed sync had ended it. `WriterCrashed`
    /// when somebody else made it panic once more meanwhile.
    pub fn panic_writer_for_test(&self) -> Result<(), StoreError> {
        self.panic_actor_for_test("writer");
        // Whoever answers this is the next incarnation.
        match self.shared.fence_command(NO_FENCE, FenceCommand::Cancel) {
            Err(StoreError::VisibilityFenceNotActive) => Ok(()),
            answer => answer,
        }
    }
}
