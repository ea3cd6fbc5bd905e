//! Thresholds by tag, by what rows speak, and by name.

use scalectl::Exit;
use serde_json::Value;

use crate::support::{NodeServer, ReferenceServer, Scalectl};

fn run(file: &str) -> Scalectl {
    let args = ["loadtest", "run", "test.yaml", "--users", "2", "--duration", "3s", "--ramp", "0s"];
    Scalectl::new(args).arg("--output").arg("json").file("test.yaml", file)
}

/// The thresholds with what became of them.
fn thresholds(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["slo"].as_array().unwrap().iter().map(|slo| (text(&slo["slo"]), text(&slo["outcome"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(slo, outcome)| ((*slo).to_owned(), (*outcome).to_owned())).collect()
}

#[test]
fn a_threshold_is_about_the_rows_that_carry_its_tag() {
    let server = ReferenceServer::start();
    let file = format!(
        "config: {{target: \"{}\"}}\nscenarios:\n  - tags: {{area: checkout}}\n    flow:\n      - get: /health\n      \
         - {{get: {{url: /nowhere, expect: {{notStatusCode: 500}}}}, tags: {{area: search}}}}\n      - {{get: /missing, tags: {{area: search}}}}\n\
         slo:\n  - errors of tag area=checkout < 1%\n  - errors of tag area=search < 10%\n  - p95 of tag area=\"checkout\" < 10s\n  \
         - count of tag area=search > 1\n",
        server.url()
    );
    let report = run(&file).run().code(Exit::Failed).json();
    let expected = [
        ("errors of tag area=checkout < 1%", "passed"),
        ("errors of tag area=search < 10%", "failed"),
        ("p95 of tag area=\"checkout\" < 10s", "passed"),
        ("count of tag area=search > 1", "passed"),
    ];
    assert_eq!(thresholds(&report), pairs(&expected), "{report:#}");
    // The end of the run may come between the two.
    assert!((45.0..=50.0).contains(&report["slo"][1]["observed"].as_f64().unwrap()), "{report:#}");
}

#[test]
fn the_targets_of_a_team_are_thresholds_by_name() {
    let server = ReferenceServer::start_with(&["--cache", "memory"]);
    let file = format!(
        "config: {{target: \"{}\", http: {{timeout: 10s}}}}\nbefore:\n  flow:\n    \
         - post: {{url: /api/auth/guest, json: {{name: ada}}, capture: {{json: $.token, as: token}}}}\nscenarios:\n  - flow:\n      \
         - get: {{url: /api/feed, headers: {{authorization: \"Bearer {{{{ token }}}}\"}}}}\n      - get: /health\n      \
         - think: 20ms\nslo:\n  - preset: targets\n",
        server.url()
    );
    let report = run(&file).run().json();
    let names: Vec<_> = thresholds(&report).into_iter().map(|(slo, _)| slo).collect();
    let expected = [
        "p80 of http < 200ms (preset targets)",
        "errors of http < 0.1% (preset targets)",
        "cache hits of http > 85% (preset targets)",
    ];
    assert_eq!(names, expected, "sockets are not spoken: {report:#}");
    // `/health` is not the cache's business: of the pages of the feed, only the first ones were not there.
    let hits = report["slo"][2]["observed"].as_f64().unwrap();
    assert!(hits > 85.0 && hits < 100.0, "{report:#}");
    assert_eq!(
        (&report["slo"][1]["outcome"], &report["slo"][2]["outcome"]),
        (&"passed".into(), &"passed".into())
    );
}

#[test]
fn sockets_have_thresholds_of_their_own_and_a_silent_cache_is_no_verdict() {
    let server = NodeServer::socketio(&Value::Object(Default::default()));
    let file = format!(
        "config: {{target: \"{}\"}}\nscenarios:\n  - engine: socketio\n    flow:\n      - emit: [echo, 1]\n        \
         acknowledge: true\n      - {{get: {{url: /, expect: {{statusCode: 404}}}}}}\n      - think: 60s\n\
         slo:\n  - p80 of sockets < 10s\n  - errors of sockets < 0.1%\n  - count of sockets >= 4\n  - count of http >= 2\n  \
         - {{preset: cache}}\n",
        server.url()
    );
    let report = run(&file).run().code(Exit::Inconclusive).json();
    let outcomes: Vec<_> = thresholds(&report).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["passed", "passed", "passed", "passed", "inconclusive"], "{report:#}");
}
