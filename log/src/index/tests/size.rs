//! What a run costs.

use super::support::{Segment, Shape};
use crate::layout::run::PAGE_LEN;
use crate::seed::seeded_random;

/// Returns how many bytes an event of a run takes, with 1,000 entities.
fn bytes_an_event(scopes: u8, kinds: u16, caused: u32) -> f64 {
    let shape = Shape {
        groups: 32_768 / 16,
        group_events: 31,
        entities: 1_000,
        name_len: 4..12,
        scopes,
        kinds,
        caused,
        gaps: 0,
        ..Shape::default()
    };
    let segment = Segment::random(&mut seeded_random(), &shape);
    let (run, _) = segment.open(0..shape.groups);
    let bytes = u64::from(run.page_count()) * PAGE_LEN as u64;
    let each = bytes as f64 / f64::from(run.event_count());
    println!("{each:.2} bytes an event, {} events", run.event_count());
    each
}

/// The budget is about 16 bytes an event, at most 25; what is in one scope and of one kind takes
/// postings for either. The half page that each table leaves empty is in these numbers, too.
#[test]
fn an_event_takes_about_sixteen_bytes() {
    assert!(bytes_an_event(1, 1, 0) <= 17.5);
    assert!(bytes_an_event(3, 10, 0) <= 20.0);
    assert!(bytes_an_event(3, 10, 2) <= 25.0);
}
