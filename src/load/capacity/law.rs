//! The Universal Scalability Law, fitted to what was measured.
//!
//! X(N) = γN / (1 + α(N−1) + βN(N−1)) (N. J. Gunther, "Guerrilla Capacity Planning", 2007): γ is what one does alone,
//! α what they wait for each other (contention), β what it costs them to agree (coherency). It is linear in 1/γ, α/γ
//! and β/γ once turned over: N/X = 1/γ + α/γ·(N−1) + β/γ·N(N−1). Weighted by X/N, the squares are those of relative
//! errors, which is how throughput is noisy. None of the three may be negative.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use schemars::JsonSchema;
use serde::Serialize;

/// Nothing is said about a size more than this many times the largest measured one.
pub const FARTHEST: f64 = 2.0;
/// A fit that explains less of the differences says nothing.
const LEAST_R_SQUARED: f64 = 0.9;
const RESAMPLES: usize = 1_000;
/// The same points give the same interval.
const SEED: u64 = 0x5ca1_ab1e;
/// Parameters that explain less than this share at the largest size are noise.
const NEGLIGIBLE: f64 = 0.02;

/// A size and the throughput at it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// N: users under way, or instances.
    pub size: f64,
    /// X.
    pub throughput: f64,
}

/// The law with numbers in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Law {
    /// γ: throughput of one.
    pub gamma: f64,
    /// α: contention.
    pub alpha: f64,
    /// β: coherency.
    pub beta: f64,
}

/// A value with the interval that holds it in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A law that describes the points.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fit {
    /// The law.
    pub law: Law,
    /// α with its interval.
    pub alpha: Estimate,
    /// β with its interval.
    pub beta: Estimate,
    /// The size of the highest throughput; `null` when throughput never falls.
    pub best_size: Option<f64>,
    /// How much of the differences it explains, 0 to 1.
    pub r_squared: f64,
    /// What holds throughput back, in words.
    pub cause: Cause,
    /// The largest size that was measured.
    pub largest: f64,
    #[serde(skip)]
    resampled: Vec<Law>,
}

/// What holds throughput back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Nothing to speak of: it grows in proportion.
    Linear,
    /// They wait for something that only one can have at a time.
    Contention,
    /// They spend their time on keeping each other informed.
    Coherency,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, thiserror::Error)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum NoFit {
    /// Three unknowns need more points.
    #[error("{points} sizes were measured, and a law needs {needed}")]
    TooFewPoints {
        /// Different sizes.
        points: usize,
        /// Those that it takes.
        needed: usize,
    },
    /// The points do not look like the law.
    #[error("the scalability law explains {:.0} % of the differences only", 100.0 * .r_squared.max(0.0))]
    #[serde(rename_all = "camelCase")]
    Poor {
        /// How much it explains.
        r_squared: f64,
    },
}

/// Why the law does not say what a size would do, or which size is needed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, thiserror::Error)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum NoForecast {
    /// Too far from what was measured.
    #[error("{size:.0} is more than twice the largest size measured, {largest:.0}; measure a larger one")]
    TooFar {
        /// The size in question.
        size: f64,
        /// The largest measured.
        largest: f64,
    },
    /// No size does it.
    #[error("no size reaches it: the most is {most:.0}, at {size:.0}")]
    OutOfReach {
        /// The highest throughput.
        most: f64,
        /// Where it is.
        size: f64,
    },
}

impl Law {
    /// X(N).
    pub fn throughput(&self, size: f64) -> f64 {
        let Self { gamma, alpha, beta } = self;
        gamma * size / (1.0 + alpha * (size - 1.0) + beta * size * (size - 1.0))
    }

    /// N* = √((1−α)/β), where throughput is highest.
    pub fn best_size(&self) -> Option<f64> {
        (self.beta > 0.0 && self.alpha < 1.0).then(|| ((1.0 - self.alpha) / self.beta).sqrt().max(1.0))
    }

    /// The smallest size with that throughput: the lower root of X(N) = throughput.
    fn size_for(&self, throughput: f64) -> Option<f64> {
        let Self { gamma, alpha, beta } = self;
        // throughput·(β·N² + (α − β)·N + 1 − α) − γ·N = 0
        let (a, b, c) = (throughput * beta, throughput * (alpha - beta) - gamma, throughput * (1.0 - alpha));
        let root = b * b - 4.0 * a * c;
        (b < 0.0 && root >= 0.0).then(|| 2.0 * c / (-b + root.sqrt())).filter(|size| *size >= 0.0)
    }
}

impl Fit {
    /// What `size` would do.
    pub fn throughput(&self, size: f64) -> Result<Estimate, NoForecast> {
        if size > FARTHEST * self.largest {
            return Err(NoForecast::TooFar { size, largest: self.largest });
        }
        let resampled = self.resampled.iter().map(|law| law.throughput(size));
        Ok(estimate(self.law.throughput(size), resampled.collect()))
    }

    /// The size that `throughput` takes. A resampled law that never gets there makes the upper end infinite, which
    /// is cut at the farthest size that anything is said about.
    pub fn size_for(&self, throughput: f64) -> Result<Estimate, NoForecast> {
        let farthest = FARTHEST * self.largest;
        let Some(size) = self.law.size_for(throughput) else {
            let size = self.law.best_size().unwrap_or(farthest);
            return Err(NoForecast::OutOfReach { most: self.law.throughput(size), size });
        };
        if size > farthest {
            return Err(NoForecast::TooFar { size, largest: self.largest });
        }
        let resampled = self.resampled.iter().map(|law| law.size_for(throughput).unwrap_or(farthest));
        Ok(estimate(size, resampled.map(|size| size.min(farthest)).collect()))
    }
}

