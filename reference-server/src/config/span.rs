//! Durations as people write them: `500ms`, `2s`, `1.5m`, `1h`, or a bare number of seconds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// For `#[serde(with = "Span")]` on a field that is a plain [`Duration`].
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Self(*duration))
    }

    /// The other direction of [`Span::serialize`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        <Self as Deserialize>::deserialize(deserializer).map(|span| span.0)
    }

    fn from_seconds(seconds: f64) -> Result<Self, String> {
        if (0.0..=LONGEST).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!("a duration of {seconds} s is out of range; at most a year"))
        }
    }
}

/// In the largest unit that leaves a whole number: `2m`, `90s`, `1500ms`; [`Span::from_str`] reads it back.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let units = [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];
        match units.into_iter().find(|(_, unit)| micros > 0 && micros.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", micros / unit),
            None if micros == 0 => f.write_str("0s"),
            None => write!(f, "{micros}us"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Span;

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
    fn durations_are_written_as_they_are_read() {
        for written in ["2h", "90s", "5m", "1500ms", "250us", "0s"] {
            assert_eq!(written.parse::<Span>().map(|span| span.to_string()), Ok(written.to_owned()));
        }
    }
}
