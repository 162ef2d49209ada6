//! The hashes that make a history tamper-evident, and the bytes that go into them.
//!
//! Owns the canonical form of a header and three blake3 hashes. An independent program can verify
//! a log with this page and a blake3 implementation alone:
//!
//! ```text
//! payload_hash = blake3(payload bytes, as stored)
//! event_hash   = blake3(canonical header | payload_hash | prev_hash)
//! log_hash     = blake3(log_hash of the event before | event_hash)
//! ```
//!
//! `prev_hash` is the event hash of the entity's event before, and 32 zero bytes for its first;
//! the log hash of an empty log is 32 zero bytes too.
//!
//! The global sequence is deliberately not hashed. Compaction and the settling of fences keep
//! every event hash while they rewrite what is around the events, and an event hash has to be
//! known to its entity alone. The chain proves the order *within an entity*; the log hash, folded
//! over the event hashes in commit order, proves the total order.

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::position::Hlc;

/// The first bytes of every canonical header: no other input of a hash begins with them.
pub const CANONICAL_TAG: &[u8; 15] = b"batpak event v1";

/// The length of a canonical header without its two names.
const FIXED_BYTES: usize = CANONICAL_TAG.len() + 16 + 16 + 1 + 16 + 2 + 1 + 8 + 2 + 4 + 4 + 4;
/// The length of the field before a name.
const NAME_LENGTH_BYTES: usize = 8;
/// What an event hash covers is hashed in one piece up to this length, and in many beyond.
const ONE_PIECE_BYTES: usize = 384;

/// The two hashes that link an event into its entity's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HashChain {
    /// The event hash of the entity's event before, or zeros for its first.
    pub prev_hash: [u8; 32],
    /// The hash of this event.
    pub event_hash: [u8; 32],
}

/// Everything of an event that its hash covers, beside payload and history.
///
/// [`CanonicalHeader::to_bytes`] lays it out like this, every number big-endian:
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 15 | the ASCII text `batpak event v1` |
/// | 15 | 16 | `event_id` |
/// | 31 | 16 | `correlation_id` |
/// | 47 | 1 | 1 if there is a causation id, 0 if there is none |
/// | 48 | 16 | `causation_id`, zeros if there is none |
/// | 64 | 2 | `kind` |
/// | 66 | 1 | `flags` |
/// | 67 | 8 | `hlc.wall_us` |
/// | 75 | 2 | `hlc.counter` |
/// | 77 | 4 | `clock` |
/// | 81 | 4 | `depth` |
/// | 85 | 4 | `lane` |
/// | 89 | 8 | the length of the entity name in bytes |
/// | 97 | e | the entity name in UTF-8 |
/// | 97+e | 8 | the length of the scope name in bytes |
/// | 105+e | s | the scope name in UTF-8 |
///
/// Each field has one place and each name its length before it, so that two different headers
/// never have the same bytes. A new field means a new tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalHeader<'a> {
    /// The event's id.
    pub event_id: u128,
    /// The id of the undertaking.
    pub correlation_id: u128,
    /// The id of the event's cause, if it has one.
    pub causation_id: Option<u128>,
    /// The name of the entity.
    pub entity: &'a str,
    /// The name of the scope.
    pub scope: &'a str,
    /// What sort of fact the event states.
    pub kind: EventKind,
    /// The event's flags, all eight bits.
    pub flags: u8,
    /// The event's time.
    pub hlc: Hlc,
    /// The event's number within its entity, from 0.
    pub clock: u32,
    /// The depth of the event's branch.
    pub depth: u32,
    /// The lane of the event's branch.
    pub lane: u32,
}

