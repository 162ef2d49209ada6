//! Outcomes of chance, for the properties: every variant, batches nested in batches.

use batpak::outcome::{CompensationAction, WaitCondition};
use batpak::prelude::*;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Any outcome, with batches up to three deep.
pub(crate) fn outcomes() -> impl Strategy<Value = Outcome<i32>> {
    let leaf = prop_oneof![3 => any::<i32>().prop_map(Outcome::ok), 4 => stops()];
    leaf.prop_recursive(3, 24, 4, |inner| vec(inner, 0..4).prop_map(Outcome::Batch))
}

/// Any outcome without a value.
pub(crate) fn stops() -> impl Strategy<Value = Outcome<i32>> {
    prop_oneof![
        errors().prop_map(Outcome::err),
        (any::<u64>(), any::<u32>(), any::<u32>(), ".{0,4}")
            .prop_map(|(after, attempt, max, why)| Outcome::retry(after, attempt, max, why)),
        (conditions(), any::<u128>())
            .prop_map(|(condition, token)| { Outcome::pending(condition, token) }),
        ".{0,4}".prop_map(Outcome::cancelled),
    ]
}

pub(crate) fn errors() -> impl Strategy<Value = OutcomeError> {
    let kinds = prop_oneof![
        Just(ErrorKind::NotFound),
        Just(ErrorKind::Timeout),
        any::<u16>().prop_map(ErrorKind::Custom),
    ];
    let compensation = prop_oneof![Just(None), compensations().prop_map(Some)];
    (kinds, ".{0,4}", compensation, any::<bool>()).prop_map(|(kind, message, what, retryable)| {
        OutcomeError {
            kind,
            message,
            compensation: what,
            retryable,
        }
    })
}

fn compensations() -> impl Strategy<Value = CompensationAction> {
    prop_oneof![
        vec(any::<u128>(), 0..3).prop_map(|event_ids| CompensationAction::Rollback { event_ids }),
        vec(any::<u128>(), 0..3)
            .prop_map(|resource_ids| CompensationAction::Release { resource_ids }),
        (any::<u128>(), ".{0,4}")
            .prop_map(|(target_id, message)| CompensationAction::Notify { target_id, message }),
        (".{0,4}", vec(any::<u8>(), 0..3))
            .prop_map(|(action_type, data)| CompensationAction::Custom { action_type, data }),
    ]
}

fn conditions() -> impl Strategy<Value = WaitCondition> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(|resume_at_ms| WaitCondition::Timeout { resume_at_ms }),
        any::<u128>().prop_map(|event_id| WaitCondition::Event { event_id }),
        (any::<u16>(), vec(any::<u8>(), 0..3))
            .prop_map(|(tag, data)| WaitCondition::Custom { tag, data }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(WaitCondition::All),
            vec(inner, 0..3).prop_map(WaitCondition::Any),
        ]
    })
}

/// A step from a value to an outcome that is as arbitrary as an outcome itself.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add(i32),
    OnlyEven,
    End(Outcome<i32>),
    Both(i32),
}

impl Step {
    pub(crate) fn take(&self, value: i32) -> Outcome<i32> {
        match self {
            Self::Add(number) => Outcome::ok(value.wrapping_add(*number)),
            Self::OnlyEven if value % 2 == 0 => Outcome::ok(value),
            Self::OnlyEven => Outcome::cancelled("odd"),
            Self::End(outcome) => outcome.clone(),
            Self::Both(number) => {
                Outcome::Batch(vec![Outcome::ok(value), Outcome::ok(value ^ number)])
            }
        }
    }

    /// The same step from an error.
    pub(crate) fn recover(&self, error: &OutcomeError) -> Outcome<i32> {
        match self {
            Self::Add(_) => Outcome::err(OutcomeError::new(ErrorKind::Conflict, "again")),
            other => other.take(i32::from(error.retryable)),
        }
    }
}

pub(crate) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<i32>().prop_map(Step::Add),
        Just(Step::OnlyEven),
        outcomes().prop_map(Step::End),
        any::<i32>().prop_map(Step::Both),
    ]
}

/// The values inside an outcome, from left to right.
pub(crate) fn values(outcome: &Outcome<i32>) -> Vec<i32> {
    match outcome {
        Outcome::Ok(value) => vec![*value],
        Outcome::Batch(items) => items.iter().flat_map(values).collect(),
        _ => vec![],
    }
}

/// The errors inside an outcome, from left to right.
pub(crate) fn failures(outcome: &Outcome<i32>) -> Vec<OutcomeError> {
    match outcome {
        Outcome::Err(error) => vec![error.clone()],
        Outcome::Batch(items) => items.iter().flat_map(failures).collect(),
        _ => vec![],
    }
}
