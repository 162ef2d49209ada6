//! One run of a world: everything that it needs to happen again.

use crate::model::{Died, Strictness};
use crate::plan::{self, Knobs, Operation};
use crate::world::{self, ImagePolicy, World, WorldTally};
use batpak::testkit::{Fault, FsCall, Noise, When, watch};
use fastrand::Rng;
use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;

/// What goes wrong beside crashes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    None,
    /// Short and interrupted calls.
    Noise(Noise),
    /// This sync fails, of files or of the directory.
    Sync {
        call: FsCall,
        nth: u64,
    },
    /// This sync fails, and what it did not get to the disk is gone.
    TornSync {
        nth: u64,
        seed: u64,
    },
    /// This call fails.
    Call {
        index: u64,
        kind: ErrorKind,
    },
    /// This call does what it should and fails then.
    CallAfter {
        index: u64,
        kind: ErrorKind,
    },
    /// This call and all after it fail.
    Calls {
        index: u64,
        kind: ErrorKind,
    },
    /// The actor that makes this call panics.
    PanicInCall {
        index: u64,
        when: When,
    },
    /// An actor panics at this moment, of all that others can see.
    PanicAtMoment {
        index: u64,
    },
    /// The disk has so many bytes.
    Quota {
        bytes: u64,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) knobs: Knobs,
    pub(crate) operations: Vec<Operation>,
    pub(crate) strictness: Strictness,
    pub(crate) policy: ImagePolicy,
    pub(crate) trouble: Trouble,
}

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<(), String>,
    pub(crate) tally: WorldTally,
    /// How often the trouble struck.
    pub(crate) struck: u64,
    pub(crate) trace: Vec<String>,
}

impl Scenario {
    /// Draws a world without trouble.
    pub(crate) fn drawn(seed: u64, adjust: impl FnOnce(&mut Knobs, &mut Rng)) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut knobs = Knobs::drawn(&mut random);
        adjust(&mut knobs, &mut random);
        let operations = plan::draw(&knobs, &mut random);
        Self {
            seed,
            operations,
            strictness: world::strictness(&knobs),
            policy: ImagePolicy::NONE,
            trouble: Trouble::None,
            knobs,
        }
    }

    pub(crate) fn with_images(self, one_in: u32, at_once: u32, depth: u32) -> Self {
        let policy = ImagePolicy {
            one_in,
            at_once,
            depth,
            ..self.policy
        };
        Self { policy, ..self }
    }

    /// Sets the trouble, in which answers are not known in advance.
    pub(crate) fn with_trouble(self, trouble: Trouble) -> Self {
        let panics = matches!(
            trouble,
            Trouble::PanicInCall { .. } | Trouble::PanicAtMoment { .. }
        );
        let harmless = matches!(trouble, Trouble::None | Trouble::Noise(_));
        let strictness = Strictness {
            exact: harmless,
            disk_fails: !harmless && !panics,
            pages_drop: matches!(trouble, Trouble::TornSync { .. }),
            ..self.strictness
        };
        let mut scenario = Self {
            trouble,
            strictness,
            ..self
        };
        if panics {
            // The disk would panic in the caller's own calls.
            let by_actors = |operation: &Operation| !operation.is_made_by_caller();
            scenario.operations.retain(by_actors);
            for operation in &mut scenario.operations {
                if let Operation::Fence { reads, .. } = operation {
                    *reads = false;
                }
            }
        }
        scenario
    }

    pub(crate) fn run(&self, traced: bool) -> Outcome {
        let config = world::config(&self.knobs);
        let mut world = World::new(self.seed, config, self.strictness, self.policy);
        if traced {
            world.keep_trace();
        }
        let struck = Rc::new(Cell::new(0));
        let opened = world.open(Died::Nothing);
        // A panic of the disk in an opening would be the caller's: only actors are to panic.
        self.arm(&world, &struck);
        let result = opened.and_then(|()| world.run(&self.operations));
        watch(None);
        let trace = world.inner().trace.take().unwrap_or_default();
        Outcome {
            result,
            tally: world.tally(),
            struck: struck.get() + world.disk().injected(),
            trace,
        }
    }

    fn arm(&self, world: &World, struck: &Rc<Cell<u64>>) {
        let disk = world.disk();
        let begun = disk.calls();
        let mut panic_at = None;
        match self.trouble {
            Trouble::None => {}
            Trouble::Noise(noise) => disk.noise(noise),
            Trouble::Sync { call, nth } => disk.fail_nth(call, nth, Fault::Error(ErrorKind::Other)),
            Trouble::TornSync { nth, seed } => {
                disk.fail_nth(FsCall::SyncAll, nth, Fault::Torn(seed));
            }
            Trouble::Call { index, kind } => disk.fault(begun + index, Fault::Error(kind)),
            Trouble::CallAfter { index, kind } => {
                disk.fault(begun + index, Fault::ErrorAfter(kind));
            }
            Trouble::Calls { index, kind } => {
                disk.fail_from(begun + index, None, Fault::Error(kind))
            }
            Trouble::PanicInCall { index, when } => disk.fault(begun + index, Fault::Panic(when)),
            Trouble::PanicAtMoment { index } => panic_at = Some(index),
            Trouble::Quota { bytes } => disk.set_quota(Some(bytes)),
        }
        let struck = Rc::clone(struck);
        let mut moments = 0;
        let shared = std::sync::Arc::clone(world.shared());
        watch(Some(Box::new(move || {
            // While an image is checked the moments are those of another store.
            if shared.try_lock().is_err() {
                return;
            }
            moments += 1;
            if panic_at == Some(moments - 1) {
                struck.set(struck.get() + 1);
                panic!("the simulation makes an actor panic");
            }
        })));
    }
}
