//! What an import of a scenario has to say.

use std::path::Path;

use crate::load::import::ImportReport;

/// The scenario itself, without the line end that is added anyway.
pub fn scenario(report: &ImportReport) -> String {
    report.scenario.trim_end().to_owned()
}

/// What was written where.
pub fn written(report: &ImportReport, file: &Path) -> String {
    format!("{}: {} of {} requests", file.display(), report.kept, report.found)
}
