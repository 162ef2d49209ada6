//! File systems of our own: small ones in memory, and images on a loop device.

use crate::process::run;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A file system that is mounted until this is dropped.
pub(crate) struct Mount {
    pub(crate) at: PathBuf,
}

impl Mount {
    /// Mounts a file system in memory of so many KiB.
    pub(crate) fn in_memory(at: &Path, kib: u64) -> Result<Self> {
        let options = format!("size={kib}k");
        Self::new(at, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// Mounts an image.
    pub(crate) fn image(at: &Path, image: &Path) -> Result<Self> {
        let image = image.display().to_string();
        Self::new(at, &["-o", "loop", &image])
    }

    /// Mounts an image on a device that cannot be written to.
    pub(crate) fn read_only_image(at: &Path, image: &Path) -> Result<Self> {
        let image = image.display().to_string();
        Self::new(at, &["-o", "loop,ro", &image])
    }

    /// Mounts a directory once more, read-only.
    pub(crate) fn view(at: &Path, directory: &Path) -> Result<Self> {
        let directory = directory.display().to_string();
        Self::new(at, &["-o", "bind,ro", &directory])
    }

    fn new(at: &Path, arguments: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let place = at.display().to_string();
        let arguments: Vec<_> = arguments.iter().copied().chain([place.as_str()]).collect();
        run("mount", &arguments)?;
        Ok(Self {
            at: at.to_path_buf(),
        })
    }

    /// Mounts it again with another option.
    pub(crate) fn again(&self, option: &str) -> Result<()> {
        let options = format!("remount,{option}");
        run("mount", &["-o", &options, &self.at.display().to_string()])?;
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let at = self.at.display().to_string();
        if run("umount", &[&at]).is_err() {
            // What still has a file open there is about to be killed.
            let _ = run("umount", &["--lazy", &at]);
        }
    }
}

/// Says why nothing can be mounted here, if so.
pub(crate) fn why_no_memory() -> Option<String> {
    try_mount(|place| Mount::in_memory(place, 64))
}

/// Says why no image can be made, mounted, and looked at as if the machine had been restarted.
pub(crate) fn why_no_image() -> Option<String> {
    try_mount(|place| {
        let image = place.with_extension("image");
        make_image(&image)?;
        let mount = Mount::image(place, &image)?;
        let boot_id = place.with_extension("boot-id");
        std::fs::write(&boot_id, "")?;
        let wrapper = rebooted(&boot_id);
        let wrapper: Vec<_> = wrapper.iter().map(String::as_str).chain(["true"]).collect();
        if let Some((program, arguments)) = wrapper.split_first() {
            run(program, arguments)?;
        }
        Ok(mount)
    })
}

fn try_mount(mount: impl FnOnce(&Path) -> Result<Mount>) -> Option<String> {
    let room = tempfile::tempdir().ok()?;
    let tried = mount(&room.path().join("mounted"));
    let failed = tried.err();
    failed.map(|error| format!("no file system can be mounted here: {error:#}"))
}

/// Makes a file that holds an empty ext4.
pub(crate) fn make_image(image: &Path) -> Result<()> {
    let file = std::fs::File::create(image)?;
    file.set_len(16 << 20)?;
    run("mkfs.ext4", &["-q", "-F", &image.display().to_string()])?;
    Ok(())
}

/// Returns a wrapper that lets a process read another boot id, as after a restart of the machine.
pub(crate) fn rebooted(boot_id: &Path) -> Vec<String> {
    let script = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id && shift && exec \"$@\"";
    let boot_id = boot_id.display().to_string();
    ["unshare", "--mount", "sh", "-c", script, "sh", &boot_id]
        .map(str::to_owned)
        .to_vec()
}
