//! `loadtest compare`: exact output and exit codes on reports whose truth is known.

use std::fmt::Write;

use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;

use crate::schemas::conforms;
use crate::support::Scalectl;

/// A report of 24 stretches, in each of which 600 times lie evenly from half of `millis` to one and a half of it, and
/// a little later from stretch to stretch and back.
fn report(millis: f64, errors: u64, unrest: f64) -> Value {
    let stretch = |number: u32| {
        let slower = 1.0 + unrest * f64::from(number % 3) - unrest;
        let mut response = String::new();
        for n in 0..600 {
            let micros = millis * 1_000.0 * slower * (0.5 + f64::from(n) / 600.0);
            write!(response, "{}:1 ", micros as u64).unwrap();
        }
        json!({"count": 600, "errors": errors, "response": response.trim_end()})
    };
    let stretches: Vec<Value> = (0..24).map(stretch).collect();
    let all: Vec<&str> = stretches.iter().map(|stretch| stretch["response"].as_str().unwrap()).collect();
    let row = |name: &str| json!({"name": name, "count": 24 * 600, "errors": 24 * errors, "histogram": all.join(" "), "stretches": stretches});
    json!({
        "schema": "scalectl.loadtest/1", "verdict": "passed", "users": 20, "stretchSeconds": 1,
        "total": row("all exchanges"), "rows": [row("GET /feed|<b>")], "generator": {"doubts": []},
    })
}

fn compare(reports: &[(&str, Value)], args: &[&str]) -> Scalectl {
    let names = reports.iter().map(|(name, _)| *name);
    let command = ["loadtest", "compare"].into_iter().chain(names).chain(args.iter().copied());
    let command = Scalectl::new(command);
    reports.iter().fold(command, |command, (name, report)| command.file(name, report.to_string()))
}

