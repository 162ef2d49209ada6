//! What became of something that can also wait, be tried again, or be called off.
//!
//! Owns the six ways in which an undertaking can stand, and how they are put together. Carries
//! nothing out: retrying, waiting and making good are the business of whoever gets an outcome.

pub mod combine;
pub mod error;
mod list;
mod split;
pub mod wait;

pub use combine::{join_all, join_any, zip};
pub use error::{ErrorKind, OutcomeError};
pub use wait::{CompensationAction, WaitCondition};

use serde::{Deserialize, Serialize};
use split::Split;

/// How an undertaking stands.
///
/// Functions are applied to the values or errors inside a [`Batch`](Self::Batch) one by one,
/// however deeply batches are nested; that is why they must be `Clone`. [`ok`](Self::ok) and
/// [`and_then`](Self::and_then) obey the laws of a monad, so that steps can be grouped at will.
///
/// In serde's data model an outcome has a `type`, which is the name of the variant, and its
/// `data`. Where `data` comes first, serde keeps it until it knows the type, and reserves up to
/// 1 MiB for each level of lists in it; and each level takes some stack. Whoever reads MessagePack
/// of strangers sets a small `max_depth`.
///
/// ```
/// use batpak::prelude::*;
///
/// let price = Outcome::ok(480).map(|cents| cents * 2);
/// let checked = price.and_then(|cents| match cents {
///     0..=500 => Outcome::ok(cents),
///     _ => Outcome::cancelled("too expensive"),
/// });
/// assert!(checked.is_cancelled());
/// assert_eq!(
///     serde_json::to_string(&checked)?,
///     r#"{"type":"Cancelled","data":{"reason":"too expensive"}}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
#[non_exhaustive]
#[must_use = "an outcome may say that something failed"]
pub enum Outcome<T> {
    /// It is done, and this came of it.
    Ok(T),
    /// It failed.
    Err(OutcomeError),
    /// It was not done, and may be tried again.
    Retry {
        /// How long to wait before, in milliseconds.
        after_ms: u64,
        /// The number of the attempt that was made, from 1.
        attempt: u32,
        /// How many attempts there should be at most.
        max_attempts: u32,
        /// Why it was not done, for people.
        reason: String,
    },
    /// It goes on as soon as something else has happened.
    Pending {
        /// What it waits for.
        condition: WaitCondition,
        /// A number by which whoever resumes it finds it again.
        #[serde(with = "crate::wire::u128_bytes")]
        resume_token: u128,
    },
    /// It was called off.
    Cancelled {
        /// Why, for people.
        reason: String,
    },
    /// Several undertakings, each with an outcome of its own.
    Batch(#[serde(deserialize_with = "list::read_list")] Vec<Outcome<T>>),
}

/// Making outcomes.
impl<T> Outcome<T> {
    /// Makes the outcome of what is done.
    pub fn ok(value: T) -> Self {
        Self::Ok(value)
    }

    /// Makes the outcome of what failed.
    pub fn err(error: OutcomeError) -> Self {
        Self::Err(error)
    }

    /// Makes the outcome of what was called off.
    pub fn cancelled(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Cancelled { reason }
    }

    /// Makes the outcome of what may be tried again after some milliseconds.
    pub fn retry(
        after_ms: u64,
        attempt: u32,
        max_attempts: u32,
        reason: impl Into<String>,
    ) -> Self {
        Self::Retry {
            after_ms,
            attempt,
            max_attempts,
            reason: reason.into(),
        }
    }

    /// Makes the outcome of what waits.
    pub fn pending(condition: WaitCondition, resume_token: u128) -> Self {
        Self::Pending {
            condition,
            resume_token,
        }
    }
}

/// Telling outcomes apart.
impl<T> Outcome<T> {
    /// Tells whether it is [`Ok`](Self::Ok).
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }

    /// Tells whether it is [`Err`](Self::Err).
    #[must_use]
    pub fn is_err(&self) -> bool {
        matches!(self, Self::Err(_))
    }

    /// Tells whether it is [`Retry`](Self::Retry).
    #[must_use]
    pub fn is_retry(&self) -> bool {
        matches!(self, Self::Retry { .. })
    }

