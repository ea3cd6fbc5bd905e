//! The knee of a curve: where response times begin to rise faster than load.
//!
//! Kneedle (Satopää, Albrecht, Irwin, Raghavan, "Finding a 'Kneedle' in a Haystack", 2011) for a convex, rising
//! curve: both axes are scaled to 0..1, and the knee is where the curve is farthest below its chord, when it then
//! comes nearer again by more than the sensitivity asks.

use schemars::JsonSchema;
use serde::Serialize;

/// Fewer levels show no shape.
pub const FEWEST_LEVELS: usize = 8;
/// The paper's S: how flat the curve must be before the knee, in steps of the load.
const SENSITIVITY: f64 = 1.0;

/// What the curve shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Knee {
    /// The last level before the rise.
    At {
        /// The level.
        level: f64,
    },
    /// The curve has none: it rises evenly.
    None,
    /// There are too few levels to say.
    TooFewLevels {
        /// Those that there are.
        levels: usize,
        /// Those that it takes.
        needed: usize,
    },
}

/// The knee of `points` of level and response time, in any order.
pub fn find(points: &[(f64, f64)]) -> Knee {
    let curve = rising(merged(points));
    if curve.len() < FEWEST_LEVELS {
        return Knee::TooFewLevels { levels: curve.len(), needed: FEWEST_LEVELS };
    }
    match knee_index(&curve) {
        Some(index) => Knee::At { level: curve[index].0 },
        None => Knee::None,
    }
}

fn knee_index(curve: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (curve.first()?, curve.last()?);
    let (width, height) = (last.0 - first.0, last.1 - first.1);
    if width <= 0.0 || height <= 0.0 {
        return None;
    }
    let below_chord = |point: &(f64, f64)| (point.0 - first.0) / width - (point.1 - first.1) / height;
    let depth: Vec<f64> = curve.iter().map(below_chord).collect();
    let deepest = (0..depth.len()).max_by(|a, b| depth[*a].total_cmp(&depth[*b]))?;
    // The mean distance of two levels on the scaled axis.
    let threshold = depth[deepest] - SENSITIVITY / (curve.len() - 1) as f64;
    (threshold > 0.0 && depth[deepest..].iter().any(|depth| *depth < threshold)).then_some(deepest)
}

/// One point for each level: the mean of its steps.
fn merged(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let levels = sorted.chunk_by(|a, b| a.0 == b.0);
    levels
        .map(|same| (same[0].0, same.iter().map(|point| point.1).sum::<f64>() / same.len() as f64))
        .collect()
}

/// The nearest curve that never falls (pool adjacent violators): noise at low load is no shape.
fn rising(curve: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (_, time) in &curve {
        pools.push((*time, 1));
        while let [.., (left, n), (right, m)] = pools[..] {
            if left <= right {
                break;
            }
            pools.truncate(pools.len() - 2);
            pools.push(((left * n as f64 + right * m as f64) / (n + m) as f64, n + m));
        }
    }
    let times = pools.into_iter().flat_map(|(time, count)| std::iter::repeat_n(time, count));
    curve.into_iter().zip(times).map(|((level, _), time)| (level, time)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Knee, find};

    /// Response times of a queue with one server: S / (1 - load / limit).
    fn queue(limit: f64) -> Vec<(f64, f64)> {
        (1..=19).map(|twentieth| f64::from(twentieth) / 20.0).map(|p| (limit * p, 1.0 / (1.0 - p))).collect()
    }

    #[test]
    fn a_queue_has_its_knee_before_its_limit() {
        let Knee::At { level } = find(&queue(1_000.0)) else { panic!("no knee") };
        assert!((700.0..900.0).contains(&level), "{level}");
    }

    #[test]
    fn an_even_rise_has_none_and_few_levels_say_nothing() {
        let line: Vec<_> = (0..20).map(|i| (f64::from(i), f64::from(i) * 3.0)).collect();
        assert_eq!(find(&line), Knee::None);
        let flat: Vec<_> = (0..20).map(|i| (f64::from(i), 5.0)).collect();
        assert_eq!(find(&flat), Knee::None);
        assert_eq!(find(&line[..7]), Knee::TooFewLevels { levels: 7, needed: 8 });
        let repeated: Vec<_> = line[..7].iter().chain(&line[..7]).copied().collect();
        assert_eq!(find(&repeated), Knee::TooFewLevels { levels: 7, needed: 8 });
    }

    proptest! {
        #[test]
        fn scale_and_order_make_no_difference(limit in 1.0f64..1e6, unit in 0.01f64..100.0, cut in 0usize..19) {
            let points = queue(limit);
            let Knee::At { level } = find(&points) else { panic!("no knee") };
            let mut scaled: Vec<_> = points.iter().map(|(x, y)| (x * 2.0, y * unit)).collect();
            scaled.rotate_left(cut);
            let Knee::At { level: doubled } = find(&scaled) else { panic!("no knee") };
            prop_assert!((doubled / level - 2.0).abs() < 1e-9);
        }

        #[test]
        fn a_little_noise_moves_the_knee_little(noise in proptest::collection::vec(0.97f64..1.03, 19)) {
            let noisy: Vec<_> = queue(1_000.0).iter().zip(noise).map(|((x, y), n)| (*x, y * n)).collect();
            let Knee::At { level } = find(&noisy) else { panic!("no knee") };
            prop_assert!((650.0..=900.0).contains(&level), "{}", level);
        }
    }
}
