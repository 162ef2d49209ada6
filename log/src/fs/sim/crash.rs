//! What a crash leaves of a disk.

use std::sync::{Arc, Mutex};

use super::SimFs;
use super::directory::{Directory, InodeId};
use super::disk::{Disk, enter};
use super::image::{Inode, Survival};

/// What is lost in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The process ends and the machine runs on: what calls could see is left. Of a write that was
    /// about to be made some of the first bytes are left. A power cut of the new disk can still
    /// lose what was not synced.
    Kill,
    /// The machine stops: all that is left is durable, and of what was not synced a part.
    Power {
        /// How many bytes the disk writes as one.
        sector: usize,
        /// What is left of the changes that were not synced.
        keep: Keep,
    },
}

/// What a power cut leaves of the changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Everything, also the write that was about to be made. What a failed sync dropped is no
    /// pending change and is lost.
    All,
    /// A part that is drawn: of the writes any sectors, of the changes of a file's length those
    /// up to one of them, of the changes of names any, or those up to one of them. How likely a
    /// change is to survive is drawn, too, so that nearly nothing and nearly all are common.
    Some,
}

impl SimFs {
    /// Returns what a crash at this moment leaves: a disk of its own with no open files, no
    /// locks, no faults and no observer, whose calls are counted from 0.
    ///
    /// The quota is carried over. A power cut gives it another boot id, unless that is unknown.
    #[must_use]
    pub fn crash(&self, loss: Loss, random: &mut fastrand::Rng) -> Self {
        let state = enter(&self.disk);
        let (disk, boot_id) = match loss {
            Loss::Kill => (state.killed(random), self.boot_id),
            Loss::Power { sector, keep } => {
                let boot_id = random.u128(..).to_be_bytes();
                let disk = state.cut_off(sector, &mut Odds::new(keep, random), random);
                (disk, self.boot_id.map(|_| boot_id))
            }
        };
        Self::of(disk, boot_id)
    }

    /// Returns an exact copy of names, bytes and all that is not synced, otherwise as new; a
    /// write that was about to be made is left out.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::of(enter(&self.disk).copy(), self.boot_id)
    }

    fn of(disk: Disk, boot_id: Option<[u8; 16]>) -> Self {
        let disk = Arc::new(Mutex::new(disk));
        Self { disk, boot_id }
    }
}

impl Disk {
    fn copy(&self) -> Self {
        let closed = |(inode, file): (&InodeId, &Inode)| {
            let file = Inode {
                open: 0,
                ..file.clone()
            };
            (*inode, file)
        };
        let mut copy = Self {
            names: self.names.clone(),
            inodes: self.inodes.iter().map(closed).collect(),
            next_inode: self.next_inode,
            quota: self.quota,
            ..Self::default()
        };
        copy.collect();
        copy
    }

    fn killed(&self, random: &mut fastrand::Rng) -> Self {
        let mut copy = self.copy();
        if let Some(write) = &self.in_flight {
            let room = self.room_in_flight();
            let (written, _) = write.bytes.split_at(random.usize(..=room));
            if let Some(file) = copy.inodes.get_mut(&write.inode) {
                file.write(write.offset, written);
            }
        }
        copy
    }

    fn cut_off(&self, sector: usize, odds: &mut Odds, random: &mut fastrand::Rng) -> Self {
        let mut disk = Self {
            next_inode: self.next_inode,
            quota: self.quota,
            ..Self::default()
        };
        let chosen = odds.choose_names(self.names.pending.len(), random);
        let names = self.names.survivor(chosen);
        for inode in names.files.values() {
            let file = self.inodes.get(inode);
            let bytes = file.map(|file| self.cut_off_file(*inode, file, sector, odds, random));
            let file = Inode::settled(bytes.unwrap_or_default());
            disk.inodes.insert(*inode, file);
        }
        disk.names = Directory::settled(names);
        disk
    }

    fn cut_off_file(
        &self,
        inode: InodeId,
        file: &Inode,
        sector: usize,
        odds: &mut Odds,
        random: &mut fastrand::Rng,
    ) -> Arc<Vec<u8>> {
        let with_write = self.in_flight.as_ref().filter(|write| write.inode == inode);
        let with_write = with_write.map(|write| {
            let mut file = file.clone();
            let (written, _) = write.bytes.split_at(self.room_in_flight());
            file.write(write.offset, written);
            file
        });
        let file = with_write.as_ref().unwrap_or(file);
        let likely = odds.next(random);
        let lengths = count(likely, file.pending_lengths(), random);
        file.survivor(Survival {
            sector,
            lengths,
            keep: &mut || is_kept(likely, random),
        })
    }

    /// Counts the bytes of the write in flight that there is room for.
    fn room_in_flight(&self) -> usize {
        let Some(write) = &self.in_flight else {
            return 0;
        };
        let (offset, len) = (write.offset as u64, write.bytes.len());
        self.room(write.inode, offset, len).unwrap_or(0)
    }
}

/// How likely a change is to survive, in 256ths.
type Likely = u16;

/// Every change survives.
const CERTAIN: Likely = 256;

/// Draws how likely changes are to survive: for the whole disk, or for each file anew.
struct Odds {
    common: Option<Likely>,
}

impl Odds {
    fn new(keep: Keep, random: &mut fastrand::Rng) -> Self {
        let common = match keep {
            Keep::Nothing => Some(0),
            Keep::All => Some(CERTAIN),
            Keep::Some => random.bool().then(|| draw_likely(random)),
        };
        Self { common }
    }

    fn next(&mut self, random: &mut fastrand::Rng) -> Likely {
        self.common.unwrap_or_else(|| draw_likely(random))
    }

    /// Draws which changes of names survive: any of them, or those up to one.
    fn choose_names(&mut self, changes: usize, random: &mut fastrand::Rng) -> Vec<bool> {
        let likely = self.next(random);
        if random.bool() {
            return (0..changes).map(|_| is_kept(likely, random)).collect();
        }
        let first = count(likely, changes, random);
        (0..changes).map(|number| number < first).collect()
    }
}

fn draw_likely(random: &mut fastrand::Rng) -> Likely {
    match random.u8(..4) {
        0 => random.u16(..16),
        1 => CERTAIN - random.u16(..16),
        _ => random.u16(..=CERTAIN),
    }
}

fn is_kept(likely: Likely, random: &mut fastrand::Rng) -> bool {
    random.u16(..CERTAIN) < likely
}

/// Draws how many of the first changes survive.
fn count(likely: Likely, changes: usize, random: &mut fastrand::Rng) -> usize {
    match (is_kept(likely, random), is_kept(likely, random)) {
        (true, true) => changes,
        (false, false) => 0,
        (true, false) | (false, true) => random.usize(..=changes),
    }
}
