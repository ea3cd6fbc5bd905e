//! Student's distribution, by the continued fraction of the incomplete beta function (DLMF 8.17.22) and Lanczos'
//! approximation of the gamma function.

const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];
const ROUNDS: u32 = 500;
const SMALL: f64 = 1e-300;
/// Beyond it nothing is believed at any level that is asked for.
const FARTHEST: f64 = 1e6;

/// How likely it is that so large a `t`, of either sign, comes by chance.
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The `t` beyond which, on either side, lies `level`.
pub fn critical(level: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, FARTHEST);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        match two_sided(middle, freedom) > level {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges quickly on one side of the mean only.
    match x < (a + 1.0) / (a + b + 2.0) {
        true => front * fraction(x, a, b) / a,
        false => 1.0 - front * fraction(1.0 - x, b, a) / b,
    }
}

/// The continued fraction, from its front, after Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let keep_away = |value: f64| if value.abs() < SMALL { SMALL } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / keep_away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for round in 1..=ROUNDS {
        let m = f64::from(round);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / keep_away(1.0 + term * d);
            c = keep_away(1.0 + term / c);
            result *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    result
}

fn ln_gamma(x: f64) -> f64 {
    if x < 0.5 {
        let reflected = std::f64::consts::PI / (std::f64::consts::PI * x).sin();
        return reflected.ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = LANCZOS[0];
    for (coefficient, number) in LANCZOS[1..].iter().zip(1u32..) {
        sum += coefficient / (x + f64::from(number));
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::{critical, two_sided};

    /// Values of any printed table.
    #[test]
    fn the_table_of_critical_values_is_met() {
        for (level, freedom, expected) in [
            (0.05, 1.0, 12.706),
            (0.05, 4.0, 2.776),
            (0.01, 10.0, 3.169),
            (0.05, 23.0, 2.069),
            (0.001, 30.0, 3.646),
            (0.05, 1e6, 1.960),
        ] {
            let found = critical(level, freedom);
            assert!((found - expected).abs() < 1e-3, "{level} {freedom}: {found}");
            assert!((two_sided(found, freedom) - level).abs() < 1e-9);
        }
        assert_eq!((two_sided(0.0, 5.0), two_sided(-2.776, 4.0) < 0.0501), (1.0, true));
    }
}
