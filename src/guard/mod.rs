//! Rules that are asked before something is written.
//!
//! Owns what a rule is and what it answers. Writes nothing, and knows no store: what happens with
//! a [`Receipt`] is the business of a [`Pipeline`](crate::pipeline::Pipeline).

pub mod denial;
pub mod receipt;

pub use denial::Denial;
pub use receipt::Receipt;

use crate::pipeline::Proposal;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The code of the denial that stands for a gate which panicked.
const GATE_DEFECT: &str = "GATE_DEFECT";

/// One rule: it looks at a context and lets an undertaking pass, or denies it.
///
/// A gate should depend on nothing but its context, change nothing and not wait: it may be asked
/// more than once for one undertaking, and in any thread.
pub trait Gate<Ctx>: Send + Sync {
    /// Returns the gate's name, which denials and receipts carry.
    fn name(&self) -> &'static str;

    /// Lets the undertaking pass, or says why not.
    ///
    /// # Errors
    /// The [`Denial`] that stops the undertaking.
    fn evaluate(&self, ctx: &Ctx) -> Result<(), Denial>;

    /// Returns what the gate is for, in a sentence; nothing unless overridden.
    fn description(&self) -> &'static str {
        ""
    }
}

/// Gates that are asked one after the other, in the order in which they were pushed.
///
/// A set without gates lets everything pass.
///
/// ```
/// use batpak::prelude::*;
///
/// struct Limit(u64);
///
/// impl Gate<u64> for Limit {
///     fn name(&self) -> &'static str {
///         "limit"
///     }
///
///     fn evaluate(&self, cents: &u64) -> Result<(), Denial> {
///         if *cents <= self.0 {
///             return Ok(());
///         }
///         Err(Denial::new(self.name(), "too expensive").with_code("OVER_LIMIT"))
///     }
/// }
///
/// let mut gates = GateSet::new();
/// gates.push(Limit(500));
/// let receipt = gates.evaluate(&480, Proposal::new("tea"))?;
/// assert_eq!((*receipt.payload(), receipt.gates_passed()), ("tea", ["limit"].as_slice()));
/// assert_eq!(gates.evaluate(&501, Proposal::new("tea")).unwrap_err().code, "OVER_LIMIT");
/// # Ok::<(), Denial>(())
/// ```
pub struct GateSet<Ctx> {
    gates: Vec<Box<dyn Gate<Ctx>>>,
}

impl<Ctx> GateSet<Ctx> {
    /// Makes a set without gates.
    #[must_use]
    pub fn new() -> Self {
        Self { gates: Vec::new() }
    }

    /// Adds a gate behind those that are there.
    pub fn push(&mut self, gate: impl Gate<Ctx> + 'static) {
        self.gates.push(Box::new(gate));
    }

    /// Asks the gates until one denies.
    ///
    /// The receipt holds the proposal's payload, so that what is written is what was judged.
    ///
    /// # Errors
    /// The first denial; the gates behind it are not asked. A gate that panics denies, with the
    /// code `GATE_DEFECT`: a rule that is broken must not let anything pass.
    pub fn evaluate<T>(&self, ctx: &Ctx, proposal: Proposal<T>) -> Result<Receipt<T>, Denial> {
        for gate in &self.gates {
            ask(gate.as_ref(), ctx)?;
        }
        Ok(Receipt::new(proposal.into_payload(), self.names()))
    }

    /// Asks every gate and returns all denials, in the order of the gates; none if everything
    /// passes.
    ///
    /// A gate that panics counts as one that denies: the denial has the code `GATE_DEFECT`, and
    /// says what the panic said.
    #[must_use]
    pub fn evaluate_all(&self, ctx: &Ctx) -> Vec<Denial> {
        let answers = self.gates.iter().map(|gate| ask(gate.as_ref(), ctx));
        answers.filter_map(Result::err).collect()
    }

    /// Returns how many gates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gates.len()
    }

    /// Tells whether there are no gates.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gates.is_empty()
    }

    /// Returns the names of the gates, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.gates.iter().map(|gate| gate.name()).collect()
    }
}

impl<Ctx> Default for GateSet<Ctx> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Ctx> fmt::Debug for GateSet<Ctx> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateSet").field(&self.names()).finish()
    }
}

/// Asks one gate; its panic becomes its denial.
fn ask<Ctx>(gate: &dyn Gate<Ctx>, ctx: &Ctx) -> Result<(), Denial> {
    let answer = catch_unwind(AssertUnwindSafe(|| gate.evaluate(ctx)));
    answer.unwrap_or_else(|panic| {
        let denial = Denial::new(gate.name(), message_of(panic.as_ref()));
        Err(denial.with_code(GATE_DEFECT))
    })
}

/// Returns what a panic said.
fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the gate panicked without a message")
        .to_owned()
}
