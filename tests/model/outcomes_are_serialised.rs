//! The serialised form of an outcome: `type` and `data`, the same for ever.

use crate::outcomes::*;
use batpak::outcome::{CompensationAction, WaitCondition};
use batpak::prelude::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// An id in JSON: 16 numbers, of which the last is `last`.
fn id(last: u8) -> Value {
    let mut bytes = [0; 16];
    bytes[15] = last;
    json!(bytes)
}

/// Checks the form in JSON, and that it is read back from there and from MessagePack.
fn check(outcome: &Outcome<i32>, expected: &Value) {
    let text = serde_json::to_string(outcome).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), expected);
    assert!(text.starts_with(r#"{"type":"#), "{text}");
    comes_back(outcome);
}

fn comes_back(outcome: &Outcome<i32>) {
    let text = serde_json::to_string(outcome).unwrap();
    assert_eq!(
        &serde_json::from_str::<Outcome<i32>>(&text).unwrap(),
        outcome
    );
    let value = serde_json::to_value(outcome).unwrap();
    assert_eq!(
        &serde_json::from_value::<Outcome<i32>>(value).unwrap(),
        outcome
    );
    let named = rmp_serde::to_vec_named(outcome).unwrap();
    assert_eq!(
        &rmp_serde::from_slice::<Outcome<i32>>(&named).unwrap(),
        outcome
    );
}

#[test]
fn every_variant_has_one_form() {
    let late = OutcomeError::new(ErrorKind::Timeout, "late");
    let condition = WaitCondition::Timeout { resume_at_ms: 5 };
    let pending = json!({"condition": {"Timeout": {"resume_at_ms": 5}}, "resume_token": id(9)});
    let retry = json!({"after_ms": 100, "attempt": 1, "max_attempts": 3, "reason": "busy"});
    let late_json =
        json!({"kind": "Timeout", "message": "late", "compensation": null, "retryable": true});
    let cases = [
        (Outcome::ok(7), json!({"type": "Ok", "data": 7})),
        (
            Outcome::err(late),
            json!({"type": "Err", "data": late_json}),
        ),
        (
            Outcome::retry(100, 1, 3, "busy"),
            json!({"type": "Retry", "data": retry}),
        ),
        (
            Outcome::pending(condition, 9),
            json!({"type": "Pending", "data": pending}),
        ),
        (
            Outcome::cancelled("no"),
            json!({"type": "Cancelled", "data": {"reason": "no"}}),
        ),
        (Outcome::Batch(vec![]), json!({"type": "Batch", "data": []})),
        (
            Outcome::Batch(vec![Outcome::ok(1), Outcome::Batch(vec![Outcome::ok(2)])]),
            json!({"type": "Batch", "data": [
                {"type": "Ok", "data": 1},
                {"type": "Batch", "data": [{"type": "Ok", "data": 2}]},
            ]}),
        ),
    ];
    for (outcome, expected) in &cases {
        check(outcome, expected);
    }
}

#[test]
fn every_condition_has_one_form() {
    let event = WaitCondition::Event { event_id: 3 };
    let custom = WaitCondition::Custom {
        tag: 8,
        data: vec![1, 255],
    };
    let cases = [
        (event.clone(), json!({"Event": {"event_id": id(3)}})),
        (
            custom.clone(),
            json!({"Custom": {"tag": 8, "data": [1, 255]}}),
        ),
        (WaitCondition::All(vec![]), json!({"All": []})),
        (
            WaitCondition::Any(vec![event, custom]),
            json!({"Any": [
                {"Event": {"event_id": id(3)}},
                {"Custom": {"tag": 8, "data": [1, 255]}},
            ]}),
        ),
    ];
    for (condition, expected) in cases {
        let data = json!({"condition": expected, "resume_token": id(1)});
        let outcome = Outcome::pending(condition, 1);
        check(&outcome, &json!({"type": "Pending", "data": data}));
    }
}

#[test]
fn every_error_has_one_form() {
    let rollback = CompensationAction::Rollback {
        event_ids: vec![1, 2],
    };
    let release = CompensationAction::Release {
        resource_ids: vec![],
    };
    let notify = CompensationAction::Notify {
        target_id: 4,
        message: "sorry".into(),
    };
    let custom = CompensationAction::Custom {
        action_type: "refund".into(),
        data: vec![7],
    };
    let cases = [
        (ErrorKind::NotFound, "NotFound".into(), rollback, {
            json!({"Rollback": {"event_ids": [id(1), id(2)]}})
        }),
        (ErrorKind::Conflict, "Conflict".into(), release, {
            json!({"Release": {"resource_ids": []}})
        }),
        (ErrorKind::Validation, "Validation".into(), notify, {
            json!({"Notify": {"target_id": id(4), "message": "sorry"}})
        }),
        (ErrorKind::Custom(513), json!({"Custom": 513}), custom, {
            json!({"Custom": {"action_type": "refund", "data": [7]}})
        }),
    ];
    for (kind, kind_json, compensation, compensation_json) in cases {
        let error = OutcomeError {
            kind,
            message: "m".into(),
            compensation: Some(compensation),
            retryable: false,
        };
        let data = json!({
            "kind": kind_json,
            "message": "m",
            "compensation": compensation_json,
            "retryable": false,
        });
        check(&Outcome::err(error), &json!({"type": "Err", "data": data}));
    }
    for (kind, name) in [
        (ErrorKind::PolicyRejection, "PolicyRejection"),
        (ErrorKind::StorageError, "StorageError"),
        (ErrorKind::Timeout, "Timeout"),
        (ErrorKind::Serialization, "Serialization"),
        (ErrorKind::Internal, "Internal"),
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(name));
    }
}

