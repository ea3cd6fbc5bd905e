//! The JSON Schemas in `docs/schemas` are those of the types, for editors and for whoever reads our reports.
//! `SNAPSHOTS=overwrite` writes them anew after a type has changed.

use schemars::{JsonSchema, schema_for};
use snapbox::{Data, assert_data_eq, file};

use crate::cli::serve::Settings;
use crate::config::topology::Topology;
use crate::demo::DemoReport;
use crate::health::HealthReport;
use crate::indexes::advise::AdviseReport;
use crate::indexes::apply::ApplyReport;
use crate::indexes::capability::Capabilities;
use crate::indexes::history::HistoryReport;
use crate::indexes::import::ImportReport;
use crate::indexes::plan::Plan;
use crate::indexes::spec::model::SpecFile;
use crate::indexes::verify::VerifyReport;
use crate::load::capacity::CapacityReport;
use crate::load::clean::CleanReport;
use crate::load::compare::CompareReport;
use crate::load::scenario::model::ScenarioFile;
use crate::load::scenario::plan::Summary;
use crate::load::{self, LoadReport};
use crate::state::change::{ChangeReport, EvictionReport};
use crate::state::conflict::Conflicts;
use crate::state::journal::JournalListing;
use crate::state::preflight::PreflightReport;
use crate::state::status::StatusReport;
use crate::state::verify::VerifyReport as StateVerifyReport;

/// Byte by byte: what is written is read by others, and backslashes of patterns are no paths.
#[track_caller]
fn is_that_of<T: JsonSchema>(file: Data) {
    let schema = format!("{}\n", serde_json::to_string_pretty(&schema_for!(T)).unwrap());
    assert_data_eq!(schema, file.raw());
}

#[test]
fn files_that_people_write() {
    is_that_of::<Topology>(file!["../docs/schemas/scalectl.yaml.json"]);
    is_that_of::<ScenarioFile>(file!["../docs/schemas/scenario.json"]);
    is_that_of::<Settings>(file!["../docs/schemas/serve.json"]);
    is_that_of::<SpecFile>(file!["../docs/schemas/indexes.json"]);
}

#[test]
fn reports_that_programs_read() {
    is_that_of::<HealthReport>(file!["../docs/schemas/health-report.json"]);
    is_that_of::<LoadReport>(file!["../docs/schemas/loadtest-report.json"]);
    is_that_of::<CapacityReport>(file!["../docs/schemas/loadtest-capacity-report.json"]);
    is_that_of::<CompareReport>(file!["../docs/schemas/loadtest-compare.json"]);
    is_that_of::<CleanReport>(file!["../docs/schemas/loadtest-clean.json"]);
    is_that_of::<Summary>(file!["../docs/schemas/loadtest-validate.json"]);
    is_that_of::<load::import::ImportReport>(file!["../docs/schemas/loadtest-import.json"]);
    is_that_of::<load::shipped::Listing>(file!["../docs/schemas/loadtest-list.json"]);
    is_that_of::<Capabilities>(file!["../docs/schemas/indexes-capabilities.json"]);
    is_that_of::<DemoReport>(file!["../docs/schemas/demo-report.json"]);
    is_that_of::<VerifyReport>(file!["../docs/schemas/indexes-verify-report.json"]);
    is_that_of::<StateVerifyReport>(file!["../docs/schemas/state-verify-report.json"]);
    is_that_of::<PreflightReport>(file!["../docs/schemas/state-plan.json"]);
    is_that_of::<Plan>(file!["../docs/schemas/indexes-plan.json"]);
    is_that_of::<ApplyReport>(file!["../docs/schemas/indexes-apply-report.json"]);
    is_that_of::<HistoryReport>(file!["../docs/schemas/indexes-history.json"]);
    is_that_of::<AdviseReport>(file!["../docs/schemas/indexes-advise.json"]);
    is_that_of::<StatusReport>(file!["../docs/schemas/state-status.json"]);
    is_that_of::<ChangeReport>(file!["../docs/schemas/state-change.json"]);
    is_that_of::<EvictionReport>(file!["../docs/schemas/state-eviction.json"]);
    is_that_of::<Conflicts>(file!["../docs/schemas/state-conflicts.json"]);
    is_that_of::<JournalListing>(file!["../docs/schemas/state-journal.json"]);
    is_that_of::<ImportReport>(file!["../docs/schemas/indexes-import.json"]);
}
