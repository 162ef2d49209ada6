//! From a proposal through the gates to a write.
//!
//! Owns the order: nothing is written that no gate has seen, unless someone says why. Knows no
//! store: the write itself is a closure of the caller's.

pub mod bypass;

pub use bypass::{BypassReason, BypassReceipt};

use crate::guard::{Denial, GateSet, Receipt};
use serde::{Deserialize, Serialize};

/// A payload that is not judged yet.
#[derive(Debug)]
pub struct Proposal<T>(T);

impl<T> Proposal<T> {
    /// Proposes a payload.
    #[must_use]
    pub fn new(payload: T) -> Self {
        Self(payload)
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &T {
        &self.0
    }

    /// Proposes what `map` makes of the payload instead.
    pub fn map<U, F: FnOnce(T) -> U>(self, map: F) -> Proposal<U> {
        Proposal(map(self.0))
    }

    pub(crate) fn into_payload(self) -> T {
        self.0
    }
}

/// A payload that was written, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed<T> {
    /// What was written.
    pub payload: T,
    /// The id of the event.
    #[serde(with = "crate::wire::u128_bytes")]
    pub event_id: u128,
    /// The sequence of the event in its store.
    pub sequence: u64,
    /// The hash of the event, or zeros from a writer that does not look it up.
    pub hash: [u8; 32],
}

/// Gates, and the way past them to a write.
///
/// ```
/// use batpak::prelude::*;
///
/// # let dir = tempfile::tempdir()?;
/// let store = Store::open(StoreConfig::new(dir.path()))?;
/// let order = Coordinate::new("order:1", "shop")?;
/// const PLACED: EventKind = EventKind::custom(0x1, 1);
///
/// let pipeline = Pipeline::new(GateSet::<()>::new());
/// let receipt = pipeline.evaluate(&(), Proposal::new("tea"))?;
/// let placed = pipeline.commit(receipt, |item| {
///     let appended = store.append(&order, PLACED, &item)?;
///     Ok::<_, StoreError>(Committed {
///         payload: item,
///         event_id: appended.event_id,
///         sequence: appended.sequence,
///         hash: [0; 32],
///     })
/// })?;
/// assert_eq!(store.get(placed.event_id)?.event.payload, "tea");
/// # store.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pipeline<Ctx> {
    gates: GateSet<Ctx>,
}

impl<Ctx> Pipeline<Ctx> {
    /// Makes a pipeline with these gates.
    #[must_use]
    pub fn new(gates: GateSet<Ctx>) -> Self {
        Self { gates }
    }

    /// Asks the gates, as [`GateSet::evaluate`] does.
    ///
    /// # Errors
    /// The first denial.
    pub fn evaluate<T>(&self, ctx: &Ctx, proposal: Proposal<T>) -> Result<Receipt<T>, Denial> {
        self.gates.evaluate(ctx, proposal)
    }

    /// Uses a receipt up and writes its payload by means of `commit_fn`, which is called once.
    ///
    /// # Errors
    /// What `commit_fn` returns. The receipt is used up all the same: judge again before another
    /// attempt.
    pub fn commit<T, E>(
        &self,
        receipt: Receipt<T>,
        commit_fn: impl FnOnce(T) -> Result<Committed<T>, E>,
    ) -> Result<Committed<T>, E> {
        let (payload, _) = receipt.into_parts();
        commit_fn(payload)
    }

    /// Lets a proposal past the gates unjudged, and keeps the reason beside it.
    pub fn bypass<T>(proposal: Proposal<T>, reason: &'static dyn BypassReason) -> BypassReceipt<T> {
        BypassReceipt::new(proposal.into_payload(), reason)
    }

    /// Writes the payload of a bypass by means of `commit_fn`, which is called once.
    ///
    /// # Errors
    /// What `commit_fn` returns.
    pub fn commit_bypass<T, E>(
        receipt: BypassReceipt<T>,
        commit_fn: impl FnOnce(T) -> Result<Committed<T>, E>,
    ) -> Result<Committed<T>, E> {
        commit_fn(receipt.into_payload())
    }
}
