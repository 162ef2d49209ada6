//! A snapshot, with appends beside it.

use super::folder::Folder;
use super::image::Images;
use super::{World, is_refusal};
use crate::model::Recovered;
use crate::plan::NewEvent;
use batpak::prelude::Coordinate;
use batpak::store::{AppendOptions, StoreError};
use batpak::testkit::{Fs, Keep, Loss, Machine, snapshot_to};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A copy that is made, or was.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// Its folder on the machine's disk.
    folder: String,
    /// Everything that was visible when it was asked for.
    due: Recovered,
    /// It was said to be there.
    is_done: bool,
}

impl World {
    /// Takes a snapshot while others append. It holds what was visible then, and of what came
    /// meanwhile a front; what a crash leaves of it before it is said to be there is refused.
    pub(super) fn snapshot(&mut self, caller: u8, beside: &[NewEvent]) -> Result<(), String> {
        self.settle()?;
        let Some(due) = self.log()? else {
            return Ok(());
        };
        for event in beside {
            self.append(caller, event, None)?;
        }
        self.copy(due)
    }

    /// Tells whether something has happened for which a copy or a compaction fails with this.
    pub(super) fn may_fail(&self, error: &StoreError) -> bool {
        let model = &self.inner().model;
        // What a failed sync has lost is not there to be read.
        let is_lost = model.strictness.pages_drop && is_refusal(error);
        is_lost || model.has_reason(error)
    }

    /// Takes a snapshot of what is visible; `due` is that.
    pub(super) fn copy(&self, due: Recovered) -> Result<(), String> {
        let Some(store) = self.store().filter(|_| !self.has_died()) else {
            return Ok(());
        };
        let folder = self.name_folder();
        let Some(place) = self.make_folder(&folder) else {
            return Ok(());
        };
        let is_done = false;
        self.inner().copy = Some(Copy {
            folder: folder.clone(),
            due,
            is_done,
        });
        self.inner().maintaining = true;
        let made = snapshot_to(store, Arc::new(place));
        self.inner().maintaining = false;
        let checked = match made {
            _ if self.has_died() => Ok(()),
            Ok(()) => self.check_copy_now(),
            Err(error) => match self.may_fail(&error) {
                true => Ok(()),
                false => Err(format!("a snapshot failed: {error}")),
            },
        };
        self.inner().copy = None;
        for name in self.disk().files() {
            if name.starts_with(&folder) {
                // One that is not there need not be removed.
                drop(self.disk().delete(&name));
            }
        }
        checked
    }

    fn name_folder(&self) -> String {
        let mut inner = self.inner();
        inner.tally.snapshots += 1;
        format!("copy-{}", inner.tally.snapshots)
    }

    /// Makes a folder, durably; `None` when the disk does not.
    fn make_folder(&self, name: &str) -> Option<Folder> {
        let disk = self.disk();
        let made = catch_unwind(AssertUnwindSafe(|| {
            disk.create_directory(name)?;
            disk.sync_directory("")
        }));
        matches!(made, Ok(Ok(()))).then(|| Folder::new(disk, name))
    }

    /// What was said to be there survives whatever comes.
    fn check_copy_now(&self) -> Result<(), String> {
        let mut inner = self.inner();
        if let Some(copy) = &mut inner.copy {
            copy.is_done = true;
        }
        let nothing = Loss::Power {
            sector: 512,
            keep: Keep::Nothing,
        };
        for loss in [Loss::Kill, nothing] {
            let image = self.machine.crash(loss, &mut inner.random);
            let checked = inner.with_images(|images, _| images.check_copy(&image));
            checked.map_err(|text| format!("{loss:?} after a snapshot: {text}"))?;
        }
        Ok(())
    }
}

impl Images<'_> {
    /// Checks the copy that is on a disk, if one is being made.
    pub(super) fn check_copy(&mut self, machine: &Machine) -> Result<(), String> {
        let Some(copy) = self.copy else {
            return Ok(());
        };
        self.tally.copies += 1;
        let folder = Folder::new(machine.disk(), &copy.folder);
        let disk = folder.taken_out();
        let is_empty = disk.files().is_empty();
        let machine = machine.with_image(disk, 1);
        let context = |text: String| format!("the copy: {text}");
        let store = match machine.open(self.config.clone()) {
            Ok(store) => store,
            Err(StoreError::UnfinishedSnapshot) if !copy.is_done => return Ok(()),
            Err(error) => return Err(context(format!("opening: {error}"))),
        };
        if is_empty && !copy.is_done {
            return Ok(());
        }
        let log = Recovered::read(&store, self.model).map_err(context)?;
        self.model.check_copy(&log, &copy.due).map_err(context)?;
        let verified = store.verify().map_err(|error| context(error.to_string()))?;
        if let Some(bad) = verified.first_bad {
            return Err(context(format!("verify: {bad:?}")));
        }
        let coord = Coordinate::new("entity:new", "scope").map_err(|error| error.to_string())?;
        let options = AppendOptions::new().with_expect_empty();
        let stored =
            store.append_with_options(&coord, crate::model::KIND, &(u64::MAX, ""), options);
        stored.map_err(|error| context(format!("a new event: {error}")))?;
        let closed = store.close();
        closed.map(drop).map_err(|error| context(error.to_string()))
    }
}
