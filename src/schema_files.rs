//! The JSON Schemas in `docs/schemas` are those of the types, for editors and for whoever reads our reports.
//! `SNAPSHOTS=overwrite` writes them anew after a type has changed.

use schemars::{JsonSchema, schema_for};
use snapbox::{assert_data_eq, file};

use crate::cli::serve::Settings;
use crate::config::topology::Topology;
use crate::demo::DemoReport;
use crate::health::HealthReport;
use crate::indexes::import::ImportReport;
use crate::indexes::spec::model::SpecFile;
use crate::load::LoadReport;
use crate::load::scenario::model::ScenarioFile;
use crate::load::scenario::plan::Summary;

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
    assert_data_eq!(schema::<Summary>(), file!["../docs/schemas/loadtest-validate.json"]);
    assert_data_eq!(schema::<DemoReport>(), file!["../docs/schemas/demo-report.json"]);
    assert_data_eq!(schema::<ImportReport>(), file!["../docs/schemas/indexes-import.json"]);
}
