//! What a demo found, as it is written to a file.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::DemoError;
use crate::Exit;
use crate::health::{HealthReport, State};
use crate::load::LoadReport;
use crate::load::report::Verdict;
use crate::whole_file;

/// Refuses a place for the report that could not be written to after a minute of work.
pub fn ensure_writable(path: &Path) -> Result<(), DemoError> {
    let refused = |reason| DemoError::NoPlace { path: path.to_owned(), reason };
    whole_file::ensure_writable(path).map_err(refused)
}

/// The whole demo.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DemoReport {
    /// Version of this layout.
    pub schema: &'static str,
    /// What it comes to.
    pub verdict: Verdict,
    /// The probes.
    pub health: HealthReport,
    /// The load tests, in the order in which they ran.
    pub loads: Vec<LoadReport>,
    /// What this machine did not have.
    pub left_out: Vec<String>,
}

impl DemoReport {
    /// Sums up.
    pub fn new(
        health: HealthReport,
        loads: Vec<LoadReport>,
        left_out: Vec<String>,
        interrupted: bool,
    ) -> Self {
        let any = |verdict| loads.iter().any(|load| load.verdict == verdict);
        let verdict = match () {
            () if interrupted => Verdict::Interrupted,
            () if health.state == State::Critical || any(Verdict::Failed) => Verdict::Failed,
            () if loads.is_empty() || any(Verdict::Inconclusive) => Verdict::Inconclusive,
            () => Verdict::Passed,
        };
        Self { schema: "scalectl.demo/1", verdict, health, loads, left_out }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.verdict.exit()
    }

    /// Writes it beside `path` first and moves it there whole.
    pub fn write(&self, path: &Path) -> Result<(), DemoError> {
        let unwritten = |error: std::io::Error| DemoError::NoPlace {
            path: path.to_owned(),
            reason: error.kind().to_string(),
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| unwritten(error.into()))?;
        whole_file::write(path, format!("{text}\n").as_bytes()).map_err(unwritten)
    }
}
