//! The hashes of an index: xxh3 with 64 bits, of which the upper ones are kept.

use crate::layout::run::NUMBER_BITS;
use xxhash_rust::xxh3::xxh3_64;

/// Returns the 40 bits by which an event id is sorted and filtered.
pub(super) fn id_hash(event_id: u128) -> u64 {
    xxh3_64(&event_id.to_be_bytes()) >> NUMBER_BITS
}

/// Returns the 40 bits by which an entity is filtered.
pub(super) fn entity_hash(entity: &[u8]) -> u64 {
    xxh3_64(entity) >> NUMBER_BITS
}

/// Returns the 32 bits that stand for a cause. They are hashed because ids that begin with a time
/// share their first bytes with all their neighbours.
pub(super) fn cause_hash(causation_id: u128) -> u32 {
    let [a, b, c, d, ..] = xxh3_64(&causation_id.to_be_bytes()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Mixes 64 bits so that each depends on all of them.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}
