//! Differences and their variance.

use super::student;

/// A difference with how far it can be trusted, in units in which nought is no change.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// Degrees of freedom of the variance.
    pub freedom: f64,
}

impl Difference {
    /// How likely so large a difference is where there is none.
    pub fn p_value(&self) -> f64 {
        if self.variance <= 0.0 {
            return if self.mean == 0.0 { 1.0 } else { 0.0 };
        }
        student::two_sided(self.mean / self.variance.sqrt(), self.freedom)
    }

    /// Where the difference lies, but for `level`.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let reach = student::critical(level, self.freedom) * self.variance.max(0.0).sqrt();
        (self.mean - reach, self.mean + reach)
    }

    /// The same when runs of one system differ: `runs` are those of the baselines, each as one value.
    ///
    /// What they differ by beyond the noise within a run is the noise between runs; the new run has its own, and the
    /// mean of the baselines has a part of it. Freedom after Welch and Satterthwaite.
    pub fn between(self, runs: &[f64]) -> Self {
        let count = runs.len() as f64;
        if runs.len() < 2 {
            return self;
        }
        let factor = 1.0 + 1.0 / count;
        let within = self.variance / factor;
        let more = (variance(runs) - within).max(0.0) * factor;
        let sum = self.variance + more;
        let parts = self.variance.powi(2) / self.freedom + more.powi(2) / (count - 1.0);
        let freedom = if parts > 0.0 { sum.powi(2) / parts } else { self.freedom };
        Self { variance: sum, freedom, ..self }
    }
}

/// The mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The variance of a sample.
pub fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / values.len().saturating_sub(1).max(1) as f64
}
