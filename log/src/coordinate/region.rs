//! The one predicate that queries, subscriptions, cursors and reactions share.
//!
//! Owns what "matches" means. Knows nothing of indexes: it judges one event at a time.

use std::sync::Arc;

use crate::event::EventKind;

/// Selects events by entity, scope, kind and per-entity clock.
///
/// Every field that is set must hold; a region with no field set selects everything. The fields
/// are public so that an index can look at what is asked and choose its way.
///
/// ```
/// # use batpak_log::{EventKind, Region};
/// let carts = Region::entity("cart:").with_scope("shop");
/// assert!(carts.matches_event("cart:7", "shop", EventKind::DATA));
/// assert!(!carts.matches_event("cart:7", "billing", EventKind::DATA));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    /// Selects the entities whose name begins with this text, character by character: `cart:1`
    /// selects `cart:10` too.
    pub entity_prefix: Option<Arc<str>>,
    /// Selects the one entity of exactly this name.
    pub entity: Option<Arc<str>>,
    /// Selects the events that were written in exactly this scope.
    pub scope: Option<Arc<str>>,
    /// Selects events by their kind.
    pub fact: Option<KindFilter>,
    /// Selects events whose clock lies between these two, both included.
    ///
    /// The clock is the position within the *entity*, across its scopes, and has nothing to do
    /// with the global sequence. A range whose end is before its start selects nothing.
    pub clock_range: Option<(u32, u32)>,
}

/// Selects event kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KindFilter {
    /// Selects this kind alone.
    Exact(EventKind),
    /// Selects all kinds of this category (0 to 15).
    Category(u8),
    /// Selects every kind.
    Any,
}

impl KindFilter {
    /// Tells whether the filter selects this kind.
    #[must_use]
    pub fn matches(self, kind: EventKind) -> bool {
        match self {
            Self::Exact(wanted) => wanted == kind,
            Self::Category(category) => category == kind.category(),
            Self::Any => true,
        }
    }
}

impl Region {
    /// Selects every event.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects the entities whose name *begins with* `prefix`.
    ///
    /// This is a plain comparison of text: `Region::entity("cart:1")` selects `cart:1`, `cart:10`
    /// and `cart:1/item`. Use [`Region::entity_exact`] for one entity.
    #[must_use]
    pub fn entity(prefix: impl AsRef<str>) -> Self {
        Self {
            entity_prefix: Some(Arc::from(prefix.as_ref())),
            ..Self::default()
        }
    }

    /// Selects the one entity of this name.
    #[must_use]
    pub fn entity_exact(name: impl AsRef<str>) -> Self {
        Self {
            entity: Some(Arc::from(name.as_ref())),
            ..Self::default()
        }
    }

    /// Selects the events that were written in this scope.
    #[must_use]
    pub fn scope(scope: impl AsRef<str>) -> Self {
        Self::default().with_scope(scope)
    }

    /// Narrows the region to one scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl AsRef<str>) -> Self {
        self.scope = Some(Arc::from(scope.as_ref()));
        self
    }

    /// Narrows the region to the kinds that `filter` selects.
    #[must_use]
    pub fn with_fact(mut self, filter: KindFilter) -> Self {
        self.fact = Some(filter);
        self
    }

    /// Narrows the region to the kinds of one category.
    #[must_use]
    pub fn with_fact_category(self, category: u8) -> Self {
        self.with_fact(KindFilter::Category(category))
    }

    /// Narrows the region to the per-entity clocks from `range.0` to `range.1`, both included.
    #[must_use]
    pub fn with_clock_range(mut self, range: (u32, u32)) -> Self {
        self.clock_range = Some(range);
        self
    }

    /// Tells whether an event of this entity, scope and kind is selected, whatever its clock.
    ///
    /// `clock_range` is not looked at, because the caller may not know the clock; use
    /// [`Region::matches`] where it is known.
    #[must_use]
    pub fn matches_event(&self, entity: &str, scope: &str, kind: EventKind) -> bool {
        holds(self.entity.as_deref(), |wanted| wanted == entity)
            && holds(self.entity_prefix.as_deref(), |wanted| {
                entity.starts_with(wanted)
            })
            && holds(self.scope.as_deref(), |wanted| wanted == scope)
            && holds(self.fact, |filter| filter.matches(kind))
    }

    /// Tells whether an event is selected, its clock included.
    #[must_use]
    pub fn matches(&self, entity: &str, scope: &str, kind: EventKind, clock: u32) -> bool {
        holds(self.clock_range, |(first, last)| {
            first <= clock && clock <= last
        }) && self.matches_event(entity, scope, kind)
    }
}

/// Tells whether a condition holds; one that nobody set does.
fn holds<T>(condition: Option<T>, test: impl FnOnce(T) -> bool) -> bool {
    condition.is_none_or(test)
}

#[cfg(test)]
mod tests;
