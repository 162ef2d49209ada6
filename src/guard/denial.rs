//! Why a gate did not let something pass.

use serde::Serialize;
use std::fmt;

/// What a gate says when it stops an undertaking.
///
/// A denial is returned, never recorded: whoever wants to keep it appends it, for it serialises.
/// It is not read back, because its gate is named by the program's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// The name of the gate that denied.
    pub gate: &'static str,
    /// A code for programs; empty unless the gate gave one.
    pub code: String,
    /// The reason, for people.
    pub message: String,
    /// What else the gate wants to tell, as names and values, in the order in which it was given.
    pub context: Vec<(String, String)>,
}

impl Denial {
    /// Makes a denial without code and context.
    #[must_use]
    pub fn new(gate: &'static str, message: impl Into<String>) -> Self {
        Self {
            gate,
            code: String::new(),
            message: message.into(),
            context: Vec::new(),
        }
    }

    /// Sets the code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Adds a name and a value; a name that is there already is kept beside it.
    #[must_use]
    pub fn with_context(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.gate, self.message)
    }
}

impl std::error::Error for Denial {}
