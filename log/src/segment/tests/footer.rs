use crate::error::LogError;
use crate::fixtures::{Image, each_flip, file_of, first_header};
use crate::layout::{FOOTER_LEN_MIN, FOOTER_MARKER_LEN};
use crate::position::Hlc;
use crate::seed::seeded_random;
use crate::segment::{Binding, SegmentName, Trailer, encode_footer, read_trailer};

fn read(bytes: &[u8]) -> Result<Option<Trailer>, LogError> {
    read_trailer(&*file_of(bytes), &first_header().binding())
}

#[test]
fn random_trailers_come_back() {
    let mut random = seeded_random();
    for _ in 0..1_000 {
        let binding = Binding::new(
            random.u128(..).to_be_bytes(),
            SegmentName {
                id: random.u64(1..),
                generation: random.u32(..),
            },
        );
        let end = random.usize(0..500);
        let trailer = Trailer {
            clean: random.bool(),
            end_offset: end as u64,
            event_count: random.u64(..),
            next_sequence: random.u64(..),
            hlc: Hlc {
                wall_us: random.u64(..),
                counter: random.u16(..),
            },
            log_hash: [random.u8(..); 32],
        };
        let footer = encode_footer(&binding, &trailer);
        assert_eq!(footer.len(), FOOTER_LEN_MIN);
        let bytes = [vec![0xAB; end], footer].concat();
        assert_eq!(
            read_trailer(&*file_of(&bytes), &binding).unwrap(),
            Some(trailer)
        );
    }
}

#[test]
fn every_flipped_bit_of_a_footer_makes_it_none() {
    let image = Image::of_four_groups();
    let bytes = image.sealed(true);
    each_flip(&bytes, image.bytes.len()..bytes.len(), |at, flipped| {
        assert_eq!(read(flipped).unwrap(), None, "byte {at}");
    });
}

/// The marker may stand at the end of one sector and the trailer at the start of the next.
#[test]
fn a_trailer_whose_marker_was_lost_by_a_power_cut_is_none() {
    let image = Image::of_four_groups();
    let mut bytes = image.sealed(true);
    bytes[image.bytes.len()..][..FOOTER_MARKER_LEN].fill(0);
    assert_eq!(read(&bytes).unwrap(), None);
}

#[test]
fn a_file_that_ends_elsewhere_has_no_trailer() {
    let bytes = Image::of_four_groups().sealed(true);
    for len in 0..bytes.len() {
        assert_eq!(read(&bytes[..len]).unwrap(), None, "{len} bytes");
    }
    for extra in 1..200 {
        let longer = [bytes.clone(), vec![0; extra]].concat();
        assert_eq!(read(&longer).unwrap(), None, "{extra} bytes more");
    }
}

#[test]
fn a_trailer_counts_only_in_its_own_place() {
    let image = Image::of_four_groups();
    let footer = encode_footer(&image.header.binding(), &image.position.as_trailer(true));
    let moved = [image.bytes.clone(), vec![0], footer.clone()].concat();
    assert_eq!(read(&moved).unwrap(), None, "one byte later");
    let bytes = image.sealed(true);
    let others = [
        Binding::new([9; 16], image.header.segment),
        Binding::new(image.header.store_id, SegmentName::first_generation(2)),
        Binding::new(
            image.header.store_id,
            SegmentName {
                id: 1,
                generation: 1,
            },
        ),
    ];
    for binding in others {
        assert_eq!(
            read_trailer(&*file_of(&bytes), &binding).unwrap(),
            None,
            "{binding:?}"
        );
    }
}

/// A trailer is not believed further than the file reaches, even when its checksum holds.
#[test]
fn an_end_outside_the_file_is_no_end() {
    let image = Image::of_four_groups();
    let binding = image.header.binding();
    let len = image.bytes.len() as u64;
    for end_offset in [len + 1, len + 96, u64::MAX - 96, u64::MAX - 95, u64::MAX] {
        let trailer = Trailer {
            end_offset,
            ..image.position.as_trailer(true)
        };
        let mut last = encode_footer(
            &binding,
            &Trailer {
                end_offset: len,
                ..trailer
            },
        );
        last[24..32].copy_from_slice(&end_offset.to_be_bytes());
        let crc = binding.crc(len + 8, &last[20..]);
        last[16..20].copy_from_slice(&crc.to_be_bytes());
        let bytes = [image.bytes.as_slice(), &last].concat();
        assert_eq!(read(&bytes).unwrap(), None, "{end_offset}");
    }
}