    /// Tells whether it is [`Pending`](Self::Pending).
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending { .. })
    }

    /// Tells whether it is [`Cancelled`](Self::Cancelled).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// Tells whether it is a [`Batch`](Self::Batch).
    #[must_use]
    pub fn is_batch(&self) -> bool {
        matches!(self, Self::Batch(_))
    }

    /// Tells whether nothing more will come of it: it is `Ok`, `Err` or `Cancelled`. A batch is
    /// not, whatever is in it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Ok(_) | Self::Err(_) | Self::Cancelled { .. })
    }
}

/// Going on from outcomes.
impl<T> Outcome<T> {
    /// Replaces each value by what `f` makes of it.
    pub fn map<U, F: FnOnce(T) -> U + Clone>(self, f: F) -> Outcome<U> {
        self.and_then(|value| Outcome::Ok(f(value)))
    }

    /// Replaces each value by the outcome that `f` makes of it.
    pub fn and_then<U, F: FnOnce(T) -> Outcome<U> + Clone>(self, f: F) -> Outcome<U> {
        match Split::of(self) {
            Split::Value(value) => f(value),
            Split::Batch(items) => {
                let followed = items.into_iter().map(|item| item.and_then(f.clone()));
                Outcome::Batch(followed.collect())
            }
            Split::Stop(stop) => stop.into_outcome(),
        }
    }

    /// Replaces each error by what `f` makes of it.
    pub fn map_err<F: FnOnce(OutcomeError) -> OutcomeError + Clone>(self, f: F) -> Self {
        self.or_else(|error| Self::Err(f(error)))
    }

    /// Replaces each error by the outcome that `f` makes of it.
    pub fn or_else<F: FnOnce(OutcomeError) -> Outcome<T> + Clone>(self, f: F) -> Outcome<T> {
        match self {
            Self::Err(error) => f(error),
            Self::Batch(items) => {
                let followed = items.into_iter().map(|item| item.or_else(f.clone()));
                Self::Batch(followed.collect())
            }
            same @ (Self::Ok(_)
            | Self::Retry { .. }
            | Self::Pending { .. }
            | Self::Cancelled { .. }) => same,
        }
    }

    /// Shows each value to `f` and changes nothing.
    pub fn inspect<F: FnOnce(&T) + Clone>(self, f: F) -> Self {
        self.map(|value| {
            f(&value);
            value
        })
    }

    /// Shows each error to `f` and changes nothing.
    pub fn inspect_err<F: FnOnce(&OutcomeError) + Clone>(self, f: F) -> Self {
        self.map_err(|error| {
            f(&error);
            error
        })
    }

    /// Replaces each value for which `pred` holds by the outcome that `f` makes of it.
    pub fn and_then_if<F: Fn(&T) -> bool, G: FnOnce(T) -> Outcome<T> + Clone>(
        self,
        pred: F,
        f: G,
    ) -> Outcome<T> {
        let pred = &pred;
        self.and_then(move |value| match pred(&value) {
            true => f(value),
            false => Self::Ok(value),
        })
    }

    /// Returns the value, or the error.
    ///
    /// # Errors
    /// The error of an `Err`. An error of kind [`ErrorKind::Internal`] that says so when it was
    /// called off, and when there is no one result: it waits, may be tried again, or is a batch.
    pub fn into_result(self) -> Result<T, OutcomeError> {
        let message = match self {
            Self::Ok(value) => return Ok(value),
            Self::Err(error) => return Err(error),
            Self::Cancelled { reason } => format!("cancelled: {reason}"),
            Self::Retry { .. } => "the outcome is not terminal: try again".to_owned(),
            Self::Pending { .. } => "the outcome is not terminal: it waits".to_owned(),
            Self::Batch(_) => "the outcome is not terminal: join the batch first".to_owned(),
        };
        Err(OutcomeError::internal(message))
    }

    /// Returns the value of an `Ok`, or `default` for everything else, a batch included.
    #[must_use]
    pub fn unwrap_or(self, default: T) -> T {
        self.unwrap_or_else(|| default)
    }

    /// Returns the value of an `Ok`, or what `f` makes for everything else, a batch included.
    #[must_use]
    pub fn unwrap_or_else<F: FnOnce() -> T>(self, f: F) -> T {
        self.into_result().unwrap_or_else(|_| f())
    }
}

impl<T> Outcome<Outcome<T>> {
    /// Makes one outcome of an outcome within an outcome.
    pub fn flatten(self) -> Outcome<T> {
        self.and_then(|inner| inner)
    }
}
