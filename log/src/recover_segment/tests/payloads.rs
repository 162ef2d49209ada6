//! Payloads that look like the log itself never change a verdict.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{POISONED, REBOOTED, SAME_BOOT, newest};
use crate::fixtures::{Image, file_of, index};
use crate::fs::File;
use crate::seed::seeded_random;
use crate::segment::{TailFacts, judge_tail};

/// Returns byte copies of what a segment consists of: markers, frames, groups, whole files.
///
/// They come from where a payload can come from: another segment, or what stands before it in its
/// own one. A copy at its own place does not exist, since nothing stood there when it was made.
fn copies(image: &Image, random: &mut fastrand::Rng) -> Vec<u8> {
    let sealed = image.sealed(random.bool());
    let marker = image.header.binding().group_marker();
    let from = random.usize(0..sealed.len());
    match random.u8(0..5) {
        0 => marker.repeat(random.usize(1..50)),
        1 => sealed,
        2 => match random.choice(&image.starts) {
            Some(start) => sealed[index(*start)..].to_vec(),
            None => sealed,
        },
        3 => sealed[from..random.usize(from..=sealed.len())].to_vec(),
        _ => image.sealed(true)[image.bytes.len()..].to_vec(),
    }
}

#[test]
fn a_payload_of_copies_has_the_verdict_of_any_other_payload() {
    let mut random = seeded_random();
    let mut other = Image::of_four_groups().successor();
    for payload in [b"one".as_slice(), b"two", b"three"] {
        other.group(&[payload], other.position.offset);
    }
    for _ in 0..2_000 {
        let (mut looks_alike, mut plain) = (Image::first(), Image::first());
        for _ in 0..random.usize(1..5) {
            let copy = match random.bool() {
                true => copies(&looks_alike.clone(), &mut random),
                false => copies(&other, &mut random),
            };
            let proven = match random.bool() {
                true => looks_alike.position.offset,
                false => 0,
            };
            looks_alike.group(&[&copy, b"behind"], proven);
            plain.group(&[&vec![0x55; copy.len()], b"behind"], proven);
        }
        let facts = random.choice([SAME_BOOT, REBOOTED, POISONED]).unwrap();
        let len = random.usize(168..=plain.bytes.len());
        let lost = random.usize(168..=len)..len;
        let flip = random.usize(168..plain.bytes.len());
        let kind = random.u8(0..3);
        let verdict = |image: &Image| {
            let mut bytes = image.bytes.clone();
            match kind {
                0 => bytes.truncate(len),
                1 => bytes[lost.clone()]
                    .iter_mut()
                    .for_each(|byte| *byte ^= 0xA5),
                _ => bytes[flip] ^= 0x40,
            }
            match newest(image, &bytes, facts) {
                Ok(end) => Ok((end.position.offset, end.position.event_count, end.proven)),
                Err(error) => Err(error.to_string()),
            }
        };
        let (looks_alike, plain) = (verdict(&looks_alike), verdict(&plain));
        assert_eq!(looks_alike, plain, "{kind} {len} {lost:?} {flip}");
    }
}

/// The end of a payload may be all that is left behind a broken group: as if it were groups.
#[test]
fn copies_where_a_group_should_start_prove_nothing() {
    let mut random = seeded_random();
    let source = Image::of_four_groups();
    for _ in 0..2_000 {
        let image = Image::of_four_groups();
        let mut bytes = image.bytes.clone();
        bytes.extend(vec![0; random.usize(0..300)]);
        bytes.extend(copies(&source, &mut random));
        let end = newest(&image, &bytes, SAME_BOOT).unwrap();
        assert_eq!(end.position, image.position);
    }
}

/// Counts the bytes that are read of a file.
#[derive(Debug)]
struct Counting {
    file: Arc<dyn File>,
    read: AtomicU64,
}

impl File for Counting {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.allocate(offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Anybody who can append can write a payload of nothing but markers; and after a power cut a
/// whole log of small groups may stand behind a broken one. Neither makes an opening slow.
#[test]
fn a_tail_is_judged_by_reading_it_a_few_times_whatever_it_holds() {
    let mut markers = Image::first();
    let marker = markers.header.binding().group_marker();
    markers.group(&[b"broken"], 0);
    markers.group(&[&marker.repeat(250_000)], 0);
    let mut groups = Image::first();
    for _ in 0..20_000 {
        groups.group(&[b"small"], 0);
    }
    let mut broken = groups.clone();
    for start in groups.starts.iter().step_by(3) {
        broken.bytes[index(*start) + 50] ^= 1;
    }
    for mut image in [markers, groups, broken] {
        image.bytes[170] ^= 1;
        let len = image.bytes.len() as u64;
        let file = Arc::new(Counting {
            file: file_of(&image.bytes),
            read: AtomicU64::new(0),
        });
        let shared: Arc<dyn File> = Arc::clone(&file) as Arc<dyn File>;
        let facts = TailFacts::default();
        let tail = judge_tail(
            &shared,
            &image.header,
            crate::segment::Stop::at(168, 168),
            facts,
        )
        .unwrap();
        assert_eq!(tail.torn, Some(168..len));
        let read = file.read.load(Ordering::Relaxed);
        assert!(read < 8 * len, "{read} bytes were read of {len}");
    }
}
