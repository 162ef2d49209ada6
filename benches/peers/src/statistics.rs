//! Medians, and how far they can be trusted.

use crate::results::Value;

/// What several rounds say of one figure, or of one ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
    /// The bounds of an interval that has the true median in it with 95% confidence, whatever the
    /// distribution (sign test); the least and the greatest when there are fewer than six rounds,
    /// which is too few for it.
    pub(crate) low: f64,
    /// See `low`.
    pub(crate) high: f64,
    /// How many rounds.
    pub(crate) rounds: usize,
}

impl Summary {
    /// Sums values up; none without values.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let rounds = values.len();
        let (least, greatest) = (*values.first()?, *values.last()?);
        let upper = *values.get(rounds / 2)?;
        let lower = *values.get((rounds - 1) / 2)?;
        let place = bound_place(rounds);
        Some(Self {
            median: f64::midpoint(lower, upper),
            least,
            greatest,
            low: *values.get(place)?,
            high: *values.get(rounds - 1 - place)?,
            rounds,
        })
    }

    /// Returns the bound that is the worse one.
    pub(crate) fn pessimistic(&self, more_is_better: bool) -> f64 {
        if more_is_better { self.low } else { self.high }
    }
}

/// Returns how many of the sorted values lie below the interval, and as many above it: the most
/// for which a fair coin that is tossed once a round shows so few heads, or so few tails, in at
/// most 5% of all cases.
fn bound_place(rounds: usize) -> usize {
    let n = i32::try_from(rounds).unwrap_or(i32::MAX);
    let mut choose = 1.0;
    let mut tail = 0.0;
    let mut place = 0;
    for k in 0..n {
        tail += choose * 0.5_f64.powi(n);
        if 2.0 * tail > 0.05 {
            break;
        }
        // So few heads are improbable enough: the value after those may be the bound.
        place = usize::try_from(k).unwrap_or_default();
        choose = choose * f64::from(n - k) / f64::from(k + 1);
    }
    place
}

/// Returns, for each round that both took part in, how many times as good `ours` is as `theirs`.
pub(crate) fn ratios(ours: &[Value], theirs: &[Value], more_is_better: bool) -> Vec<f64> {
    let ratio = |our: &Value| {
        let their = theirs.iter().find(|their| their.round == our.round)?;
        let ratio = our.value / their.value;
        Some(if more_is_better { ratio } else { ratio.recip() })
    };
    ours.iter().filter_map(ratio).collect()
}

/// Returns the exponent of the power law through points, by least squares on logarithms.
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs = points
        .iter()
        .filter(|(size, value)| *size > 0.0 && *value > 0.0);
    let logs: Vec<(f64, f64)> = logs.map(|(size, value)| (size.ln(), value.ln())).collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (logs.len() > 1 && spread > 0.0).then_some(together / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_rounds_are_bounded_by_the_second_least() {
        let places = [1, 5, 6, 8, 9, 11, 12, 15].map(bound_place);
        assert_eq!(places, [0, 0, 0, 0, 1, 1, 2, 3]);
    }

    #[test]
    fn an_even_number_of_rounds_has_its_median_between_two() {
        let summary = Summary::of(vec![4.0, 1.0, 3.0, 2.0]).expect("there are values");
        assert_eq!(
            (summary.median, summary.least, summary.greatest),
            (2.5, 1.0, 4.0)
        );
        assert_eq!(Summary::of(Vec::new()), None);
    }

    #[test]
    fn ratios_pair_rounds() {
        let value = |round, value| Value {
            round: (String::new(), round),
            value,
        };
        let (ours, theirs) = (
            [value(1, 10.0), value(2, 12.0)],
            [value(2, 4.0), value(3, 1.0)],
        );
        assert_eq!(ratios(&ours, &theirs, true), [3.0]);
        assert_eq!(ratios(&ours, &theirs, false), [1.0 / 3.0]);
    }

    #[test]
    fn the_exponent_of_a_line_is_one() {
        let exponent = exponent(&[(1.0, 3.0), (10.0, 30.0), (100.0, 300.0)]).expect("two points");
        assert!((exponent - 1.0).abs() < 1e-9);
    }
}
