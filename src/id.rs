//! Ids: made from a clock and a seedable source, typed where a program wants them typed.

use batpak_actors::runtime::Counter;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::OnceLock;

/// How many hexadecimal digits an id has.
const ID_DIGITS_MAX: usize = 32;

/// Makes UUID version 7 ids: the time in milliseconds, then random bits.
///
/// Two sources with the same seed that are asked for the same times make the same ids, so that a
/// run can be repeated.
#[derive(Debug)]
pub struct IdSource {
    seed: u64,
    made: Counter,
}

impl IdSource {
    /// Makes a source whose random bits follow from `seed`.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            made: Counter::new(0),
        }
    }

    /// Makes a source that no other has the seed of.
    pub fn random() -> Self {
        Self::with_seed(fastrand::u64(..))
    }

    /// Makes an id for a time in microseconds since the epoch; earlier times count as the epoch.
    pub fn make(&self, wall_us: i64) -> u128 {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let nth = self.made.next();
        let mut random = fastrand::Rng::with_seed(self.seed ^ nth.wrapping_mul(SPREAD));
        let mut bits = [0; 10];
        random.fill(&mut bits);
        let milliseconds = u64::try_from(wall_us / 1000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &bits)
            .as_uuid()
            .as_u128()
    }
}

/// Makes an id from the system's clock and a source of this process.
pub fn generate_v7_id() -> u128 {
    static PROCESS: OnceLock<IdSource> = OnceLock::new();
    use batpak_actors::runtime::{Clock, SystemClock};
    PROCESS
        .get_or_init(IdSource::random)
        .make(SystemClock.wall_us())
}

/// An id of one kind of entity, made by [`define_entity_id!`](crate::define_entity_id).
pub trait EntityIdType:
    Copy + Clone + Eq + Hash + fmt::Debug + fmt::Display + FromStr + Send + Sync + 'static
{
    /// What the id names; its text starts with it.
    const ENTITY_NAME: &'static str;

    /// Wraps an id.
    fn new(id: u128) -> Self;

    /// Returns the id.
    fn as_u128(&self) -> u128;

    /// Makes a new id from the system's clock.
    fn now_v7() -> Self;

    /// Returns the id that names nothing.
    fn nil() -> Self;
}

/// Defines a type for the ids of one kind of entity: `define_entity_id!(OrderId, "order")`.
///
/// Its text is `order:` and 32 hexadecimal digits. It is read back with or without the prefix,
/// from 1 to 32 digits; everything else is refused with a text that says why.
///
/// ```
/// use batpak::id::EntityIdType;
///
/// batpak::define_entity_id!(OrderId, "order");
///
/// let order = OrderId::new(0xabc);
/// assert_eq!(order.to_string(), "order:00000000000000000000000000000abc");
/// assert_eq!("order:abc".parse(), Ok(order));
/// assert!("event:abc".parse::<OrderId>().is_err());
/// ```
#[macro_export]
macro_rules! define_entity_id {
    ($name:ident, $entity:literal) => {
        #[doc = concat!("The id of one ", $entity, ".")]
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
            ::core::hash::Hash,
        )]
        pub struct $name(u128);

        impl $crate::id::EntityIdType for $name {
            const ENTITY_NAME: &'static str = $entity;

            fn new(id: u128) -> Self {
                Self(id)
            }

            fn as_u128(&self) -> u128 {
                self.0
            }

            fn now_v7() -> Self {
                Self($crate::id::generate_v7_id())
            }

            fn nil() -> Self {
                Self(0)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, "{}:{:032x}", $entity, self.0)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::id::parse_entity_id(text, $entity).map(Self)
            }
        }
    };
}

/// Reads the digits of an id, with or without the name of its entity before them.
#[doc(hidden)]
pub fn parse_entity_id(text: &str, entity: &str) -> Result<u128, String> {
    let rest = text.strip_prefix(entity);
    let digits = rest.and_then(|rest| rest.strip_prefix(':')).unwrap_or(text);
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > ID_DIGITS_MAX || !are_digits {
        return Err(format!(
            "invalid {entity} id: give 1 to {ID_DIGITS_MAX} hexadecimal digits, with or without \
             \"{entity}:\" before them"
        ));
    }
    u128::from_str_radix(digits, 16).map_err(|error| format!("invalid {entity} id: {error}"))
}

define_entity_id!(EventId, "event");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_and_times_make_equal_ids_and_no_id_twice() {
        let (one, other) = (IdSource::with_seed(7), IdSource::with_seed(7));
        let ids: Vec<_> = (0..1000).map(|i| one.make(i * 1000)).collect();
        let again: Vec<_> = (0..1000).map(|i| other.make(i * 1000)).collect();
        assert_eq!(ids, again);
        assert!(
            ids.windows(2).all(|pair| pair[0] < pair[1]),
            "later milliseconds sort later"
        );
    }

    #[test]
    fn an_id_says_that_it_is_version_7_and_when_it_was_made() {
        let id = IdSource::with_seed(1).make(1_700_000_000_123_456);
        assert_eq!((id >> 76) & 0xf, 7);
        assert_eq!(id >> 80, 1_700_000_000_123);
    }

    #[test]
    fn an_event_id_is_read_back_with_and_without_its_prefix() {
        let id = EventId::new(0xabc);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("abc".parse(), Ok(id));
        assert!("event:xyz".parse::<EventId>().is_err());
    }
}
