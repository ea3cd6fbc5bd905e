//! What the systems say of themselves during a run: in the report, on the page, and when they say nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::schemas::conforms;
use crate::support::faults::{Answering, FaultServer};
use crate::support::{Browser, RedisServer, ReferenceServer, Scalectl};

const METRICS: &str = "process_cpu_seconds_total 1\nprocess_open_fds 50\nprocess_max_fds 100\n";

fn run(target: &str, args: &[&str]) -> Scalectl {
    let file = format!(
        "config: {{target: \"{target}\"}}\nscenarios:\n  - flow: [{{get: /health}}, {{think: 20ms}}]\nslo: [errors < 1%]\n"
    );
    let fixed = ["loadtest", "run", "test.yaml", "--users", "2", "--ramp", "0s", "--duration", "4s"];
    Scalectl::new(fixed.iter().chain(args)).file("test.yaml", file)
}

/// Answers everything, and the first `answers` requests for metrics.
fn server_with_metrics(answers: usize) -> FaultServer {
    let asked = AtomicUsize::new(0);
    Answering::start(move |request| {
        let is_metrics = request.line == "GET /metrics";
        match is_metrics && asked.fetch_add(1, Ordering::SeqCst) >= answers {
            true => (503, String::new(), "not now".to_owned()),
            false => (200, String::new(), METRICS.to_owned()),
        }
    })
}

fn series<'r>(report: &'r Value, source: &str, name: &str) -> &'r Vec<Value> {
    let all = report["server"]["series"].as_array().unwrap();
    let found = all.iter().find(|series| series["source"] == source && series["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} of {source} in {:#}", report["server"]))["points"]
        .as_array()
        .unwrap()
}

#[test]
fn systems_stand_beside_the_load_in_the_report_and_on_the_page() {
    let (server, redis) = (ReferenceServer::start(), RedisServer::start());
    let named = ["--watch-target", "--redis", "env:TEST_REDIS", "--mongodb", "mongodb://127.0.0.1:1/"];
    let reports = ["--report", "html=r.html", "--output", "json"];
    let args = [&named[..], &reports[..]].concat();
    let output = run(server.url(), &args).env("TEST_REDIS", redis.url()).run();
    let report = output.code(Exit::Done).json();
    conforms("loadtest-report.json", &report);
    for (source, name) in [("target", "CPU"), ("target", "memory"), ("redis", "PING"), ("host", "CPU")] {
        let points = series(&report, source, name);
        let times: Vec<u64> = points.iter().map(|point| point["at"].as_u64().unwrap()).collect();
        assert!(times.is_sorted_by(|one, next| one < next) && (1..=5).contains(&times.len()), "{times:?}");
    }
    let absent = report["server"]["absent"].as_array().unwrap();
    assert_eq!(absent.len(), 1, "{absent:#?}");
    assert_eq!(absent[0]["source"], "mongodb");
    output.stderr_has("note: mongodb will not be asked: mongodb://127.0.0.1:1/: ");
    let mut browser = Browser::start();
    browser.open(&output.path("r.html"));
    shows_systems(&mut browser, &report);
}

fn shows_systems(browser: &mut Browser, report: &Value) {
    let drawn = "[...document.querySelectorAll('#systems-target-memory polyline')].map((l) => l.points.numberOfItems)";
    // Looks after the last second of load are in the report only.
    let end = report["timeline"]["points"].as_array().unwrap().last().unwrap()["at"].as_u64().unwrap();
    let points = series(report, "target", "memory").iter();
    let within = points.filter(|point| point["at"].as_u64().unwrap() <= end).count();
    assert_eq!(browser.evaluate(drawn), json!([within]));
    let ends = "[...document.querySelectorAll('figure.chart .grid')].map((grid) => \
                [...grid.querySelectorAll('text[text-anchor=middle]')].map((label) => label.textContent).join())";
    let axes = browser.evaluate(ends);
    let axes = axes.as_array().unwrap();
    assert!(axes.len() > 8 && axes.iter().all(|axis| *axis == axes[0]), "{axes:#?}");
    let text = browser.evaluate("document.body.innerText");
    assert!(text.as_str().unwrap().contains("mongodb was not there and was not asked again"), "{text}");
}

#[test]
fn a_system_that_stops_answering_is_named_and_fails_nothing() {
    let server = server_with_metrics(2);
    let report = run(&server.url(), &["--watch-target", "--output", "json"]).run().code(Exit::Done).json();
    let faults = report["server"]["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0]["reason"], "the server answered HTTP 503 to the request for metrics");
    let number = |name: &str| faults[0][name].as_u64().unwrap();
    assert!(number("missed") >= 1 && number("missed") == number("looks") - 1, "{faults:#?}");
}

#[test]
fn people_are_told_what_was_full_and_who_was_silent() {
    let server = server_with_metrics(usize::MAX);
    let output = run(&server.url(), &["--watch-target", "--redis", "redis://127.0.0.1:1", "--quiet"]).run();
    output.code(Exit::Done).stdout_has("The systems meanwhile");
    let files = output.stdout.lines().find(|line| line.contains("file descriptors")).unwrap();
    let words: Vec<_> = files.split_whitespace().collect();
    assert_eq!(words, ["target", "file", "descriptors", "50", "50", "50", "%"]);
    output.stdout_has("note: redis was not there and was not asked again: redis://127.0.0.1:1");
}

#[test]
fn nobody_is_asked_who_was_not_named() {
    let server = server_with_metrics(usize::MAX);
    let report = run(&server.url(), &["--output", "json"]).run().code(Exit::Done).json();
    assert_eq!(report["server"], Value::Null);
    assert!(!server.received().iter().any(|request| request.contains("/metrics")), "the target was asked");
}

#[test]
fn a_password_in_the_open_and_a_place_that_is_none_are_refused() {
    let output = run("http://127.0.0.1:1", &["--redis", "redis://:hunter2@127.0.0.1:1"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr_has("keep it in a variable or a file");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    let output = run("http://127.0.0.1:1", &["--metrics", "ftp://127.0.0.1/metrics"]).run();
    output.code(Exit::Usage).stderr_has("write an http:// or https:// URL");
}
