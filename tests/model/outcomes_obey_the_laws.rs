//! `ok` and `and_then` are a monad, `err` and `or_else` another, and the rest follows from them.

use crate::outcomes::*;
use batpak::prelude::*;
use proptest::prelude::*;
use std::cell::RefCell;

proptest! {
    #[test]
    fn a_value_that_is_wrapped_and_followed_is_the_step(value: i32, step in steps()) {
        prop_assert_eq!(Outcome::ok(value).and_then(|value| step.take(value)), step.take(value));
    }

    #[test]
    fn following_with_wrapping_changes_nothing(outcome in outcomes()) {
        prop_assert_eq!(outcome.clone().and_then(Outcome::ok), outcome);
    }

    #[test]
    fn steps_can_be_grouped_at_will(
        outcome in outcomes(),
        first in steps(),
        second in steps(),
    ) {
        let one_by_one = outcome
            .clone()
            .and_then(|value| first.take(value))
            .and_then(|value| second.take(value));
        let grouped =
            outcome.and_then(|value| first.take(value).and_then(|value| second.take(value)));
        prop_assert_eq!(one_by_one, grouped);
    }

    #[test]
    fn errors_obey_the_same_laws(outcome in outcomes(), first in steps(), second in steps()) {
        for error in failures(&outcome) {
            let followed = Outcome::err(error.clone()).or_else(|error| first.recover(&error));
            prop_assert_eq!(followed, first.recover(&error));
        }
        prop_assert_eq!(outcome.clone().or_else(Outcome::err), outcome.clone());
        let one_by_one = outcome
            .clone()
            .or_else(|error| first.recover(&error))
            .or_else(|error| second.recover(&error));
        let grouped = outcome
            .or_else(|error| first.recover(&error).or_else(|error| second.recover(&error)));
        prop_assert_eq!(one_by_one, grouped);
    }

    #[test]
    fn mapping_keeps_identity_and_composition(outcome in outcomes(), a: i32, b: i32) {
        prop_assert_eq!(outcome.clone().map(|value| value), outcome.clone());
        let twice = outcome.clone().map(|value| value ^ a).map(|value| value.wrapping_mul(b));
        let once = outcome.clone().map(|value| (value ^ a).wrapping_mul(b));
        prop_assert_eq!(twice, once);
        let followed = outcome.clone().and_then(|value| Outcome::ok(value ^ a));
        prop_assert_eq!(outcome.map(|value| value ^ a), followed);
    }

    #[test]
    fn flattening_is_following_with_nothing(outcome in outcomes(), step in steps()) {
        let nested = outcome.clone().map(|value| step.take(value));
        prop_assert_eq!(nested.flatten(), outcome.and_then(|value| step.take(value)));
    }

    #[test]
    fn following_if_is_following_or_wrapping(outcome in outcomes(), step in steps()) {
        let conditional = outcome.clone().and_then_if(|value| *value > 0, |value| step.take(value));
        let spelled_out = outcome.and_then(|value| match value > 0 {
            true => step.take(value),
            false => Outcome::ok(value),
        });
        prop_assert_eq!(conditional, spelled_out);
    }

    #[test]
    fn inspecting_shows_everything_in_order_and_changes_nothing(outcome in outcomes()) {
        let shown = RefCell::new(vec![]);
        let same = outcome.clone().inspect(|value| shown.borrow_mut().push(*value));
        prop_assert_eq!(&same, &outcome);
        prop_assert_eq!(shown.into_inner(), values(&outcome));
        let shown = RefCell::new(vec![]);
        let same = outcome
            .clone()
            .inspect_err(|error| shown.borrow_mut().push(error.clone()));
        prop_assert_eq!(&same, &outcome);
        prop_assert_eq!(shown.into_inner(), failures(&outcome));
    }

    #[test]
    fn mapping_errors_replaces_errors_alone(outcome in outcomes()) {
        let mapped = outcome.clone().map_err(|mut error| {
            error.message.push('!');
            error
        });
        prop_assert_eq!(values(&mapped), values(&outcome));
        let mut expected = failures(&outcome);
        expected.iter_mut().for_each(|error| error.message.push('!'));
        prop_assert_eq!(failures(&mapped), expected);
    }

    #[test]
    fn an_outcome_is_of_exactly_one_sort(outcome in outcomes()) {
        let sorts = [
            outcome.is_ok(),
            outcome.is_err(),
            outcome.is_retry(),
            outcome.is_pending(),
            outcome.is_cancelled(),
            outcome.is_batch(),
        ];
        prop_assert_eq!(sorts.iter().filter(|is| **is).count(), 1);
        let ends = outcome.is_ok() || outcome.is_err() || outcome.is_cancelled();
        prop_assert_eq!(outcome.is_terminal(), ends);
    }

    #[test]
    fn only_a_value_is_unwrapped(outcome in outcomes(), default: i32) {
        let expected = match &outcome {
            Outcome::Ok(value) => *value,
            _ => default,
        };
        prop_assert_eq!(outcome.clone().unwrap_or(default), expected);
        prop_assert_eq!(outcome.clone().unwrap_or_else(|| default), expected);
        match (outcome.clone(), outcome.into_result()) {
            (Outcome::Ok(value), result) => prop_assert_eq!(result, Ok(value)),
            (Outcome::Err(error), result) => prop_assert_eq!(result, Err(error)),
            (Outcome::Cancelled { reason }, result) => {
                let error = result.unwrap_err();
                prop_assert_eq!(error.kind, ErrorKind::Internal);
                prop_assert_eq!(error.message, format!("cancelled: {reason}"));
            }
            (_, result) => {
                let error = result.unwrap_err();
                prop_assert_eq!(error.kind, ErrorKind::Internal);
                prop_assert!(!error.retryable && error.compensation.is_none());
                prop_assert!(error.message.starts_with("the outcome is not terminal"));
            }
        }
    }
}
