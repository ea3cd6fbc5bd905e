//! The JSON Schemas in `docs/schemas` are those of the types, for editors and for whoever reads our reports.
//! `SNAPSHOTS=overwrite` writes them anew after a type has changed.

use schemars::{JsonSchema, schema_for};
use snapbox::{assert_data_eq, file};

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

fn schema<T: JsonSchema>() -> String {
    format!("{}\n", serde_json::to_string_pretty(&schema_for!(T)).unwrap())
}

#[test]
fn files_that_people_write() {
    assert_data_eq!(schema::<Topology>(), file!["../docs/schemas/scalectl.yaml.json"]);
    assert_data_eq!(schema::<ScenarioFile>(), file!["../docs/schemas/scenario.json"]);
    assert_data_eq!(schema::<Settings>(), file!["../docs/schemas/serve.json"]);
    assert_data_eq!(schema::<SpecFile>(), file!["../docs/schemas/indexes.json"]);
}

#[test]
fn reports_that_programs_read() {
    assert_data_eq!(schema::<HealthReport>(), file!["../docs/schemas/health-report.json"]);
    assert_data_eq!(schema::<LoadReport>(), file!["../docs/schemas/loadtest-report.json"]);
    assert_data_eq!(schema::<CapacityReport>(), file!["../docs/schemas/loadtest-capacity-report.json"]);
    assert_data_eq!(schema::<CompareReport>(), file!["../docs/schemas/loadtest-compare.json"]);
    assert_data_eq!(schema::<CleanReport>(), file!["../docs/schemas/loadtest-clean.json"]);
    assert_data_eq!(schema::<Summary>(), file!["../docs/schemas/loadtest-validate.json"]);
    assert_data_eq!(schema::<load::import::ImportReport>(), file!["../docs/schemas/loadtest-import.json"]);
    assert_data_eq!(schema::<load::shipped::Listing>(), file!["../docs/schemas/loadtest-list.json"]);
    assert_data_eq!(schema::<Capabilities>(), file!["../docs/schemas/indexes-capabilities.json"]);
    assert_data_eq!(schema::<DemoReport>(), file!["../docs/schemas/demo-report.json"]);
    assert_data_eq!(schema::<VerifyReport>(), file!["../docs/schemas/indexes-verify-report.json"]);
    assert_data_eq!(schema::<StateVerifyReport>(), file!["../docs/schemas/state-verify-report.json"]);
    assert_data_eq!(schema::<PreflightReport>(), file!["../docs/schemas/state-plan.json"]);
    assert_data_eq!(schema::<Plan>(), file!["../docs/schemas/indexes-plan.json"]);
    assert_data_eq!(schema::<ApplyReport>(), file!["../docs/schemas/indexes-apply-report.json"]);
    assert_data_eq!(schema::<HistoryReport>(), file!["../docs/schemas/indexes-history.json"]);
    assert_data_eq!(schema::<AdviseReport>(), file!["../docs/schemas/indexes-advise.json"]);
    assert_data_eq!(schema::<StatusReport>(), file!["../docs/schemas/state-status.json"]);
    assert_data_eq!(schema::<ChangeReport>(), file!["../docs/schemas/state-change.json"]);
    assert_data_eq!(schema::<EvictionReport>(), file!["../docs/schemas/state-eviction.json"]);
    assert_data_eq!(schema::<Conflicts>(), file!["../docs/schemas/state-conflicts.json"]);
    assert_data_eq!(schema::<JournalListing>(), file!["../docs/schemas/state-journal.json"]);
    assert_data_eq!(schema::<ImportReport>(), file!["../docs/schemas/indexes-import.json"]);
}
