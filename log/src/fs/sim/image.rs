//! The bytes of one file: as calls see them, as they are durable, and what lies between.

use std::ops::Range;
use std::sync::Arc;

/// A change that no sync made durable yet.
#[derive(Clone)]
pub(super) enum Change {
    /// Bytes at an offset. Where they extend the file, a change of the length comes before.
    Write(usize, Arc<[u8]>),
    /// The file got this length.
    Length(usize),
}

/// A file, whatever its name. Copies share the bytes until one of them changes.
#[derive(Clone, Default)]
pub(super) struct Inode {
    /// What calls see.
    pub(super) live: Arc<Vec<u8>>,
    /// What is left when all that is pending is lost.
    pub(super) durable: Arc<Vec<u8>>,
    /// What the next sync makes durable. After a failed sync this is less than what lies between
    /// the two images; but the changes of the length always lead from the one to the other.
    pub(super) pending: Vec<Change>,
    /// How many open files there are.
    pub(super) open: usize,
}

/// Which of the pending changes a power cut leaves.
pub(super) struct Survival<'a> {
    /// The bytes that are written as one.
    pub(super) sector: usize,
    /// So many changes of the length, from the first on.
    pub(super) lengths: usize,
    /// Tells of each piece of a write whether it is left.
    pub(super) keep: &'a mut dyn FnMut() -> bool,
}

impl Inode {
    /// Makes a file whose bytes are all durable.
    pub(super) fn settled(bytes: Arc<Vec<u8>>) -> Self {
        Self {
            live: Arc::clone(&bytes),
            durable: bytes,
            ..Self::default()
        }
    }

    /// Writes bytes whose end is an index of a file that is not too large.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.set_length(self.live.len().max(offset + bytes.len()));
        let live: &mut Vec<u8> = Arc::make_mut(&mut self.live);
        overwrite(live, offset, bytes);
        self.pending.push(Change::Write(offset, bytes.into()));
    }

    pub(super) fn set_length(&mut self, len: usize) {
        if len != self.live.len() {
            Arc::make_mut(&mut self.live).resize(len, 0);
            self.pending.push(Change::Length(len));
        }
    }

    /// Makes everything pending durable.
    pub(super) fn sync(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let all = Survival {
            sector: usize::MAX,
            lengths: usize::MAX,
            keep: &mut || true,
        };
        apply(Arc::make_mut(&mut self.durable), &self.pending, all);
        self.pending.clear();
    }

    /// Forgets the pending writes, as a failed sync does.
    pub(super) fn lose_writes(&mut self) {
        let is_length = |change: &Change| matches!(change, Change::Length(_));
        self.pending.retain(is_length);
    }

    /// Makes the pending lengths and some sectors of the pending writes durable, and shows calls
    /// no more than that.
    pub(super) fn tear(&mut self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let some = Survival {
            sector: 512,
            lengths: usize::MAX,
            keep: &mut || random.bool(),
        };
        apply(Arc::make_mut(&mut self.durable), &self.pending, some);
        self.pending.clear();
        self.live = Arc::clone(&self.durable);
    }

    /// Counts the pending changes of the length.
    pub(super) fn pending_lengths(&self) -> usize {
        let is_length = |change: &&Change| matches!(change, Change::Length(_));
        self.pending.iter().filter(is_length).count()
    }

    /// Returns what a power cut leaves.
    pub(super) fn survivor(&self, survival: Survival<'_>) -> Arc<Vec<u8>> {
        let mut bytes = Arc::clone(&self.durable);
        if !self.pending.is_empty() {
            apply(Arc::make_mut(&mut bytes), &self.pending, survival);
        }
        bytes
    }

    /// Flips bits of a byte wherever it is kept; tells whether there is such a byte.
    pub(super) fn flip(&mut self, offset: usize, xor: u8) -> bool {
        for change in &mut self.pending {
            if let Change::Write(start, bytes) = change
                && let Some(at) = offset.checked_sub(*start)
                && let Some(byte) = Arc::make_mut(bytes).get_mut(at)
            {
                *byte ^= xor;
            }
        }
        if let Some(byte) = Arc::make_mut(&mut self.durable).get_mut(offset) {
            *byte ^= xor;
        }
        let live = Arc::make_mut(&mut self.live).get_mut(offset);
        live.map(|byte| *byte ^= xor).is_some()
    }
}

/// Applies what survives of the changes, in their order.
///
/// Until a change of the length is lost the length is what it was when the write was made, and
/// from then on it stays: so a piece is cut at the length of the moment, and what a surviving
/// truncation cleared does not come back.
fn apply(bytes: &mut Vec<u8>, changes: &[Change], survival: Survival<'_>) {
    let mut lengths = survival.lengths;
    for change in changes {
        match change {
            Change::Length(len) if lengths > 0 => {
                lengths -= 1;
                bytes.resize(*len, 0);
            }
            Change::Length(_) => {}
            Change::Write(offset, written) => {
                for piece in pieces(*offset, written.len(), survival.sector) {
                    if (survival.keep)() {
                        let at = offset.saturating_add(piece.start);
                        overwrite(bytes, at, written.get(piece).unwrap_or_default());
                    }
                }
            }
        }
    }
}

/// Cuts a write of `len` bytes at the boundaries of the file's sectors.
fn pieces(offset: usize, len: usize, sector: usize) -> impl Iterator<Item = Range<usize>> {
    let sector = sector.max(1);
    let mut start = 0;
    std::iter::from_fn(move || {
        let room = sector - (offset + start) % sector;
        let end = len.min(start.saturating_add(room));
        let piece = start..end;
        start = end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Puts bytes at an offset, as far as the file reaches.
fn overwrite(file: &mut [u8], offset: usize, bytes: &[u8]) {
    let place = file.get_mut(offset..).unwrap_or_default();
    let count = place.len().min(bytes.len());
    let (to, _) = place.split_at_mut(count);
    let (from, _) = bytes.split_at(count);
    to.copy_from_slice(from);
}
