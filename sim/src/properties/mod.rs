//! Everything that is promised, and how it is tried.

mod faults;
mod rot;
mod supervision;
mod tampered;
mod torn;
mod workers;
mod worlds;

use crate::property::Property;

/// Returns all properties, in the order in which they are tried.
pub(crate) fn all() -> Vec<Property> {
    let mut all = Vec::new();
    all.extend(worlds::properties());
    all.extend(workers::properties());
    all.extend(torn::properties());
    all.extend(faults::properties());
    all.extend(rot::properties());
    all.extend(tampered::properties());
    all.extend(supervision::properties());
    all
}
