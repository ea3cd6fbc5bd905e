//! Storms, as they are written and worked out.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::duration::Span;

/// A moment at which Socket.IO connections are lost, as when a node is taken out or a network breaks. They come back
/// as `config.socketio` says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Storm {
    /// When, since the start of the load; `40%` is after that part of it.
    pub at: Length,
    /// How many of the connections, such as `50%`; all when left out.
    pub drop: Option<String>,
    /// They are cut one after the other over so long, as in a rolling deploy; all at once when left out.
    pub over: Option<Length>,
    /// Whether they say goodbye; cut without a word when left out.
    #[serde(default)]
    pub clean: bool,
}

/// A length of time, or a part of the load's, which is as long as the load turns out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// So long.
    Span(Span),
    /// Such a part, 1 being all.
    Part(f64),
}

impl Length {
    /// How long that is in a load of this length.
    pub fn of(self, load: Duration) -> Duration {
        match self {
            Self::Span(span) => span.0,
            Self::Part(part) => load.mul_f64(part),
        }
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let span = |text: &str| text.parse().map(Self::Span).map_err(serde::de::Error::custom);
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => span(&seconds.to_string()),
            Written::Text(text) => match text.trim().strip_suffix('%') {
                None => span(&text),
                Some(number) => match number.trim().parse::<f64>() {
                    Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Part(percent / 100.0)),
                    _ => Err(serde::de::Error::custom(format!(
                        "`{text}` is no part of the load, such as `40%`"
                    ))),
                },
            },
        }
    }
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration (a number of seconds, or text such as 500ms, 30s, 2m, 1h), or a part of the load, 40%.",
            "anyOf": [
                {"type": "number", "minimum": 0},
                {
                    "type": "string",
                    "pattern": r"^\s*(\d+(\.\d+)?\s*(us|ms|s|m|h)?|(\d{1,2}(\.\d+)?|100)\s*%)\s*$",
                    "errorMessage": "is neither a duration nor a part of the load; write 30s or 40%"
                }
            ]
        })
    }
}

/// A storm, worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StormPlan {
    /// When it begins, since the start of the load.
    pub at: Duration,
    /// Which part of the connections is cut, 1 being all.
    pub drop: f64,
    /// How long it goes on.
    pub over: Duration,
    /// Whether they say goodbye.
    pub is_clean: bool,
}

impl StormPlan {
    /// When a user's connection is cut, since the start of the load: spread evenly over users, the same in every run.
    pub fn cut(&self, user: u32) -> Option<Duration> {
        // Two steps that never fall into a pattern with each other: those of the R2 sequence.
        const WHETHER: f64 = 0.754_877_666_246_692_8;
        const WHEN: f64 = 0.569_840_290_998_053_2;
        let user = f64::from(user);
        ((user * WHETHER).fract() < self.drop).then(|| self.at + self.over.mul_f64((user * WHEN).fract()))
    }
}
