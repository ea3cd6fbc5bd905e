//! One measure of one row: whether its change is significant and material.

use super::difference::Difference;
use super::{Change, Limits, MeasureComparison};

/// A measure with its difference, before it is known how many of them there are.
pub struct Finding {
    /// Its name.
    pub measure: &'static str,
    /// The unit of `before` and `after`.
    pub unit: &'static str,
    /// The baselines.
    pub before: Option<f64>,
    /// The run.
    pub after: Option<f64>,
    /// How it is judged.
    pub scale: Scale,
    /// What was found, or why nothing was.
    pub difference: Result<Difference, String>,
}

/// How a measure is judged.
#[derive(Clone, Copy)]
pub enum Scale {
    /// Logarithms; more is worse.
    Time,
    /// Logarithms; less is worse.
    Rate,
    /// Shares; more is worse.
    Share,
}

impl Finding {
    /// Judges it at a level of significance.
    pub fn judge(self, level: f64, limits: &Limits) -> MeasureComparison {
        let change = self.before.zip(self.after).and_then(|(before, after)| self.scale.change(before, after));
        let judged = MeasureComparison {
            measure: self.measure,
            unit: self.unit,
            before: self.before,
            after: self.after,
            change: change.map(|change| 100.0 * change),
            interval: None,
            p_value: None,
            verdict: Change::Unknown,
            why: None,
        };
        let (difference, change) = match (self.difference, change) {
            (Ok(difference), Some(change)) => (difference, change),
            (Err(why), _) => return MeasureComparison { why: Some(why), ..judged },
            (Ok(_), None) => {
                return MeasureComparison { why: Some("nothing was measured".to_owned()), ..judged };
            }
        };
        let p_value = difference.p_value();
        let (low, high) = difference.interval(level);
        let (low, high) = (self.scale.share(low), self.scale.share(high));
        let limit = self.scale.limit(limits);
        let grew = self.after.unwrap_or_default() - self.before.unwrap_or_default();
        let is_trifle =
            matches!(self.scale, Scale::Time) && grew.abs() <= limits.ignore_below.as_micros() as f64;
        let is_material = change.abs() > limit && !is_trifle;
        let is_significant = p_value < level && difference.mean.signum() == change.signum();
        let verdict = match () {
            () if is_significant && is_material && self.scale.is_worse(change) => Change::Worse,
            () if is_significant && is_material => Change::Better,
            () if is_significant || is_trifle || (low > -limit && high < limit) => Change::Same,
            () => Change::Unknown,
        };
        let why = (verdict == Change::Unknown).then(|| "the stretches differ too much".to_owned());
        let interval = Some((100.0 * low, 100.0 * high));
        MeasureComparison { interval, p_value: Some(p_value), verdict, why, ..judged }
    }
}

impl Scale {
    /// From one value to the other, as a share.
    fn change(self, before: f64, after: f64) -> Option<f64> {
        match self {
            Self::Share => Some(after - before).map(|points| points / 100.0),
            Self::Time | Self::Rate => (before > 0.0).then(|| after / before - 1.0),
        }
    }

    /// A difference as a share.
    fn share(self, difference: f64) -> f64 {
        match self {
            Self::Share => difference,
            Self::Time | Self::Rate => difference.exp_m1(),
        }
    }

    fn limit(self, limits: &Limits) -> f64 {
        match self {
            Self::Share => limits.max_more_errors,
            Self::Time | Self::Rate => limits.max_slowdown,
        }
    }

    fn is_worse(self, change: f64) -> bool {
        match self {
            Self::Rate => change < 0.0,
            Self::Time | Self::Share => change > 0.0,
        }
    }
}
