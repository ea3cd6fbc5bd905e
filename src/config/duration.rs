//! Durations for people. [`Span`] reads them, for the files of scalectl and of the reference server alike.

use std::time::Duration;

pub use reference_server::Span;

/// A duration for people, three significant figures: `180µs`, `12.3ms`, `1.50s`, `2m05s`.
pub fn humanize(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 1e-3 => format!("{}µs", duration.as_micros()),
        s if s < 1.0 => scaled(s * 1e3, "ms"),
        s if s < 60.0 => scaled(s, "s"),
        s => format!("{}m{:02}s", (s / 60.0) as u64, (s % 60.0) as u64),
    }
}

fn scaled(value: f64, unit: &str) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}{unit}"),
        v if v < 100.0 => format!("{v:.1}{unit}"),
        v => format!("{v:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::humanize;

    #[test]
    fn durations_are_shown_with_three_figures() {
        let shown = |micros| humanize(Duration::from_micros(micros));
        assert_eq!(
            [shown(180), shown(1_234), shown(123_456), shown(1_500_000), shown(125_000_000)],
            ["180µs", "1.23ms", "123ms", "1.50s", "2m05s"]
        );
    }
}
