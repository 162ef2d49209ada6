//! Folding a history into a state, and answering one event with others.
//!
//! Owns the two traits that a program implements, and the forms in which a fold can ask for its
//! payloads. Reads no store: `Store::project` and `Store::react_loop` do.

use crate::coordinate::Coordinate;
use crate::event::{Event, EventKind};
use crate::store::StoreError;
use crate::store::payload::decode_json;
use serde_json::Value;

mod sealed {
    /// Keeps [`ProjectionInput`](super::ProjectionInput) to the forms that the store can make.
    pub trait Sealed {}

    impl Sealed for super::ValueInput {}
    impl Sealed for super::RawMsgpackInput {}
}

/// A state that is the fold of an entity's events.
///
/// The store reads an entity's events in commit order, those of
/// [`relevant_event_kinds`](Self::relevant_event_kinds) alone, and hands them over:
///
/// 1. Without an earlier state, all of them at once, to [`from_events`](Self::from_events).
/// 2. With an earlier state, and if the type
///    [opts in](Self::supports_incremental_apply), those that came since, one by one, to
///    [`apply_event`](Self::apply_event).
///
/// ```
/// use batpak::prelude::*;
///
/// const DEPOSITED: EventKind = EventKind::custom(0x1, 1);
///
/// #[derive(Default)]
/// struct Balance {
///     cents: i64,
/// }
///
/// impl EventSourced for Balance {
///     type Input = ValueInput;
///
///     fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
///         if events.is_empty() {
///             return None;
///         }
///         let mut balance = Self::default();
///         for event in events {
///             balance.apply_event(event);
///         }
///         Some(balance)
///     }
///
///     fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
///         self.cents += event.payload["cents"].as_i64().unwrap_or(0);
///     }
///
///     fn relevant_event_kinds() -> &'static [EventKind] {
///         &[DEPOSITED]
///     }
/// }
///
/// let header = EventHeader::new(1, 1, None, 0, DagPosition::root(), 0, DEPOSITED);
/// let deposited = Event::new(header, serde_json::json!({"cents": 250}));
/// assert_eq!(Balance::from_events(&[deposited]).unwrap().cents, 250);
/// assert!(Balance::from_events(&[]).is_none());
/// ```
pub trait EventSourced: Sized {
    /// The form in which the fold wants its payloads: [`ValueInput`] or [`RawMsgpackInput`].
    type Input: ProjectionInput;

    /// Folds a history, oldest event first, into a state; `None` when there is no state to speak
    /// of, as for no events.
    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self>;

    /// Takes one more event into the state.
    fn apply_event(&mut self, event: &ProjectionEvent<Self>);

    /// Returns the kinds that the fold is about; events of other kinds are not handed over. An
    /// empty slice stands for every kind.
    fn relevant_event_kinds() -> &'static [EventKind];

    /// Returns the name under which a cache keeps the type's states; the type's path in its
    /// program unless overridden.
    ///
    /// Override it so that a type can be renamed or moved without losing what is kept, or where two
    /// types have one path, as types of two versions of one crate have.
    fn projection_name() -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Returns the version of the type's serialised form, 0 unless overridden.
    ///
    /// States that a cache keeps are found again under the same version only. Raise it whenever
    /// the fields change, or what the fold makes of the same events.
    fn schema_version() -> u64 {
        0
    }

    /// Tells whether an earlier state may be carried on with
    /// [`apply_event`](Self::apply_event); `false` unless overridden.
    ///
    /// Opt in only if that gives the same state as [`from_events`](Self::from_events) with the
    /// whole history would, wherever the history is cut in two.
    fn supports_incremental_apply() -> bool {
        false
    }
}

/// An answer to events: what else is to be recorded because one event was.
///
/// `Store::react_loop` calls it for each event of a region and appends what it returns, with the
/// event as the cause.
///
/// ```
/// use batpak::prelude::*;
///
/// const PAID: EventKind = EventKind::custom(0x1, 1);
/// const SHIPPED: EventKind = EventKind::custom(0x1, 2);
///
/// struct Shipping(Coordinate);
///
/// impl Reactive<u64> for Shipping {
///     fn react(&self, event: &Event<u64>) -> Vec<(Coordinate, EventKind, u64)> {
///         match event.event_kind() {
///             PAID => vec![(self.0.clone(), SHIPPED, event.payload)],
///             _ => Vec::new(),
///         }
///     }
/// }
///
/// let shipping = Shipping(Coordinate::new("parcel:1", "shop")?);
/// let header = EventHeader::new(1, 1, None, 0, DagPosition::root(), 0, PAID);
/// assert_eq!(shipping.react(&Event::new(header, 7)).len(), 1);
/// # Ok::<(), CoordinateError>(())
/// ```
pub trait Reactive<P> {
    /// Returns the events to append because of `event`, in order; none if it asks for none.
    fn react(&self, event: &Event<P>) -> Vec<(Coordinate, EventKind, P)>;
}

/// The form in which a fold gets its payloads.
///
/// There are two, and no others can be made outside: the store has to know how to make them.
///
/// ```compile_fail,E0277
/// struct Text;
///
/// impl batpak::event::ProjectionInput for Text {
///     type Payload = String;
///     const MODE: batpak::event::ProjectionMode = batpak::event::ProjectionMode::Value;
///
///     fn decode(_: &[u8]) -> Result<String, batpak::store::StoreError> {
///         Ok(String::new())
///     }
/// }
/// ```
pub trait ProjectionInput: sealed::Sealed + Send + Sync + 'static {
    /// What the fold finds in `event.payload`.
    type Payload: Clone + Send + Sync + 'static;
    /// The same choice as a value.
    const MODE: ProjectionMode;

    /// Makes the payload out of what was stored, which is MessagePack.
    #[doc(hidden)]
    fn decode(stored: &[u8]) -> Result<Self::Payload, StoreError>;
}

/// Which [`ProjectionInput`] a fold has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionMode {
    /// Payloads as [`serde_json::Value`].
    Value,
    /// Payloads as the MessagePack that was stored.
    RawMsgpack,
}

/// Payloads as [`serde_json::Value`]: the convenient form.
///
/// An event whose payload JSON cannot say (NaN, keys that are not text) ends the fold with an
/// error; [`RawMsgpackInput`] has no such limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueInput;

impl ProjectionInput for ValueInput {
    type Payload = Value;
    const MODE: ProjectionMode = ProjectionMode::Value;

    fn decode(stored: &[u8]) -> Result<Value, StoreError> {
        decode_json(stored)
    }
}

/// Payloads as the MessagePack that was stored: the fast form, for a fold that decodes what it
/// needs by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawMsgpackInput;

impl ProjectionInput for RawMsgpackInput {
    type Payload = Vec<u8>;
    const MODE: ProjectionMode = ProjectionMode::RawMsgpack;

    fn decode(stored: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(stored.to_vec())
    }
}

/// What a fold `T` finds in `event.payload`.
pub type ProjectionPayload<T> = <<T as EventSourced>::Input as ProjectionInput>::Payload;

/// The events that a fold `T` gets.
pub type ProjectionEvent<T> = Event<ProjectionPayload<T>>;
