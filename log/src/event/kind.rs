//! What sort of fact an event states.
//!
//! Owns the 16-bit kind: 4 bits of category, 12 bits of type. Judges nothing that is read from
//! disk: every 16-bit value is a kind, whatever version of a program gave it a meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The bits that hold the type id.
const TYPE_BITS: u32 = 12;
/// The greatest type id.
const TYPE_MAX: u16 = (1 << TYPE_BITS) - 1;
/// The greatest category.
const CATEGORY_MAX: u8 = 0xF;
/// The category of what the store itself writes.
const CATEGORY_SYSTEM: u8 = 0x0;
/// The category of effects.
const CATEGORY_EFFECT: u8 = 0xD;

/// The kind of an event: a category (4 bits) and a type id within it (12 bits).
///
/// The categories 0x0 (system) and 0xD (effects) are reserved: their kinds are the constants
/// here, and [`EventKind::custom`] makes none of them.
///
/// ```
/// # use batpak_log::EventKind;
/// const PAID: EventKind = EventKind::custom(0xF, 1);
/// assert_eq!(PAID.to_string(), "0xF001");
/// ```
///
/// In a constant, a wrong argument does not compile:
///
/// ```compile_fail
/// # use batpak_log::EventKind;
/// const TOO_WIDE: EventKind = EventKind::custom(0xF, 0x1000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventKind(u16);

impl EventKind {
    /// The kind of an event that needs no kind of its own.
    pub const DATA: Self = Self(0x1000);
    /// A system has started.
    pub const SYSTEM_INIT: Self = Self(0x0001);
    /// A system has stopped in order.
    pub const SYSTEM_SHUTDOWN: Self = Self(0x0002);
    /// A system is alive.
    pub const SYSTEM_HEARTBEAT: Self = Self(0x0003);
    /// A setting has changed.
    pub const SYSTEM_CONFIG_CHANGE: Self = Self(0x0004);
    /// A state was saved.
    pub const SYSTEM_CHECKPOINT: Self = Self(0x0005);
    /// A batch begins: a marker of the released format, never an event.
    pub const SYSTEM_BATCH_BEGIN: Self = Self(0x0006);
    /// A batch is complete: a marker of the released format, never an event.
    pub const SYSTEM_BATCH_COMMIT: Self = Self(0x0007);
    /// An effect has failed.
    pub const EFFECT_ERROR: Self = Self(0xD001);
    /// An effect is to be tried again.
    pub const EFFECT_RETRY: Self = Self(0xD002);
    /// An effect was acknowledged.
    pub const EFFECT_ACK: Self = Self(0xD004);
    /// An effect waits, because its target is busy.
    pub const EFFECT_BACKPRESSURE: Self = Self(0xD005);
    /// An effect was called off.
    pub const EFFECT_CANCEL: Self = Self(0xD006);
    /// An effect met a conflicting one.
    pub const EFFECT_CONFLICT: Self = Self(0xD007);
    /// What the entity held before is to be taken as deleted.
    pub const TOMBSTONE: Self = Self(0x0FFE);

    /// Makes a kind of your own.
    ///
    /// # Panics
    /// Panics, or in a constant does not compile, when `category` is over 15 or reserved (0x0,
    /// 0xD), or `type_id` is over 12 bits. It is not cut to 12 bits, since two kinds that were
    /// meant to differ would silently become one.
    #[must_use]
    pub const fn custom(category: u8, type_id: u16) -> Self {
        assert!(
            category <= CATEGORY_MAX,
            "an event category has 4 bits: use 0x1 to 0xC, 0xE or 0xF"
        );
        assert!(
            category != CATEGORY_SYSTEM,
            "event category 0x0 is reserved for the system: use 0x1 to 0xC, 0xE or 0xF"
        );
        assert!(
            category != CATEGORY_EFFECT,
            "event category 0xD is reserved for effects: use 0x1 to 0xC, 0xE or 0xF"
        );
        assert!(
            type_id <= TYPE_MAX,
            "an event type id has 12 bits: use 0x000 to 0xFFF"
        );
        Self(((category as u16) << TYPE_BITS) | type_id)
    }

    /// Makes a kind out of its 16 bits, as they stand in a record; every value is accepted.
    #[must_use]
    pub const fn from_u16(bits: u16) -> Self {
        Self(bits)
    }

    /// Returns the 16 bits of the kind.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Returns the category (0 to 15).
    #[must_use]
    pub const fn category(self) -> u8 {
        let [high, _] = self.0.to_be_bytes();
        high >> 4
    }

    /// Returns the type id within the category (0 to 4095).
    #[must_use]
    pub const fn type_id(self) -> u16 {
        self.0 & TYPE_MAX
    }

    /// Tells whether this is a kind of the system (category 0x0).
    #[must_use]
    pub const fn is_system(self) -> bool {
        self.category() == CATEGORY_SYSTEM
    }

    /// Tells whether this is the kind of an effect (category 0xD).
    #[must_use]
    pub const fn is_effect(self) -> bool {
        self.category() == CATEGORY_EFFECT
    }

    /// Tells whether the category is one that [`EventKind::custom`] refuses.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.is_system() || self.is_effect()
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "0x{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests;
