use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::*;
use crate::fs::{Access, File, Fs, create_atomically, write_all_at};
use crate::seed::seeded_random;

mod bytes;
mod faults;
mod model;
mod names;
mod observing;
mod quota;
mod surgery;

const NOTHING: Loss = cut(Keep::Nothing);
const ALL: Loss = cut(Keep::All);
const SOME: Loss = cut(Keep::Some);

/// A power cut of a disk with sectors of 4 bytes.
const fn cut(keep: Keep) -> Loss {
    Loss::Power { sector: 4, keep }
}

/// A disk with one durable file, which is open.
fn with_file(bytes: &[u8]) -> (SimFs, Arc<dyn File>) {
    let fs = SimFs::new();
    fs.set_bytes("f", bytes.to_vec());
    let file = fs.open("f", Access::ReadWrite).unwrap();
    (fs, file)
}

fn write(file: &dyn File, offset: u64, bytes: &[u8]) {
    write_all_at(file, bytes, offset).unwrap();
}

fn left(fs: &SimFs, loss: Loss) -> Vec<u8> {
    let image = fs.crash(loss, &mut fastrand::Rng::with_seed(0));
    image.bytes("f").unwrap()
}

/// Crashes often; every image passes the check, and each of the wanted ones occurs.
fn crashes<T: PartialEq + std::fmt::Debug>(
    fs: &SimFs,
    loss: Loss,
    seen: impl Fn(&SimFs) -> T,
    allowed: impl Fn(&T) -> bool,
    wanted: &[T],
) {
    let mut random = seeded_random();
    let mut missing: Vec<_> = wanted.iter().collect();
    for _ in 0..2_000 {
        let image = seen(&fs.crash(loss, &mut random));
        assert!(allowed(&image), "{image:?}");
        missing.retain(|wanted| **wanted != image);
    }
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

fn bytes_of_f(fs: &SimFs) -> Vec<u8> {
    fs.bytes("f").unwrap()
}

fn kind_of<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}
