//! What `--output json` writes is what the schemas in `docs/schemas` promise.

use serde_json::Value;

use crate::support::{ReferenceServer, Scalectl};

#[track_caller]
pub fn conforms(schema: &str, report: &Value) {
    let path = format!("{}/docs/schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{report:#}");
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
