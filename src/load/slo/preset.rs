//! Thresholds by name: the targets that teams commonly set themselves.

use schemars::JsonSchema;
use serde::Deserialize;

/// A set of thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// HTTP: four answers of five within 200 ms, errors below 0.1 %.
    Api,
    /// Sockets: four answers of five within 100 ms, errors below 0.1 %.
    Sockets,
    /// More than 85 % of the answers that a cache speaks of came out of it.
    Cache,
    /// All of these, as far as the file has steps for them.
    Targets,
}

impl Preset {
    /// The name in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Sockets => "sockets",
            Self::Cache => "cache",
            Self::Targets => "targets",
        }
    }

    /// Its thresholds.
    pub fn thresholds(self) -> &'static [&'static str] {
        const ALL: [&str; 5] = [
            "p80 of http < 200ms",
            "errors of http < 0.1%",
            "p80 of sockets < 100ms",
            "errors of sockets < 0.1%",
            "cache hits of http > 85%",
        ];
        match self {
            Self::Api => &ALL[..2],
            Self::Sockets => &ALL[2..4],
            Self::Cache => &ALL[4..],
            Self::Targets => &ALL,
        }
    }
}
