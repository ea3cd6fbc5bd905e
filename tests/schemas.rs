//! What `--output json` writes is what the schemas in `docs/schemas` promise.

use serde_json::Value;

use crate::support::{ReferenceServer, Scalectl};

/// Asserts that a report is what a schema of `docs/schemas` promises.
#[track_caller]
pub fn conforms(schema: &str, report: &Value) {
    let path = format!("{}/docs/schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{report:#}");
}

/// The YAML files of a folder of the repository.
fn files(folder: &str) -> Vec<Value> {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.map(|path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// Editors show mistakes by these schemas while a file is written.
#[test]
fn files_that_are_shipped_conform() {
    for (folder, schema) in [("scenarios", "scenario.json"), ("indexes", "indexes.json")] {
        let files = files(folder);
        assert!(!files.is_empty(), "{folder}");
        files.iter().for_each(|file| conforms(schema, file));
    }
}

#[test]
fn a_health_report_conforms() {
    let server = ReferenceServer::start();
    let url = format!("{}/health", server.url());
    conforms(
        "health-report.json",
        &Scalectl::new(["health", &url, "tcp://127.0.0.1:1", "--output", "json"]).run().json(),
    );
}

#[test]
fn a_load_report_conforms() {
    let server = ReferenceServer::start();
    let file = "config: {target: \"http://127.0.0.1:1\"}\nscenarios:\n  - flow:\n      - get: /health\n      - get: /nowhere\n";
    let args =
        ["loadtest", "run", "test.yaml", "--duration", "500ms", "--output", "json", "--target", server.url()];
    conforms("loadtest-report.json", &Scalectl::new(args).file("test.yaml", file).run().json());
    let args = ["loadtest", "validate", "test.yaml", "--output", "json"];
    conforms("loadtest-validate.json", &Scalectl::new(args).file("test.yaml", file).run().json());
}
