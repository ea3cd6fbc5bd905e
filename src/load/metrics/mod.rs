//! What the systems say of themselves under load: each source is asked at two moments, and counters become rates. A
//! source that is not there is named and missed, never fatal. [`sampler`] asks once a second of a run, a search for the
//! capacity at both ends of each step.

pub mod host;
pub mod mongodb;
pub mod prometheus;
pub mod redis;
pub mod sampler;
pub mod sources;
pub mod target;

use schemars::JsonSchema;
use serde::Serialize;

/// A resource is full from this part of its limit on.
pub const FULL: f64 = 0.9;

/// One quantity between two moments.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reading {
    /// `target`, `mongodb`, `redis` or `host`.
    pub source: &'static str,
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what: `cores`, `%`, `ms`, `MiB`, `/s`, or empty.
    pub unit: &'static str,
    /// How near its own limit it is, 1 being at it; `null` where it has none.
    pub saturation: Option<f64>,
}

/// A source that was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Absent {
    /// Which.
    pub source: &'static str,
    /// Why.
    pub reason: String,
}

impl Reading {
    /// A reading without a limit.
    fn plain(source: &'static str, name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { source, name, value, unit, saturation: None }
    }

    /// A reading that is at its limit when `saturation` is 1.
    fn limited(
        source: &'static str,
        name: &'static str,
        value: f64,
        unit: &'static str,
        saturation: f64,
    ) -> Self {
        Self { saturation: Some(saturation), ..Self::plain(source, name, value, unit) }
    }
}