impl CanonicalHeader<'_> {
    /// Returns the canonical bytes, as the table above lays them out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.feed(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Returns how many bytes the canonical form has.
    fn len(&self) -> usize {
        FIXED_BYTES + 2 * NAME_LENGTH_BYTES + self.entity.len() + self.scope.len()
    }

    /// Hands the canonical bytes to `sink` piece by piece, so that hashing needs no allocation.
    fn feed(&self, sink: &mut impl FnMut(&[u8])) {
        sink(&self.fixed_bytes());
        for name in [self.entity, self.scope] {
            sink(&(name.len() as u64).to_be_bytes());
            sink(name.as_bytes());
        }
    }

    /// Lays out everything before the names.
    fn fixed_bytes(&self) -> [u8; FIXED_BYTES] {
        let mut bytes = [0; FIXED_BYTES];
        let mut rest = bytes.as_mut_slice();
        let mut put = |field: &[u8]| {
            // All lengths are constants, so that the split cannot fail in one run and not another.
            let (place, after) = std::mem::take(&mut rest).split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = after;
        };
        put(CANONICAL_TAG);
        put(&self.event_id.to_be_bytes());
        put(&self.correlation_id.to_be_bytes());
        put(&[u8::from(self.causation_id.is_some())]);
        put(&self.causation_id.unwrap_or(0).to_be_bytes());
        put(&self.kind.as_u16().to_be_bytes());
        put(&[self.flags]);
        put(&self.hlc.wall_us.to_be_bytes());
        put(&self.hlc.counter.to_be_bytes());
        put(&self.clock.to_be_bytes());
        put(&self.depth.to_be_bytes());
        put(&self.lane.to_be_bytes());
        debug_assert!(rest.is_empty(), "the fields fill the fixed part");
        bytes
    }
}

/// Returns the blake3 hash of some bytes.
#[must_use]
pub fn compute_hash(content: &[u8]) -> [u8; 32] {
    blake3::hash(content).into()
}

/// Tells whether `content` hashes to the chain's event hash and the chain goes on from
/// `expected_prev`.
///
/// For an event of a store, `content` is its whole preimage: the canonical header, the payload's
/// hash and the previous hash, one after the other.
#[must_use]
pub fn verify_chain(content: &[u8], chain: &HashChain, expected_prev: &[u8; 32]) -> bool {
    chain.prev_hash == *expected_prev && chain.event_hash == compute_hash(content)
}

/// Returns the hash of an encoded payload, which becomes the header's `content_hash`.
#[must_use]
pub fn payload_hash(bytes: &[u8]) -> [u8; 32] {
    compute_hash(bytes)
}

/// Returns the hash of an event, which its successor in the entity's history names.
///
/// Allocates nothing, since the writer calls it once per append.
#[must_use]
pub fn event_hash(
    header: &CanonicalHeader<'_>,
    payload_hash: &[u8; 32],
    prev_hash: &[u8; 32],
) -> [u8; 32] {
    let mut gathered = [0; ONE_PIECE_BYTES];
    let length = header.len() + payload_hash.len() + prev_hash.len();
    let Some(preimage) = gathered.get_mut(..length) else {
        return hash_in_pieces(header, payload_hash, prev_hash);
    };
    let mut rest = &mut *preimage;
    let mut put = |piece: &[u8]| {
        let (place, after) = std::mem::take(&mut rest).split_at_mut(piece.len());
        place.copy_from_slice(piece);
        rest = after;
    };
    header.feed(&mut put);
    put(payload_hash);
    put(prev_hash);
    debug_assert!(rest.is_empty(), "the pieces fill the preimage");
    compute_hash(preimage)
}

fn hash_in_pieces(
    header: &CanonicalHeader<'_>,
    payload_hash: &[u8; 32],
    prev_hash: &[u8; 32],
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    header.feed(&mut |piece| {
        hasher.update(piece);
    });
    hasher.update(payload_hash);
    hasher.update(prev_hash);
    hasher.finalize().into()
}

/// Returns the running hash of a log after one more event.
#[must_use]
pub fn fold_log_hash(running: &[u8; 32], event_hash: &[u8; 32]) -> [u8; 32] {
    let mut pair = [0; 64];
    let (first, second) = pair.split_at_mut(running.len());
    first.copy_from_slice(running);
    second.copy_from_slice(event_hash);
    compute_hash(&pair)
}

#[cfg(test)]
mod tests;
