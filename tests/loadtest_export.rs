//! `--export`: a real Prometheus and a receiver of OTLP have the totals of the report, and a receiver that fails changes
//! nothing but a note.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use prost::Message;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::faults::{Answering, FaultServer};
use crate::support::{PrometheusServer, ReferenceServer, Scalectl};

fn run(target: &str, args: &[&str]) -> Scalectl {
    let file = format!(
        "config: {{target: \"{target}\"}}\nbefore:\n  flow: [{{get: {{url: /health, name: before}}}}]\nscenarios:\n  - flow:\n      \
         - get: /health\n      - think: 20ms\n      - get: {{url: /nowhere, expect: {{statusCode: 204}}}}\nafter:\n  \
         flow: [{{get: {{url: /health, name: after}}}}]\nslo: [errors < 90%]\n"
    );
    let fixed = [
        "loadtest",
        "run",
        "test.yaml",
        "--users",
        "4",
        "--ramp",
        "0s",
        "--duration",
        "3s",
        "--output",
        "json",
    ];
    Scalectl::new(fixed.iter().chain(args)).file("test.yaml", file)
}

/// Count and errors of each row.
fn rows(report: &Value) -> BTreeMap<String, (u64, u64)> {
    let rows = report["rows"].as_array().unwrap().iter();
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), (number(row, "count"), number(row, "errors"))))
        .collect()
}

#[test]
fn a_prometheus_has_the_totals_of_a_run_by_two_workers() {
    let (server, prometheus) = (ReferenceServer::start(), PrometheusServer::start());
    let export = format!("prometheus={}", prometheus.url());
    let args = ["--workers", "2", "--export", &export, "--export-label", "run=nightly"];
    let output = run(server.url(), &args).run();
    let report = output.code(Exit::Done).json();
    assert_eq!(report["notes"], Value::Array(Vec::new()));
    let by_row = |name: &str| -> BTreeMap<String, u64> {
        let series =
            prometheus.query(&format!("{name}{{run=\"nightly\",scenario=\"test.yaml\",row!=\"(script)\"}}"));
        let row = |(labels, value): (Value, f64)| (labels["row"].as_str().unwrap().to_owned(), value as u64);
        series.into_iter().map(row).collect()
    };
    let expected = rows(&report);
    let counts = expected.iter().map(|(row, (count, _))| (row.clone(), *count)).collect();
    let errors = expected.iter().map(|(row, (_, errors))| (row.clone(), *errors)).collect();
    assert_eq!(by_row("scalectl_load_steps_total"), counts);
    assert_eq!(by_row("scalectl_load_step_errors_total"), errors);
    let only = |expression: &str| {
        let found = prometheus.query(expression);
        assert_eq!(found.len(), 1, "{expression}: {found:?}");
        found[0].1
    };
    assert_eq!(only("scalectl_load_exchanges_total"), report["total"]["count"].as_f64().unwrap());
    assert_eq!(only("scalectl_load_exchange_errors_total"), report["total"]["errors"].as_f64().unwrap());
    // A value for each second, and one more for what came after the load.
    let points = report["timeline"]["points"].as_array().unwrap();
    assert_eq!(only("count_over_time(scalectl_load_users[5m])") as usize, points.len() + 1);
    let longest = points.iter().filter_map(|point| point["response"]["max"].as_u64()).max().unwrap();
    let told = only("max_over_time(scalectl_load_exchange_response_seconds{quantile=\"1\"}[5m])");
    // What comes after the load has response times of its own.
    assert!(told >= longest as f64 / 1e6, "{told} instead of {longest} microseconds");
}

type Received = Arc<Mutex<Vec<ExportMetricsServiceRequest>>>;

/// Refuses the first requests, and keeps what it takes.
fn receiver(refusals: usize) -> (FaultServer, Received) {
    let received = Received::default();
    let (kept, refused) = (Arc::clone(&received), Mutex::new(0));
    let server = Answering::start(move |asked| {
        let mut refused = refused.lock().unwrap();
        if *refused < refusals {
            *refused += 1;
            return (503, String::new(), "not now".to_owned());
        }
        assert_eq!(asked.line, "POST /v1/metrics");
        assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(asked.header("content-type"), Some("application/x-protobuf"));
        kept.lock().unwrap().push(ExportMetricsServiceRequest::decode(&asked.bytes[..]).unwrap());
        (200, String::new(), String::new())
    });
    (server, received)
}

