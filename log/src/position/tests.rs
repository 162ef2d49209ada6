use super::*;
use crate::seed::seeded_random;

fn hlc(wall_us: u64, counter: u16) -> Hlc {
    Hlc { wall_us, counter }
}

#[test]
fn a_new_millisecond_starts_the_counter_again() {
    assert_eq!(hlc(1_999, 7).next(2_000), hlc(2_000, 0));
    assert_eq!(Hlc::default().next(1_234_567), hlc(1_234_567, 0));
}

#[test]
fn the_same_millisecond_counts_and_keeps_the_later_microsecond() {
    assert_eq!(hlc(1_000, 0).next(1_500), hlc(1_500, 1));
    assert_eq!(hlc(1_500, 1).next(1_500), hlc(1_500, 2));
    assert_eq!(hlc(1_500, 2).next(1_400), hlc(1_500, 3));
}

#[test]
fn a_clock_that_was_set_back_does_not_turn_time_back() {
    assert_eq!(hlc(9_000, 0).next(1_000), hlc(9_000, 1));
    assert_eq!(hlc(9_000, 1).next(-5), hlc(9_000, 2));
    assert_eq!(Hlc::default().next(i64::MIN), hlc(0, 1));
}

#[test]
fn a_spent_counter_borrows_the_next_millisecond() {
    let spent = hlc(1_500, u16::MAX);
    assert_eq!(spent.next(1_500), hlc(2_000, 0));
    assert_eq!(spent.next(1_999), hlc(2_000, 0));
    assert_eq!(spent.next(2_001), hlc(2_001, 0));
    assert_eq!(spent.next(1_500).next(1_501), hlc(2_000, 1));
}

#[test]
fn the_end_of_time_repeats() {
    let last = hlc(u64::MAX, u16::MAX);
    assert_eq!(last.next(i64::MAX), last);
    assert_eq!(hlc(u64::MAX - 1, u16::MAX).next(0), last);
    assert_eq!(hlc(u64::MAX, 3).next(0), hlc(u64::MAX, 4));
    assert_eq!(last.timestamp_us(), i64::MAX);
    assert_eq!(hlc(1_999, 0).timestamp_us(), 1_999);
    assert_eq!(last.wall_ms(), u64::MAX / 1_000);
}

/// Clocks that jump in both directions give strictly increasing times that are never early.
#[test]
fn random_clocks_never_go_back() {
    let mut random = seeded_random();
    let mut now = hlc(0, 0);
    for _ in 0..100_000 {
        let near = now.timestamp_us() + random.i64(-3_000..3_000);
        let proposed = if random.u8(..) == 0 {
            random.i64(0..1 << 40)
        } else {
            near
        };
        if random.u8(..) == 0 {
            now.counter = u16::MAX;
        }
        let next = now.next(proposed);
        assert!((next.wall_ms(), next.counter) > (now.wall_ms(), now.counter));
        assert!(next > now);
        assert!(next.timestamp_us() >= proposed);
        now = next;
    }
}

#[test]
fn constructors_fill_the_fields_that_they_name() {
    let position = DagPosition::with_hlc(1, 2, 3, 4, 5);
    assert_eq!(position.to_string(), "3:4:5@1.2");
    assert_eq!(
        DagPosition::new(3, 4, 5),
        DagPosition::with_hlc(0, 0, 3, 4, 5)
    );
    assert_eq!(DagPosition::root(), DagPosition::new(0, 0, 0));
    assert_eq!(DagPosition::child(5), DagPosition::new(0, 0, 5));
    assert_eq!(
        DagPosition::child_at(5, 1, 2),
        DagPosition::with_hlc(1, 2, 0, 0, 5)
    );
    assert_eq!(DagPosition::fork(3, 4), DagPosition::new(4, 4, 0));
    assert_eq!(DagPosition::fork(u32::MAX, 4).depth, u32::MAX);
}

#[test]
fn the_root_is_the_first_place_of_the_main_branch() {
    assert!(DagPosition::child_at(0, 9, 9).is_root());
    for other in [
        DagPosition::new(1, 0, 0),
        DagPosition::new(0, 1, 0),
        DagPosition::new(0, 0, 1),
    ] {
        assert!(!other.is_root());
    }
}

#[test]
fn order_is_by_sequence_within_one_branch() {
    let (first, second) = (
        DagPosition::child_at(1, 9, 0),
        DagPosition::child_at(2, 1, 0),
    );
    assert_eq!(first.partial_cmp(&second), Some(Ordering::Less));
    assert_eq!(second.partial_cmp(&first), Some(Ordering::Greater));
    assert!(first.is_ancestor_of(&second) && !second.is_ancestor_of(&first));
    assert!(!first.is_ancestor_of(&first));
    for elsewhere in [DagPosition::new(0, 1, 2), DagPosition::new(1, 0, 2)] {
        assert_eq!(first.partial_cmp(&elsewhere), None);
        assert!(!first.is_ancestor_of(&elsewhere));
    }
    let same_place = DagPosition::child_at(1, 10, 0);
    assert_eq!(first.partial_cmp(&same_place), None);
}

/// The laws that `PartialOrd` asks for, on positions that are close together.
#[test]
fn the_partial_order_obeys_its_laws() {
    let mut random = seeded_random();
    let mut position = || DagPosition {
        wall_ms: random.u64(0..2),
        counter: 0,
        depth: random.u32(0..2),
        lane: random.u32(0..2),
        sequence: random.u32(0..3),
    };
    for _ in 0..10_000 {
        let (a, b, c) = (position(), position(), position());
        assert_eq!(a == b, a.partial_cmp(&b) == Some(Ordering::Equal));
        assert_eq!(a < b, b > a);
        assert_eq!(a < b, a.is_ancestor_of(&b));
        if a < b && b < c {
            assert!(a < c, "{a} {b} {c}");
        }
    }
}

#[test]
fn serde_carries_the_fields_by_name() {
    let position = DagPosition::with_hlc(1, 2, 3, 4, 5);
    let text = r#"{"wall_ms":1,"counter":2,"depth":3,"lane":4,"sequence":5}"#;
    assert_eq!(serde_json::to_string(&position).unwrap(), text);
    assert_eq!(serde_json::from_str::<DagPosition>(text).unwrap(), position);
}
