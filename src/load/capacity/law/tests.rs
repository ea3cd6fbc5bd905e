use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Cause, Law, NoFit, NoForecast, Point, fit};

const SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0];

fn points(law: &Law, sizes: &[f64], mut error: impl FnMut() -> f64) -> Vec<Point> {
    let point = |size: &f64| Point { size: *size, throughput: law.throughput(*size) * (1.0 + error()) };
    sizes.iter().map(point).collect()
}

fn exact(law: &Law) -> Vec<Point> {
    points(law, &SIZES, || 0.0)
}

#[test]
fn the_cause_is_named_and_the_peak_is_where_the_law_has_it() {
    let coherency = Law { gamma: 100.0, alpha: 0.02, beta: 0.001 };
    let fitted = fit(&exact(&coherency), 6).unwrap();
    assert_eq!(fitted.cause, Cause::Coherency);
    assert!((fitted.best_size.unwrap() - (0.98_f64 / 0.001).sqrt()).abs() < 1e-6, "{fitted:?}");
    let contention = fit(&exact(&Law { gamma: 100.0, alpha: 0.1, beta: 0.0 }), 6).unwrap();
    assert_eq!((contention.cause, contention.best_size), (Cause::Contention, None));
    assert_eq!(fit(&exact(&Law { gamma: 3.0, alpha: 0.0, beta: 0.0 }), 6).unwrap().cause, Cause::Linear);
}

#[test]
fn it_does_not_speak_of_sizes_far_beyond_what_was_measured() {
    let law = Law { gamma: 100.0, alpha: 0.05, beta: 0.0 };
    let fitted = fit(&points(&law, &[1.0, 2.0, 4.0, 8.0], || 0.0), 4).unwrap();
    assert!(fitted.throughput(16.0).is_ok());
    assert_eq!(fitted.throughput(17.0), Err(NoForecast::TooFar { size: 17.0, largest: 8.0 }));
    let size = fitted.size_for(law.throughput(12.0)).unwrap();
    assert!((size.value - 12.0).abs() < 1e-6, "{size:?}");
    assert!(matches!(fitted.size_for(law.throughput(40.0)), Err(NoForecast::TooFar { .. })));
}

#[test]
fn a_throughput_above_the_laws_highest_is_out_of_reach() {
    let law = Law { gamma: 100.0, alpha: 0.1, beta: 0.01 };
    let fitted = fit(&exact(&law), 6).unwrap();
    let most = law.throughput(law.best_size().unwrap());
    let Err(NoForecast::OutOfReach { most: said, .. }) = fitted.size_for(1.01 * most) else {
        panic!("{:?}", fitted.size_for(1.01 * most));
    };
    assert!((said / most - 1.0).abs() < 1e-6);
    assert!(fitted.size_for(0.99 * most).unwrap().value < law.best_size().unwrap());
}

#[test]
fn what_is_no_such_curve_is_refused() {
    let law = Law { gamma: 1.0, alpha: 0.0, beta: 0.0 };
    let few = points(&law, &[1.0, 2.0, 2.0, 2.0, 1.0, 1.0], || 0.0);
    assert_eq!(fit(&few, 6), Err(NoFit::TooFewPoints { points: 2, needed: 6 }));
    let saw = |(index, size): (usize, &f64)| Point { size: *size, throughput: [10.0, 500.0][index % 2] };
    let saw: Vec<_> = SIZES.iter().enumerate().map(saw).collect();
    assert!(matches!(fit(&saw, 6), Err(NoFit::Poor { .. })), "{:?}", fit(&saw, 6));
}

/// Of 60 noisy measurements of one law, the interval of α misses the truth about as often as it says.
#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    let law = Law { gamma: 500.0, alpha: 0.04, beta: 0.000_3 };
    let mut random = StdRng::seed_from_u64(7);
    let mut missed = 0;
    for _ in 0..60 {
        let noisy = points(&law, &SIZES, || random.random_range(-0.04..0.04));
        let alpha = fit(&noisy, 6).unwrap().alpha;
        missed += u32::from(!(alpha.low..=alpha.high).contains(&law.alpha));
    }
    assert!(missed <= 9, "{missed} of 60");
}

fn laws() -> impl Strategy<Value = Law> {
    let beta = prop_oneof![Just(0.0), 1e-5f64..1e-2];
    (1.0f64..1e5, 0.0f64..0.5, beta).prop_map(|(gamma, alpha, beta)| Law { gamma, alpha, beta })
}

proptest! {
    // Each case fits a thousand laws.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_exact_curve_gives_its_law_back(law in laws()) {
        let found = fit(&exact(&law), 6).unwrap().law;
        prop_assert!((found.gamma / law.gamma - 1.0).abs() < 1e-6, "{found:?}");
        prop_assert!((found.alpha - law.alpha).abs() < 1e-6, "{found:?}");
        prop_assert!((found.beta - law.beta).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn under_noise_it_forecasts_the_next_doubling_within_its_interval_or_a_tenth(
        law in laws(), noise in proptest::collection::vec(-0.02f64..0.02, 8),
    ) {
        let mut noise = noise.into_iter();
        let noisy = points(&law, &SIZES, || noise.next().unwrap());
        if let Ok(fitted) = fit(&noisy, 6) {
            let forecast = fitted.throughput(96.0).unwrap();
            prop_assert!(forecast.low <= forecast.value && forecast.value <= forecast.high);
            let truth = law.throughput(96.0);
            let is_inside = (forecast.low..=forecast.high).contains(&truth);
            prop_assert!(is_inside || (forecast.value / truth - 1.0).abs() < 0.1, "{forecast:?}, {truth}");
        }
    }
}
