//! Makes what crashes leave of a disk while a workload runs.

use batpak_log::fs::{Call, Keep, Loss, SimFs};
use crossbeam_channel::{Receiver, Sender};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The smallest part of a disk that is written whole or not at all.
const SECTOR: usize = 512;
/// So many crash points are looked at in one run of the workload, so that memory stays small.
pub(super) const POINTS_IN_ONE_RUN: u64 = 32;

/// A disk as a crash has left it.
pub(super) struct Image {
    pub(super) point: u64,
    /// The calls that had begun before the crash.
    pub(super) calls_before: u64,
    pub(super) loss: Loss,
    pub(super) disk: SimFs,
}

/// What an observer sends.
pub(super) enum Sight {
    /// The digest of the calls that were looked at before.
    Passed(u64),
    Call(String),
    Image(Box<Image>),
}

/// What one run has shown.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) passed: u64,
    pub(super) calls: Vec<String>,
    pub(super) images: Vec<Image>,
}

impl Seen {
    pub(super) fn gather(sights: &Receiver<Sight>) -> Self {
        let mut seen = Self::default();
        for sight in sights.try_iter() {
            match sight {
                Sight::Passed(digest) => seen.passed = digest,
                Sight::Call(call) => seen.calls.push(call),
                Sight::Image(image) => seen.images.push(*image),
            }
        }
        seen
    }
}

/// Makes images of one disk.
#[derive(Clone)]
pub(super) struct Crasher {
    pub(super) seed: u64,
    pub(super) cuts: u32,
    pub(super) disk: SimFs,
}

impl Crasher {
    /// Has images made at the points from `first` on, until there are enough for one run.
    pub(super) fn crash_from(&self, first: u64, sights: Sender<Sight>) {
        let crasher = self.clone();
        let (mut point, mut digest) = (0, 0);
        self.disk.observe(Some(Box::new(move |call: &Call<'_>| {
            if !call.changes() {
                return;
            }
            point += 1;
            let name = format!("{:?} {} ({} bytes)", call.call, call.name, call.bytes);
            if point < first {
                digest = chained(digest, &name);
                if point + 1 == first {
                    let _ = sights.try_send(Sight::Passed(digest));
                }
            } else if point < first + POINTS_IN_ONE_RUN {
                // There is room for all that one run may send.
                let _ = sights.try_send(Sight::Call(name));
                for image in crasher.images(point, call.index) {
                    let _ = sights.try_send(Sight::Image(Box::new(image)));
                }
            } else {
                crasher.disk.die();
            }
        })));
    }

    /// Returns what each kind of crash leaves now. What is lost at a point does not depend on the
    /// run in which it is looked at.
    pub(super) fn images(&self, point: u64, calls_before: u64) -> Vec<Image> {
        let mut random = fastrand::Rng::with_seed(self.seed ^ point.rotate_left(32));
        let power = |nth| Loss::Power {
            sector: SECTOR,
            keep: if nth == 0 { Keep::Nothing } else { Keep::Some },
        };
        let losses = std::iter::once(Loss::Kill).chain((0..self.cuts).map(power));
        let image = |loss| Image {
            point,
            calls_before,
            loss,
            disk: self.disk.crash(loss, &mut random),
        };
        losses.map(image).collect()
    }
}

/// Returns a digest of what was before and of one more text.
pub(super) fn chained(digest: u64, text: &String) -> u64 {
    let mut hasher = DefaultHasher::new();
    (digest, text).hash(&mut hasher);
    hasher.finish()
}