#[test]
fn ids_inside_are_bytes_in_message_pack() {
    let event = WaitCondition::Event { event_id: 0x0A0B };
    let mut expected = b"\x81\xa5Event\x81\xa8event_id\xc4\x10".to_vec();
    expected.extend([0; 14]);
    expected.extend(b"\x0A\x0B");
    assert_eq!(rmp_serde::to_vec_named(&event).unwrap(), expected);
    let rollback = CompensationAction::Rollback {
        event_ids: vec![0x0A80],
    };
    let mut expected = b"\x81\xa8Rollback\x81\xa9event_ids\x91\xdc\x00\x10".to_vec();
    expected.extend([0; 14]);
    expected.extend(b"\x0A\xcc\x80");
    assert_eq!(rmp_serde::to_vec_named(&rollback).unwrap(), expected);
}

#[test]
fn kinds_of_errors_are_sorted() {
    use ErrorKind::*;
    let sorted = |kind: ErrorKind| (kind.is_domain(), kind.is_operational(), kind.is_retryable());
    for kind in [NotFound, Conflict, Validation, PolicyRejection] {
        assert_eq!(sorted(kind), (true, false, false), "{kind:?}");
    }
    for kind in [Serialization, Internal] {
        assert_eq!(sorted(kind), (false, true, false), "{kind:?}");
    }
    for kind in [StorageError, Timeout] {
        assert_eq!(sorted(kind), (false, true, true), "{kind:?}");
        assert!(OutcomeError::new(kind, "").retryable);
    }
    assert_eq!(sorted(Custom(0)), (false, false, false));
    let error = OutcomeError::new(Custom(7), "odd");
    assert_eq!(error.to_string(), "[Custom(7)] odd");
    assert!(!error.retryable);
    let _: &dyn std::error::Error = &error;
}

#[test]
fn what_is_no_outcome_is_refused() {
    for text in [
        "null",
        "{}",
        r#"{"type":"Ok"}"#,
        r#"{"data":1}"#,
        r#"{"type":"Done","data":1}"#,
        r#"{"type":"Ok","data":"text"}"#,
        r#"{"type":"Retry","data":{"after_ms":-1,"attempt":1,"max_attempts":1,"reason":""}}"#,
        r#"{"type":"Pending","data":{"condition":{"All":[]},"resume_token":[1,2]}}"#,
    ] {
        assert!(
            serde_json::from_str::<Outcome<i32>>(text).is_err(),
            "{text}"
        );
    }
}

/// JSON has no NaN: serde_json writes null, which is no number, so nothing wrong is read back.
#[test]
fn a_value_that_json_cannot_say_is_not_mistaken_for_another() {
    let outcome = Outcome::ok(f64::NAN);
    let text = serde_json::to_string(&outcome).unwrap();
    assert!(serde_json::from_str::<Outcome<f64>>(&text).is_err());
    let bytes = rmp_serde::to_vec_named(&outcome).unwrap();
    let read: Outcome<f64> = rmp_serde::from_slice(&bytes).unwrap();
    assert!(read.unwrap_or(0.0).is_nan());
}

/// What comes from outside may be nested as deeply as it is long; the stack is not.
#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let (open, close) = (r#"{"type":"Batch","data":["#, "]}");
    let nested = |depth: usize| open.repeat(depth) + &close.repeat(depth);
    assert!(serde_json::from_str::<Outcome<i32>>(&nested(20)).is_ok());
    assert!(serde_json::from_str::<Outcome<i32>>(&nested(100_000)).is_err());

    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    let at = Coordinate::new("e", "s").unwrap();
    let append = |depth| {
        let wrap = |inner, _| Outcome::Batch(vec![inner]);
        let outcome = (0..depth).fold(Outcome::ok(1), wrap);
        let receipt = store.append(&at, EventKind::DATA, &outcome).unwrap();
        (receipt.event_id, outcome)
    };
    let (shallow, outcome) = append(20);
    assert_eq!(
        store.get_as::<Outcome<i32>>(shallow).unwrap().event.payload,
        outcome
    );
    let (deep, _) = append(150);
    let refused = store.get_as::<Outcome<i32>>(deep).unwrap_err();
    assert!(matches!(refused, StoreError::Serialization(_)), "{refused}");
    store.close().unwrap();
}

proptest! {
    #[test]
    fn every_outcome_comes_back(outcome in outcomes()) {
        comes_back(&outcome);
    }
}
