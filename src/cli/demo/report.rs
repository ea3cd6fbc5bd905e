//! What a demo found, as it is written to a file.

use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::Exit;
use crate::cli::{Error, io_error};
use crate::health::{HealthReport, State};
use crate::load::LoadReport;
use crate::load::report::Verdict;

/// Refuses a place for the report that could not be written to after a minute of work.
pub fn ensure_writable(path: &Path) -> Result<(), Error> {
    let folder = folder_of(path);
    let reason = match tempfile::tempfile_in(folder) {
        Ok(_) => return Ok(()),
        Err(_) if !folder.is_dir() => format!("there is no folder {}", folder.display()),
        Err(error) => error.kind().to_string(),
    };
    let place = path.display();
    Err(Error::Usage(format!("{place} cannot be written: {reason}; choose another place with --report")))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let what = || format!("{} could not be written", path.display());
        let mut file = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(io_error(what()))?;
        serde_json::to_writer_pretty(&mut file, self)
            .map_err(std::io::Error::from)
            .map_err(io_error(what()))?;
        file.write_all(b"\n").map_err(io_error(what()))?;
        file.as_file().sync_all().map_err(io_error(what()))?;
        file.persist(path).map_err(|error| io_error(what())(error.error))?;
        Ok(())
    }
}
