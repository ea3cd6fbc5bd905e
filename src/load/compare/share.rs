//! Shares of errors compared: the interval of Agresti and Caffo, wider where errors come in bursts.

use super::difference::{Difference, variance};
use super::stored::StoredRow;

/// Fewer steps say nothing of a share.
const FEWEST_STEPS: u64 = 100;

/// The share of errors of all these together.
pub fn pooled(rows: &[&StoredRow]) -> Option<f64> {
    let (errors, count) = sums(rows);
    (count > 0).then(|| errors as f64 / count as f64)
}

/// How the share of errors changed.
pub fn errors(before: &[&StoredRow], after: &StoredRow) -> Result<Difference, String> {
    let (one, two) = (Side::of(before), Side::of(&[after]));
    if one.count < FEWEST_STEPS || two.count < FEWEST_STEPS {
        return Err(format!("too few steps: {FEWEST_STEPS} are needed in every run"));
    }
    let within = Difference {
        mean: two.share() - one.share(),
        variance: one.variance + two.variance,
        freedom: (one.stretches + two.stretches).saturating_sub(2).max(1) as f64,
    };
    let runs: Vec<f64> = before.iter().filter_map(|row| pooled(&[row])).collect();
    Ok(within.between(&runs))
}

/// One side of a comparison.
struct Side {
    errors: u64,
    count: u64,
    variance: f64,
    stretches: usize,
}

impl Side {
    fn of(rows: &[&StoredRow]) -> Self {
        let (errors, count) = sums(rows);
        let stretches: Vec<(f64, f64)> = rows
            .iter()
            .flat_map(|row| &row.stretches)
            .map(|stretch| (stretch.errors as f64, stretch.count as f64))
            .collect();
        let mut side = Self { errors, count, variance: 0.0, stretches: stretches.len() };
        let share = side.share();
        let independent = share * (1.0 - share) / (count + 2) as f64;
        side.variance = independent.max(in_bursts(&stretches));
        side
    }

    /// With one success and one failure more, so that none at all is no certainty.
    fn share(&self) -> f64 {
        (self.errors + 1) as f64 / (self.count + 2) as f64
    }
}

/// The variance of a ratio of sums over stretches.
fn in_bursts(stretches: &[(f64, f64)]) -> f64 {
    let (errors, count) = stretches.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if stretches.len() < 2 || count == 0.0 {
        return 0.0;
    }
    let rests: Vec<f64> = stretches.iter().map(|(wrong, all)| wrong - errors / count * all).collect();
    variance(&rests) * stretches.len() as f64 / (count * count)
}

fn sums(rows: &[&StoredRow]) -> (u64, u64) {
    rows.iter().fold((0, 0), |(errors, count), row| (errors + row.errors, count + row.count))
}
