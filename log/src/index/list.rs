//! Lists of numbers as they stand in the table of postings: in blocks, a long one with skips.
//!
//! A block is read and judged as a whole. It must lead from the skip before it to its own, in
//! numbers and in bytes, so that a skip that lies is noticed on both its sides.

use super::stream::{Stream, damaged_at};
use super::varint::put_varint;
use super::{IndexRun, Pages};
use crate::error::LogError;
use crate::layout::run::{BLOCK_NUMBERS, NUMBER_BITS, SKIP_LEN};

/// Where a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skip {
    /// The last number of the block.
    number: u32,
    /// The place behind it, in bytes from where the first block starts.
    end: u32,
}

impl Skip {
    fn encode(self) -> [u8; SKIP_LEN as usize] {
        let ([high, a, b, c], [zero, d, e, f]) =
            (self.number.to_be_bytes(), self.end.to_be_bytes());
        debug_assert_eq!(
            high | zero,
            0,
            "numbers have 24 bits, and so has what they take"
        );
        [a, b, c, d, e, f]
    }

    fn decode([a, b, c, d, e, f]: [u8; SKIP_LEN as usize]) -> Self {
        Self {
            number: u32::from_be_bytes([0, a, b, c]),
            end: u32::from_be_bytes([0, d, e, f]),
        }
    }
}

/// Returns how many bytes the skips of a list take.
pub(super) fn skips_len(count: u32) -> u32 {
    if count > BLOCK_NUMBERS {
        count.div_ceil(BLOCK_NUMBERS) * SKIP_LEN
    } else {
        0
    }
}

/// Reads the blocks of a list; keeps the pages in hand.
#[derive(Debug)]
pub(super) struct ListReader {
    count: u32,
    last: u32,
    /// Where the skips stand, or the only block.
    at: u32,
    /// Where the first block starts.
    blocks_at: u32,
    skips: Stream,
    blocks: Stream,
}

impl ListReader {
    /// Starts to read the list of `count` numbers up to `last` that stands at `at`.
    pub(super) fn new(count: u32, last: u32, at: u32) -> Self {
        Self {
            count,
            last,
            at,
            blocks_at: at.saturating_add(skips_len(count)),
            skips: Stream::default(),
            blocks: Stream::default(),
        }
    }

    pub(super) fn block_count(&self) -> u32 {
        self.count.div_ceil(BLOCK_NUMBERS)
    }

    fn is_long(&self) -> bool {
        self.count > BLOCK_NUMBERS
    }

    /// Returns the first block, `from` or behind it, that does not end below `number`, which is
    /// not above the last one.
    pub(super) fn find(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        from: u32,
        number: u32,
    ) -> Result<u32, LogError> {
        let (mut low, mut high) = (from, self.block_count().saturating_sub(1));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.skip(run, pages, middle)?.number < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Reads the numbers of a block, and returns the one before them.
    pub(super) fn read(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        block: u32,
        numbers: &mut Vec<u32>,
    ) -> Result<Option<u32>, LogError> {
        let start = match block.checked_sub(1) {
            Some(before) => Some(self.skip(run, pages, before)?),
            None => None,
        };
        let first = block.saturating_mul(BLOCK_NUMBERS);
        let count = self.count.saturating_sub(first).min(BLOCK_NUMBERS);
        let end = self.decode(run, pages, start, count, numbers)?;
        let as_told = !self.is_long() || self.skip(run, pages, block)? == end;
        let fits = if block + 1 < self.block_count() {
            end.number < self.last
        } else {
            end.number == self.last
        };
        if as_told && fits {
            Ok(start.map(|start| start.number))
        } else {
            Err(damaged_at(run, self.skip_at(block)))
        }
    }

    /// Reads `count` numbers behind a skip, and returns where they end.
    fn decode(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        start: Option<Skip>,
        count: u32,
        numbers: &mut Vec<u32>,
    ) -> Result<Skip, LogError> {
        numbers.clear();
        numbers.resize(count as usize, 0);
        let mut sum = Sum::new(start);
        let mut at = match start {
            Some(start) => self.start(run, pages, start)?,
            None => self.blocks_at,
        };
        let mut rest = numbers.as_mut_slice();
        while !rest.is_empty() {
            let bytes = self.blocks.from(run, pages, at)?;
            let taken = sum.take(bytes, rest).ok_or_else(|| damaged_at(run, at))?;
            rest = rest.split_at_mut(taken.numbers).1;
            at = at.saturating_add(taken.bytes);
        }
        Ok(Skip {
            number: sum.number,
            end: at - self.blocks_at,
        })
    }

    /// Returns where the numbers behind a skip start, which is not inside of one.
    fn start(&mut self, run: &IndexRun, pages: &impl Pages, skip: Skip) -> Result<u32, LogError> {
        let at = self.blocks_at.saturating_add(skip.end);
        let [before] = self.blocks.array(run, pages, at.saturating_sub(1))?;
        if before & 0x80 == 0 {
            Ok(at)
        } else {
            Err(damaged_at(run, at))
        }
    }

    fn skip(&mut self, run: &IndexRun, pages: &impl Pages, block: u32) -> Result<Skip, LogError> {
        let at = self.skip_at(block);
        self.skips.array(run, pages, at).map(Skip::decode)
    }

    fn skip_at(&self, block: u32) -> u32 {
        self.at.saturating_add(block.saturating_mul(SKIP_LEN))
    }
}

/// Adds up differences, which may go on over the ends of pages.
#[derive(Debug)]
struct Sum {
    number: u32,
    /// The least difference that may follow.
    least: u32,
    /// What is known of the difference in hand.
    bits: u32,
    shift: u32,
}

/// How much was taken.
struct Taken {
    numbers: usize,
    bytes: u32,
}

impl Sum {
    /// Starts behind a skip, or before the first number.
    fn new(start: Option<Skip>) -> Self {
        Self {
            number: start.map_or(0, |start| start.number),
            least: u32::from(start.is_some()),
            bits: 0,
            shift: 0,
        }
    }

