//! Damages valid bytes in ways that readers may not expect.

use fastrand::Rng;

/// Numbers at which a length or a count may go wrong.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    7,
    8,
    40,
    127,
    128,
    255,
    256,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    u64::MAX / 2,
    u64::MAX,
];

/// Makes an input out of samples: one of them with some damages, sometimes nothing but chance.
pub fn damaged(random: &mut Rng, samples: &[Vec<u8>], length_max: usize) -> Vec<u8> {
    if samples.is_empty() || random.u8(..) < 4 {
        let mut bytes = vec![0; random.usize(0..300)];
        random.fill(&mut bytes);
        return bytes;
    }
    let mut bytes = samples[random.usize(..samples.len())].clone();
    for _ in 0..1 << random.u32(0..4) {
        let other = &samples[random.usize(..samples.len())];
        damage(random, &mut bytes, other);
        bytes.truncate(length_max);
    }
    bytes
}

fn damage(random: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    let at = place(random, bytes);
    match random.u8(0..16) {
        0..=3 => bytes[at] ^= 1 << random.u8(0..8),
        4 => bytes[at] = random.u8(..),
        5..=7 => put_number(random, bytes, at),
        8 => drop(bytes.drain(at..stretch(random, bytes.len(), at))),
        9 => {
            let copied = bytes[at..stretch(random, bytes.len(), at)].to_vec();
            let to = random.usize(..=bytes.len());
            bytes.splice(to..to, copied);
        }
        10 => {
            let garbage: Vec<u8> = (0..random.usize(1..20)).map(|_| random.u8(..)).collect();
            bytes.splice(at..at, garbage);
        }
        11 => bytes.truncate(at),
        12 => bytes.resize(bytes.len() + random.usize(1..200), random.u8(0..2) * 0xff),
        13 => bytes[at..].fill(0),
        14 if !other.is_empty() => {
            let from = random.usize(..other.len());
            let taken = &other[from..stretch(random, other.len(), from)];
            let until = (at + taken.len()).min(bytes.len());
            bytes.splice(at..until, taken.iter().copied());
        }
        _ => {
            let (a, b) = (at, place(random, bytes));
            bytes.swap(a, b);
        }
    }
}

/// Chooses a byte, rather one that says something: long zeros are dull.
fn place(random: &mut Rng, bytes: &[u8]) -> usize {
    let mut at = random.usize(..bytes.len());
    for _ in 0..12 {
        if bytes[at] != 0 {
            break;
        }
        at = random.usize(..bytes.len());
    }
    at.saturating_sub(random.usize(0..3))
}

fn stretch(random: &mut Rng, length: usize, from: usize) -> usize {
    let longest = 1 << random.u32(0..12);
    (from + random.usize(1..=longest)).min(length)
}

fn put_number(random: &mut Rng, bytes: &mut [u8], at: usize) {
    let edge = EDGES[random.usize(..EDGES.len())];
    let near = edge.wrapping_add(random.u64(0..5)).wrapping_sub(2);
    let width = 1 << random.usize(0..4);
    let digits = near.to_be_bytes();
    let field = &digits[8 - width..];
    let room = width.min(bytes.len() - at);
    bytes[at..at + room].copy_from_slice(&field[..room]);
}