/// All points of a metric, in the order in which they came.
fn points(requests: &[ExportMetricsServiceRequest], name: &str) -> Vec<NumberDataPoint> {
    let resources = requests.iter().flat_map(|request| &request.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics).filter(|metric| metric.name == name);
    let points = |metric: &Metric| match metric.data.clone() {
        Some(Data::Sum(sum)) => sum.data_points,
        Some(Data::Gauge(gauge)) => gauge.data_points,
        _ => panic!("{metric:#?}"),
    };
    metrics.flat_map(points).collect()
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()?.value? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn last_by_row(requests: &[ExportMetricsServiceRequest], name: &str) -> BTreeMap<String, u64> {
    let mut last = BTreeMap::new();
    for point in points(requests, name) {
        let Some(Number::AsInt(value)) = point.value else { panic!("{point:#?}") };
        last.insert(attribute(&point.attributes, "row").unwrap(), value as u64);
    }
    last.remove("(script)");
    last
}

#[test]
fn an_otlp_receiver_that_refuses_at_first_has_the_totals_all_the_same() {
    let server = ReferenceServer::start();
    let (receiver, received) = receiver(2);
    let export = format!("otlp={}", receiver.url());
    let args = ["--export", &export, "--export-token", "otlp=env:TEST_TOKEN"];
    let output = run(server.url(), &args).env("TEST_TOKEN", "s3cret").run();
    let report = output.code(Exit::Done).json();
    let notes = report["notes"].to_string();
    assert!(notes.contains(" pushes failed: HTTP 503 (not now); nothing was lost"), "{notes}");
    assert!(notes.contains(": 2 of "), "{notes}");
    assert!(!notes.contains("s3cret") && !output.stderr.contains("s3cret"));
    let requests = received.lock().unwrap();
    let expected = rows(&report);
    let counts: BTreeMap<_, _> = expected.iter().map(|(row, (count, _))| (row.clone(), *count)).collect();
    let errors: BTreeMap<_, _> = expected.iter().map(|(row, (_, errors))| (row.clone(), *errors)).collect();
    assert_eq!(last_by_row(&requests, "scalectl.load.step.count"), counts);
    assert_eq!(last_by_row(&requests, "scalectl.load.step.errors"), errors);
    let users = points(&requests, "scalectl.load.users");
    assert!(users.is_sorted_by(|one, next| one.time_unix_nano < next.time_unix_nano), "{users:#?}");
    assert_eq!(users.len(), report["timeline"]["points"].as_array().unwrap().len() + 1);
    let resource = requests[0].resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("scalectl"));
    assert_eq!(attribute(&resource.attributes, "target").as_deref(), Some(server.url()));
}

#[test]
fn nobody_there_and_no_means_no() {
    let server = ReferenceServer::start();
    let refusing = Answering::start(|asked| match asked.header("authorization") {
        Some("Basic bWU6cEBzcw==") => (400, String::new(), "no such tenant".to_owned()),
        other => panic!("{other:?}"),
    });
    let with_password = format!("http://me:p%40ss@{}/push", refusing.address());
    let exports = ["--export", "otlp=http://127.0.0.1:1", "--export", "prometheus=env:TEST_URL"];
    let output = run(server.url(), &exports).env("TEST_URL", with_password).run();
    let report = output.code(Exit::Done).json();
    let notes: Vec<&str> =
        report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    let [gone, refused] = notes[..] else { panic!("{notes:#?}") };
    assert!(gone.starts_with("export to http://127.0.0.1:1/v1/metrics: "), "{gone}");
    assert!(
        gone.contains("pushes failed: connection refused; ") && gone.ends_with(" seconds were lost"),
        "{gone}"
    );
    // Every second was tried once.
    let words = format!("export to {}/push: ", refusing.url());
    assert!(refused.starts_with(&words), "{refused}");
    let tried = refusing.received().len();
    let told = format!("{tried} of {tried} pushes failed: HTTP 400 (no such tenant); ");
    assert!(refused.contains(&told), "{refused} instead of {told}");
    assert!(!output.stdout.contains("p%40ss") && !output.stderr.contains("p@ss"));
}

#[test]
fn secrets_in_the_open_and_what_is_not_understood_are_refused_before_load_is_made() {
    let refused = |args: &[&str], words: &str| {
        let output = run("http://127.0.0.1:1", args).run();
        output.code(Exit::Usage).stdout(str![""]).stderr_has(words);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    };
    refused(&["--export", "otlp=http://me:hunter2@127.0.0.1:1"], "keep it in a variable or a file");
    refused(&["--export", "otlp=ftp://127.0.0.1"], "is no http:// or https:// URL");
    refused(&["--export", "statsd=http://127.0.0.1"], "write prometheus=URL or otlp=URL");
    let otlp = ["--export", "otlp=http://127.0.0.1:1"];
    refused(&[&otlp[..], &["--export-label", "row=x"]].concat(), "`row` is a label of every figure already");
    refused(&[&otlp[..], &["--export-label", "1x=x"]].concat(), "`1x` is no name of a label");
    refused(&[&otlp[..], &["--export-token", "otlp=env:NOT_THERE"]].concat(), "NOT_THERE is not set");
    let output = run("http://127.0.0.1:1", &[&otlp[..], &["--export-token", "otlp=abc"]].concat()).run();
    output.code(Exit::Usage).stderr_has("write PROTOCOL=env:NAME or PROTOCOL=file:PATH");
}
