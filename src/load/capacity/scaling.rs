//! What more instances bring, from searches at several numbers of them, and how many a load needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::law::{self, Estimate, Fit, NoFit, NoForecast, Point};

/// Different numbers of instances that a law over them needs.
const FEWEST: usize = 4;

/// The peaks over the numbers of instances.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scaling {
    /// What was measured.
    pub points: Vec<Point>,
    /// The law, or why there is none.
    pub law: LawReport,
    /// What the law expects of twice the largest number; `null` where there is no law.
    pub doubled: Option<Estimate>,
    /// Instances that the wanted load needs; `null` when none was asked for or there is no law.
    pub needed: Option<Needed>,
}

/// A law, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum LawReport {
    /// It was fitted.
    Fitted(Fit),
    /// It was not.
    Refused(NoFit),
}

/// Instances for a load.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Needed {
    /// So many.
    Instances {
        /// The load.
        load: f64,
        /// Whole instances; the interval of 95 %.
        instances: Estimate,
    },
    /// It cannot be said.
    Unknown {
        /// The load.
        load: f64,
        /// Why.
        refused: NoForecast,
    },
}

/// What of an earlier search's report is needed.
#[derive(Debug, Deserialize)]
pub struct Earlier {
    searches: Vec<EarlierSearch>,
}

#[derive(Debug, Deserialize)]
struct EarlierSearch {
    peak: Option<EarlierPeak>,
}

#[derive(Debug, Deserialize)]
struct EarlierPeak {
    goodput: f64,
}

impl Earlier {
    /// The one peak of an earlier report.
    pub fn read(text: &str) -> Result<f64, String> {
        let report: Self =
            serde_json::from_str(text).map_err(|error| format!("is no capacity report: {error}"))?;
        match &report.searches[..] {
            [EarlierSearch { peak: Some(peak) }] if peak.goodput > 0.0 => Ok(peak.goodput),
            [_] => Err("found no peak".to_owned()),
            searches => Err(format!("holds {} searches, and one is wanted", searches.len())),
        }
    }
}

impl LawReport {
    /// Fits, or says why not.
    pub fn of(points: &[Point], needed: usize) -> Self {
        match law::fit(points, needed) {
            Ok(fit) => Self::Fitted(fit),
            Err(refused) => Self::Refused(refused),
        }
    }
}

/// Fits a law over numbers of instances, and asks it how many `load` needs.
pub fn over_instances(points: Vec<Point>, load: Option<f64>) -> Scaling {
    let law = LawReport::of(&points, FEWEST);
    let (doubled, needed) = match &law {
        LawReport::Fitted(fit) => {
            (fit.throughput(law::FARTHEST * fit.largest).ok(), load.map(|load| needed(fit, load)))
        }
        LawReport::Refused(_) => (None, None),
    };
    Scaling { points, law, doubled, needed }
}

fn needed(fit: &Fit, load: f64) -> Needed {
    match fit.size_for(load) {
        Ok(Estimate { value, low, high }) => {
            let whole = |instances: f64| (instances - 1e-9).ceil().max(1.0);
            let instances = Estimate { value: whole(value), low: whole(low), high: whole(high) };
            Needed::Instances { load, instances }
        }
        Err(refused) => Needed::Unknown { load, refused },
    }
}

#[cfg(test)]
mod tests {
    use super::{Earlier, LawReport, Needed, Point, over_instances};
    use crate::load::capacity::law::{Law, NoFit, NoForecast};

    fn points(sizes: &[f64]) -> Vec<Point> {
        let law = Law { gamma: 10_000.0, alpha: 0.03, beta: 0.0 };
        sizes.iter().map(|size| Point { size: *size, throughput: law.throughput(*size) }).collect()
    }

    #[test]
    fn instances_for_a_load_are_whole_and_not_guessed_from_afar() {
        let scaling = over_instances(points(&[1.0, 2.0, 4.0, 8.0]), Some(100_000.0));
        let Some(Needed::Instances { instances, .. }) = scaling.needed else { panic!("{scaling:?}") };
        // 10,000·N / (1 + 0.03·(N − 1)) = 100,000 at N = 13.86.
        assert_eq!((instances.value, instances.low, instances.high), (14.0, 14.0, 14.0));
        let far = over_instances(points(&[1.0, 2.0, 3.0, 4.0]), Some(100_000.0)).needed;
        assert!(matches!(far, Some(Needed::Unknown { refused: NoForecast::TooFar { .. }, .. })), "{far:?}");
        let few = over_instances(points(&[1.0, 2.0, 4.0]), Some(100_000.0));
        let refused = NoFit::TooFewPoints { points: 3, needed: 4 };
        assert_eq!((few.law, few.needed), (LawReport::Refused(refused), None));
    }

    #[test]
    fn the_peak_of_an_earlier_report_is_read() {
        assert_eq!(Earlier::read(r#"{"searches": [{"peak": {"goodput": 12.5, "level": 13}}]}"#), Ok(12.5));
        assert_eq!(Earlier::read(r#"{"searches": [{"peak": null}]}"#), Err("found no peak".to_owned()));
        assert!(Earlier::read(r#"{"searches": []}"#).unwrap_err().starts_with("holds 0 searches"));
        assert!(Earlier::read("[]").unwrap_err().starts_with("is no capacity report"));
    }
}