/// Fits the law to `points` of at least `needed` different sizes.
pub fn fit(points: &[Point], needed: usize) -> Result<Fit, NoFit> {
    let sizes = different(points);
    if sizes < needed {
        return Err(NoFit::TooFewPoints { points: sizes, needed });
    }
    let law = least_squares(points).ok_or(NoFit::TooFewPoints { points: sizes, needed })?;
    let r_squared = r_squared(&law, points);
    if r_squared < LEAST_R_SQUARED {
        return Err(NoFit::Poor { r_squared });
    }
    let resampled = resample(&law, points);
    let largest = points.iter().map(|point| point.size).fold(0.0, f64::max);
    let of = |pick: fn(&Law) -> f64| estimate(pick(&law), resampled.iter().map(pick).collect());
    Ok(Fit {
        alpha: of(|law| law.alpha),
        beta: of(|law| law.beta),
        best_size: law.best_size(),
        cause: cause(&law, largest),
        law,
        r_squared,
        largest,
        resampled,
    })
}

fn different(points: &[Point]) -> usize {
    let mut sizes: Vec<f64> = points.iter().map(|point| point.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    sizes.len()
}

/// What of the two costs more at the largest size.
fn cause(law: &Law, largest: f64) -> Cause {
    let contention = law.alpha * (largest - 1.0).max(0.0);
    let coherency = law.beta * largest * (largest - 1.0).max(0.0);
    match contention.max(coherency) {
        most if most < NEGLIGIBLE => Cause::Linear,
        _ if coherency > contention => Cause::Coherency,
        _ => Cause::Contention,
    }
}

/// Least squares with no negative part: of all choices of parts that are left out, the best that is allowed.
fn least_squares(points: &[Point]) -> Option<Law> {
    let choices: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
    let laws = choices.iter().filter_map(|parts| {
        let solved = solve(points, parts)?;
        let [a, b, c] = solved;
        // α above 1 would mean that a second one makes it worse than nothing.
        (a > 0.0 && b >= 0.0 && c >= 0.0 && b <= a).then(|| Law { gamma: 1.0 / a, alpha: b / a, beta: c / a })
    });
    laws.min_by(|a, b| squares(a, points).total_cmp(&squares(b, points)))
}

/// The normal equations of the parts that are in, by Gauss's elimination with the largest pivot.
fn solve(points: &[Point], parts: &[usize]) -> Option<[f64; 3]> {
    let mut rows: Vec<Vec<f64>> = vec![vec![0.0; parts.len() + 1]; parts.len()];
    for Point { size, throughput } in points {
        let terms = [1.0, size - 1.0, size * (size - 1.0)];
        let (inverse, weight) = (size / throughput, (throughput / size).powi(2));
        for (row, i) in rows.iter_mut().zip(parts) {
            for (cell, j) in row.iter_mut().zip(parts) {
                *cell += weight * terms[*i] * terms[*j];
            }
            if let Some(right) = row.last_mut() {
                *right += weight * terms[*i] * inverse;
            }
        }
    }
    let solution = eliminate(rows)?;
    let mut all = [0.0; 3];
    parts.iter().zip(solution).for_each(|(part, value)| all[*part] = value);
    Some(all)
}

fn eliminate(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let unknowns = rows.len();
    for column in 0..unknowns {
        let largest = |row: &usize| rows[*row][column].abs();
        let pivot = (column..unknowns).max_by(|a, b| largest(a).total_cmp(&largest(b)))?;
        rows.swap(column, pivot);
        let pivot = rows[column].clone();
        if pivot[column].abs() < f64::MIN_POSITIVE {
            return None;
        }
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let solution: Vec<f64> = rows.iter().enumerate().map(|(i, row)| row[unknowns] / row[i]).collect();
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

fn squares(law: &Law, points: &[Point]) -> f64 {
    points.iter().map(|point| (law.throughput(point.size) / point.throughput - 1.0).powi(2)).sum()
}

fn r_squared(law: &Law, points: &[Point]) -> f64 {
    let mean = points.iter().map(|point| point.throughput).sum::<f64>() / points.len() as f64;
    let left = |point: &Point| (point.throughput - law.throughput(point.size)).powi(2);
    let whole = |point: &Point| (point.throughput - mean).powi(2);
    1.0 - points.iter().map(left).sum::<f64>() / points.iter().map(whole).sum::<f64>().max(f64::MIN_POSITIVE)
}

/// Laws of what might as well have been measured: each point at its fitted value, with another one's relative error.
fn resample(law: &Law, points: &[Point]) -> Vec<Law> {
    let mut random = StdRng::seed_from_u64(SEED);
    // A fit takes up part of the noise: with 3 of n unknowns gone, errors look too small by this factor.
    let free = (points.len() as f64 - 3.0).max(1.0);
    let widened = (points.len() as f64 / free).sqrt();
    let error = |point: &Point| widened * (point.throughput / law.throughput(point.size) - 1.0);
    let errors: Vec<f64> = points.iter().map(error).collect();
    let mut again = || {
        let with_error = |point: &Point| {
            let error: f64 = errors[random.random_range(0..errors.len())];
            Point { throughput: law.throughput(point.size) * (1.0 + error).max(0.01), ..*point }
        };
        points.iter().map(with_error).collect::<Vec<_>>()
    };
    (0..RESAMPLES).filter_map(|_| least_squares(&again())).collect()
}

/// The middle 95 % of the resampled values; the value itself is never outside.
fn estimate(value: f64, mut resampled: Vec<f64>) -> Estimate {
    resampled.sort_by(f64::total_cmp);
    let at = |part: f64| resampled.get((part * resampled.len() as f64) as usize).copied().unwrap_or(value);
    Estimate { value, low: at(0.025).min(value), high: at(0.975).max(value) }
}

#[cfg(test)]
mod tests;
