//! Two runs compared stretch by stretch: the same part of the same load, so that a ramp or a phase is no difference.
//!
//! Times within a run depend on one another; batch means over stretches take care of it, a remaining dependence of
//! neighbours widens the variance.

use super::difference::{Difference, mean, variance};
use super::stored::StoredRow;
use crate::load::stretch::Stretch;
use crate::load::tally::Times;

/// Fewer stretches say nothing of how much they differ.
const FEWEST: usize = 6;
/// Neighbours that may be joined where stretches have too few samples.
const JOINED: [usize; 4] = [1, 2, 3, 4];
/// Samples of a stretch that have to be beyond a percentile for it to be one.
const BEYOND: f64 = 5.0;
/// Steps of a stretch that make a rate.
const FEWEST_STEPS: u64 = 20;
/// What neighbours may have in common, at most.
const MOST_DEPENDENCE: f64 = 0.9;

/// How a percentile of response times changed, as the difference of logarithms.
pub fn times(before: &[&StoredRow], after: &StoredRow, quantile: f64) -> Result<Difference, String> {
    let needed = (BEYOND / (1.0 - quantile)).round() as u64;
    let value = |stretches: &[Stretch]| {
        let enough: u64 = stretches.iter().map(|stretch| stretch.response.histogram().len()).sum();
        let value = |times: &Times| (times.histogram().value_at_quantile(quantile) as f64).ln();
        (enough >= needed).then(|| match stretches {
            [one] => value(&one.response),
            several => value(&joined(several)),
        })
    };
    compare(before, after, value).ok_or_else(|| {
        format!("too few samples: {FEWEST} stretches with {needed} or more are needed in every run")
    })
}

fn joined(stretches: &[Stretch]) -> Times {
    let mut sum = Times::default();
    stretches.iter().for_each(|stretch| sum.absorb(&stretch.response));
    sum
}

/// How the rate changed, as the difference of logarithms.
pub fn rates(before: &[&StoredRow], after: &StoredRow) -> Result<Difference, String> {
    let value = |stretches: &[Stretch]| {
        let count: u64 = stretches.iter().map(|stretch| stretch.count).sum();
        (count >= FEWEST_STEPS).then(|| (count as f64).ln())
    };
    compare(before, after, value).ok_or_else(|| {
        format!("too few steps: {FEWEST} stretches with {FEWEST_STEPS} or more are needed in every run")
    })
}

/// The mean of values that are there, by their logarithms; none when one is missing.
pub fn geometric_mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logs: Option<Vec<f64>> = values.map(|value| value.filter(|v| *v > 0.0).map(f64::ln)).collect();
    logs.filter(|logs| !logs.is_empty()).map(|logs| mean(&logs).exp())
}

fn compare(
    before: &[&StoredRow],
    after: &StoredRow,
    value: impl Fn(&[Stretch]) -> Option<f64>,
) -> Option<Difference> {
    let runs = || before.iter().copied().chain([after]);
    let length = runs().map(|row| row.stretches.len()).min()?;
    JOINED.into_iter().find_map(|joined| {
        let whole = length / joined * joined;
        let groups = (0..whole).step_by(joined).map(|at| at..at + joined);
        let values = |group: std::ops::Range<usize>| {
            runs().map(|row| value(&row.stretches[group.clone()])).collect::<Option<Vec<f64>>>()
        };
        let known: Vec<Vec<f64>> = groups.filter_map(values).collect();
        let is_most = 4 * joined * known.len() >= 3 * whole;
        (known.len() >= FEWEST && is_most).then(|| difference(&known))
    })
}

/// Of stretches, each with its value in every baseline and, last, in the run.
fn difference(stretches: &[Vec<f64>]) -> Difference {
    let baselines = stretches[0].len() - 1;
    let differences: Vec<f64> =
        stretches.iter().map(|values| values[baselines] - mean(&values[..baselines])).collect();
    let runs: Vec<f64> = (0..baselines)
        .map(|run| mean(&stretches.iter().map(|values| values[run]).collect::<Vec<_>>()))
        .collect();
    let count = differences.len() as f64;
    let dependence = dependence(&differences);
    let within = Difference {
        mean: mean(&differences),
        variance: variance(&differences) / count * (1.0 + dependence) / (1.0 - dependence),
        freedom: count - 1.0,
    };
    within.between(&runs)
}

/// What neighbours have in common: the autocorrelation at distance one, where it is positive.
fn dependence(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let products: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if squares > 0.0 { (products / squares).clamp(0.0, MOST_DEPENDENCE) } else { 0.0 }
}