    /// Takes numbers off the front of `bytes` until `places` are full; `None` when they do not
    /// ascend, or have more bits than an event's number.
    fn take(&mut self, bytes: &[u8], places: &mut [u32]) -> Option<Taken> {
        let mut taken = Taken {
            numbers: 0,
            bytes: 0,
        };
        let mut places = places.iter_mut();
        for byte in bytes {
            taken.bytes += 1;
            self.bits |= u32::from(byte & 0x7f) << self.shift;
            if byte & 0x80 != 0 {
                self.shift += 7;
                if self.shift > NUMBER_BITS {
                    return None;
                }
                continue;
            }
            if self.bits < self.least {
                return None;
            }
            self.number = self.number.checked_add(self.bits)?;
            (self.least, self.bits, self.shift) = (1, 0, 0);
            *places.next()? = self.number;
            taken.numbers += 1;
            if places.len() == 0 {
                break;
            }
        }
        Some(taken)
    }
}

/// Puts lists one behind the other.
#[derive(Debug, Default)]
pub(super) struct ListWriter {
    bytes: Vec<u8>,
    before: Option<u32>,
    /// How many numbers the list has so far, and in the end.
    count: u32,
    total: u32,
    blocks_at: usize,
    /// Where the next skip goes.
    skip_at: usize,
}

impl ListWriter {
    /// Starts a list of `total` numbers.
    pub(super) fn begin(&mut self, total: u32) {
        self.skip_at = self.bytes.len();
        self.blocks_at = self.skip_at + skips_len(total) as usize;
        self.bytes.resize(self.blocks_at, 0);
        (self.before, self.count, self.total) = (None, 0, total);
    }

    /// Adds the next number of the list.
    pub(super) fn put(&mut self, number: u32) {
        put_varint(&mut self.bytes, number - self.before.unwrap_or_default());
        self.before = Some(number);
        self.count += 1;
        let block_ends = self.count.is_multiple_of(BLOCK_NUMBERS) || self.count == self.total;
        if block_ends && self.total > BLOCK_NUMBERS {
            self.put_skip(number);
        }
    }

    fn put_skip(&mut self, number: u32) {
        let len = self.bytes.len() - self.blocks_at;
        let end = u32::try_from(len).expect("a list takes less than 2^24 bytes");
        let behind = self.skip_at + SKIP_LEN as usize;
        if let Some(place) = self.bytes.get_mut(self.skip_at..behind) {
            place.copy_from_slice(&Skip { number, end }.encode());
        }
        self.skip_at = behind;
    }

    /// Returns the lists so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
