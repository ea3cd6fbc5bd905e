//! Durations as people write them: `500ms`, `2s`, `1.5m`, `1h`, or a bare number of seconds.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A length of time from a file or from the command line; at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const LONGEST: f64 = 365.0 * 24.0 * 3600.0;
const UNITS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim() {
            "" => Some(1.0),
            unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor),
        };
        match (number.parse::<f64>(), factor) {
            (Ok(number), Some(factor)) => Self::from_seconds(number * factor),
            _ => Err(format!("`{text}` is no duration; write 500ms, 30s, 2m or 1h")),
        }
    }
}

impl Span {
    fn from_seconds(seconds: f64) -> Result<Self, String> {
        if (0.0..=LONGEST).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!("a duration of {seconds} s is out of range; at most a year"))
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let span = match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Self::from_seconds(seconds),
            Written::Text(text) => text.parse(),
        };
        span.map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: a number of seconds, or text such as 500ms, 30s, 2m, 1h.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": LONGEST},
                {
                    "type": "string",
                    "pattern": r"^\s*\d+(\.\d+)?\s*(us|ms|s|m|h)?\s*$",
                    "errorMessage": "is no duration; write 500ms, 30s, 2m or 1h"
                }
            ]
        })
    }
}

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

    use super::{Span, humanize};

    #[test]
    fn durations_are_read_as_written() {
        let read = |text: &str| text.parse::<Span>().map(|span| span.0);
        assert_eq!(read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(read("30"), Ok(Duration::from_secs(30)));
        for wrong in ["", "5 apples", "-1s", "1e9s", "99999h", "1..2s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_shown_with_three_figures() {
        let shown = |micros| humanize(Duration::from_micros(micros));
        assert_eq!(
            [shown(180), shown(1_234), shown(123_456), shown(1_500_000), shown(125_000_000)],
            ["180µs", "1.23ms", "123ms", "1.50s", "2m05s"]
        );
    }
}
