//! `scalectl demo`: the whole loop, and nothing left of it but the report.

use std::time::Duration;

use rustix::process::Signal;
use scalectl::{Exit, HealthExit};
use serde_json::Value;
use snapbox::str;

use crate::support::{Output, Scalectl, WorkDir};

/// Thresholds on times are not for a machine that runs other tests beside: the exit code must be that of the
/// verdict, whichever it is, and nothing may have failed.
#[test]
fn a_demo_runs_the_whole_loop_and_leaves_nothing_running() {
    let output = Scalectl::new(["demo", "--duration", "4s"]).timeout(Duration::from_secs(120)).run();
    let report = report(&output);
    let exit = match report["verdict"].as_str().unwrap() {
        "passed" => Exit::Done,
        "inconclusive" => Exit::Inconclusive,
        _ => Exit::Failed,
    };
    output.code(exit).stdout_has("== Verdict").stdout_has("the whole report is in scalectl-report.json");
    let loads = report["loads"].as_array().unwrap();
    assert_eq!(loads.iter().map(|load| load["users"].as_u64().unwrap()).sum::<u64>(), 1_000);
    for load in loads {
        assert_eq!(load["failures"], Value::Array(vec![]), "{load:#}");
    }
    everything_is_gone(&report);
}

#[test]
fn an_interrupted_demo_reports_what_it_has_and_stops_its_servers() {
    let running = Scalectl::new(["demo", "--duration", "60s"]).spawn();
    running.wait_for_line(Duration::from_secs(60), |line| line.contains("feed: ") && line.contains("active"));
    running.signal(Signal::INT);
    let output = running.wait(Duration::from_secs(30));
    output.code(Exit::Interrupted);
    let report = report(&output);
    assert_eq!(
        (report["schema"].as_str(), report["verdict"].as_str()),
        (Some("scalectl.demo/1"), Some("interrupted"))
    );
    everything_is_gone(&report);
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_starts() {
    let output = Scalectl::new(["demo", "--report", "no/such/folder/report.json"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: no/such/folder/report.json cannot be written: there is no folder no/such/folder; choose another place with --report

"#]]);
}

fn report(output: &Output) -> Value {
    let text = std::fs::read_to_string(output.path("scalectl-report.json"));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}\n{}", output.report()))).unwrap()
}

#[track_caller]
fn everything_is_gone(report: &Value) {
    for check in report["health"]["checks"].as_array().unwrap() {
        let dead = Scalectl::new(["health", "--timeout", "2s", check["name"].as_str().unwrap()]).run();
        dead.code(Exit::Health(HealthExit::Critical));
    }
}

/// No Redis at all, and a MongoDB server that ends at once: the demo goes on without them and says so.
#[test]
fn servers_that_are_missing_or_broken_are_left_out() {
    let programs = WorkDir::new("programs");
    let mongod = programs.write("mongod", "#!/bin/sh\nexit 1\n");
    std::fs::set_permissions(mongod, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let demo = Scalectl::new(["demo", "--duration", "1s", "--output", "json"]).env("PATH", programs.path());
    let report = demo.timeout(Duration::from_secs(90)).run().json();
    let left_out = report["leftOut"].as_array().unwrap();
    assert_eq!(left_out[0], "redis-server is not installed");
    assert!(left_out[1].as_str().unwrap().starts_with("mongodb did not come up: "), "{left_out:?}");
    assert_eq!(report["health"]["state"], "ok", "{report:#}");
    assert_eq!(report["loads"].as_array().unwrap().len(), 3, "{report:#}");
}
