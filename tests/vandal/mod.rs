//! A vandal in the data directory: removes, exchanges, copies, cuts and flips what lies there.
//!
//! Whatever it does, the store shows the same events, refuses with a typed error, or repairs and
//! says so; and what it then does is the same at the next opening.

pub(crate) mod cached;
pub(crate) mod campaign;
pub(crate) mod damages;
pub(crate) mod ground;
pub(crate) mod made;
pub(crate) mod seen;
pub(crate) mod verdict;