#[test]
fn a_slower_run_fails_and_says_by_how_much() {
    let runs = [("before.json", report(40.0, 0, 0.01)), ("after.json", report(50.0, 0, 0.01))];
    let output = compare(&runs, &[]).run();
    output.code(Exit::Failed).stderr(str![""]).stdout(str![[r#"
after.json against before.json

STEP               P50      P95      P99   ERRORS    RATE  VERDICT
all exchanges  +25.0 %  +25.0 %  +25.0 %  +0.0 pp  +0.0 %    worse
GET /feed|<b>  +25.0 %  +25.0 %  +25.0 %  +0.0 pp  +0.0 %    worse

worse: p50 of all exchanges from 39.9ms to 49.9ms, +25.0 % (the stretches say +25.0 to +25.0 %)
worse: p95 of all exchanges from 58.0ms to 72.4ms, +25.0 % (the stretches say +25.0 to +25.0 %)
worse: p99 of all exchanges from 59.7ms to 74.6ms, +25.0 % (the stretches say +25.0 to +25.1 %)
worse: p50 of GET /feed|<b> from 39.9ms to 49.9ms, +25.0 % (the stretches say +25.0 to +25.0 %)
worse: p95 of GET /feed|<b> from 58.0ms to 72.4ms, +25.0 % (the stretches say +25.0 to +25.0 %)
worse: p99 of GET /feed|<b> from 59.7ms to 74.6ms, +25.0 % (the stretches say +25.0 to +25.1 %)

note: one baseline: how much runs of the same system differ is not known; five or more tell

worse: a change is both significant and material

"#]]);
}

#[test]
fn a_change_that_is_certain_but_allowed_is_the_same() {
    let runs = [("before.json", report(40.0, 0, 0.01)), ("after.json", report(50.0, 0, 0.01))];
    compare(&runs, &["--max-slowdown", "30%"]).run().code(Exit::Done).stdout_has("same: no change");
    let runs = [("before.json", report(40.0, 0, 0.01)), ("after.json", report(41.0, 0, 0.01))];
    compare(&runs, &[]).run().code(Exit::Done).stdout_has("same: no change");
}

#[test]
fn a_faster_run_passes_and_more_errors_fail() {
    let runs = [("before.json", report(50.0, 0, 0.01)), ("after.json", report(40.0, 0, 0.01))];
    compare(&runs, &[]).run().code(Exit::Done).stdout_has("better: p95 of GET /feed|<b> from");
    let runs = [("before.json", report(50.0, 0, 0.01)), ("after.json", report(50.0, 6, 0.01))];
    let output = compare(&runs, &[]).run();
    output.code(Exit::Failed).stdout_has("worse: errors of all exchanges from 0.00% to 1.00%, +1.0 pp");
    compare(&runs, &["--max-more-errors", "2%"]).run().code(Exit::Done);
}

#[test]
fn baselines_that_differ_among_themselves_allow_as_much() {
    let baselines = [36.0, 44.0, 38.0, 42.0, 40.0];
    let names = ["b1.json", "b2.json", "b3.json", "b4.json", "b5.json"];
    let after = ("after.json", report(47.0, 0, 0.01));
    let runs = names.iter().zip(baselines).map(|(name, millis)| (*name, report(millis, 0, 0.01)));
    let runs: Vec<_> = runs.chain([after.clone()]).collect();
    let told = compare(&runs, &["--output", "json"]).run();
    assert_ne!(told.json()["verdict"], "worse", "{}", told.report());
    compare(&[("b5.json", report(40.0, 0, 0.01)), after], &[]).run().code(Exit::Failed);
}

#[test]
fn reports_are_json_and_markdown_too() {
    let runs = [("before.json", report(40.0, 0, 0.01)), ("after.json", report(50.0, 0, 0.01))];
    let json = compare(&runs, &["--output", "json"]).run().code(Exit::Failed).json();
    conforms("loadtest-compare.json", &json);
    let measure = &json["rows"][1]["measures"][1];
    assert_eq!((measure["measure"].as_str(), measure["verdict"].as_str()), (Some("p95"), Some("worse")));
    assert!((measure["change"].as_f64().unwrap() - 25.0).abs() < 0.5, "{measure:#}");
    let markdown = compare(&runs, &["--output", "markdown"]).run();
    markdown.code(Exit::Failed).stdout_has("### Load compared: worse\n");
    markdown.stdout_has("| `GET /feed\\|<b>` | +25");
}

#[test]
fn nothing_can_be_said_of_an_invalid_run_or_another_load() {
    let mut invalid = report(40.0, 0, 0.01);
    invalid["generator"]["doubts"] = json!(["worker-2 was lost"]);
    let output = compare(&[("before.json", report(40.0, 0, 0.01)), ("after.json", invalid)], &[]).run();
    output.code(Exit::Inconclusive).stdout(str![[r#"
after.json against before.json

note: after.json is not a valid run: worker-2 was lost

cannot tell: nothing can be said of these runs

"#]]);
    let mut more = report(40.0, 0, 0.01);
    more["users"] = json!(21);
    let output = compare(&[("before.json", more), ("after.json", report(40.0, 0, 0.01))], &[]).run();
    output.code(Exit::Inconclusive).stdout_has("note: before.json is left out: 21 users, not 20");
    let mut short = report(40.0, 0, 0.01);
    short["total"]["stretches"].as_array_mut().unwrap().truncate(3);
    short["rows"] = json!([]);
    let output = compare(&[("before.json", short.clone()), ("after.json", short)], &[]).run();
    output.code(Exit::Inconclusive).stdout_has("cannot tell: nothing can be said");
}

#[test]
fn files_that_are_no_reports_are_usage_errors() {
    let good = report(40.0, 0, 0.01);
    let mut old = good.clone();
    old["schema"] = json!("scalectl.loadtest/0");
    let mut broken = good.clone();
    broken["total"]["histogram"] = json!("12:x");
    let cases = [
        (json!({"a": 1}), "before.json: no report of a load test: missing field"),
        (old, "before.json: it has the layout scalectl.loadtest/0, this version reads scalectl.loadtest/1"),
        (broken, "a histogram is a list of microseconds:count"),
    ];
    for (before, expected) in cases {
        let output = compare(&[("before.json", before), ("after.json", good.clone())], &[]).run();
        output.code(Exit::Usage).stderr_has(expected);
    }
    let output = Scalectl::new(["loadtest", "compare", "nowhere.json", "after.json"]).run();
    output.code(Exit::Usage).stderr_has("nowhere.json: entity not found");
    Scalectl::new(["loadtest", "compare", "one.json"]).run().code(Exit::Usage);
    compare(&[("a", good.clone()), ("b", good)], &["--max-slowdown", "0.1%"]).run().code(Exit::Usage);
}
