//! The answers of a round of probes and what they come to.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::{Exit, HealthExit};

/// How well a system is. The order is that of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Well.
    Ok,
    /// Answers, with something to look at.
    Warning,
    /// Does not answer, or says itself that it is not well.
    Critical,
}

/// One probe's answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckReport {
    /// The check's name.
    pub name: String,
    /// `http`, `socketio`, `redis`, `mongodb` or `tcp`.
    pub kind: &'static str,
    /// How well it is.
    pub state: State,
    /// Time until the answer, in milliseconds.
    pub elapsed_ms: f64,
    /// What it said, or why there is no answer.
    pub detail: String,
}

/// A round of probes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HealthReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// The worst of the checks.
    pub state: State,
    /// From the first question to the last answer, waiting included, in milliseconds.
    pub elapsed_ms: f64,
    /// The checks in the order in which they were named.
    pub checks: Vec<CheckReport>,
}

impl HealthReport {
    /// Sums up a round.
    pub fn new(checks: Vec<CheckReport>, elapsed: Duration) -> Self {
        let state = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
        Self { schema: "scalectl.health/1", state, elapsed_ms: milliseconds(elapsed), checks }
    }

    /// The exit code in the monitoring-plugin convention.
    pub fn exit(&self) -> Exit {
        Exit::Health(match self.state {
            State::Ok => HealthExit::Ok,
            State::Warning => HealthExit::Warning,
            State::Critical => HealthExit::Critical,
        })
    }
}

/// Milliseconds to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
