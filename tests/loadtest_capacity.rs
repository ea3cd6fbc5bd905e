//! `scalectl loadtest find-capacity`: what it finds on a server whose limit is known, what it says of itself, how it
//! ends. The machine is shared: what is asserted does not depend on its speed, and the generator is allowed to be late.

use std::time::Duration;

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::schemas::conforms;
use crate::support::faults::{FaultServer, HangUp, QueueServer};
use crate::support::{ReferenceServer, Scalectl};

/// A shared machine may be late by so much without a step being invalid.
const LENIENT: [&str; 2] = ["--max-lag", "500ms"];
const SEARCH_TIMEOUT: Duration = Duration::from_secs(180);

fn scenario(target: &str) -> String {
    format!(
        "config: {{target: \"{target}\"}}\nscenarios:\n  - flow:\n      - get: /\nslo:\n  - errors < 1%\n"
    )
}

fn on_sockets(target: &str, flow: &str) -> String {
    format!(
        "config: {{target: \"{target}\"}}\nscenarios:\n  - engine: socketio\n    flow:\n      {flow}slo:\n  - errors < 1%\n"
    )
}

fn find(file: &str, args: &[&str]) -> Scalectl {
    let command = ["loadtest", "find-capacity", "test.yaml"];
    let all = command.iter().chain(args).chain(&LENIENT);
    Scalectl::new(all).file("test.yaml", file).timeout(SEARCH_TIMEOUT)
}

/// Four places of 20 ms: 200 a second.
fn queue() -> FaultServer {
    QueueServer::start(4, Duration::from_millis(20))
}

fn verdicts(report: &Value) -> Vec<&str> {
    let steps = report["searches"][0]["steps"].as_array().unwrap();
    steps.iter().map(|step| step["verdict"].as_str().unwrap()).collect()
}

#[test]
fn a_known_limit_is_found_within_a_twentieth_and_the_report_conforms() {
    let server = queue();
    let args = "--start 100 --max 400 --step-duration 3s --warm-up 1s --output json --quiet";
    let args: Vec<_> = args.split(' ').collect();
    let report = find(&scenario(&server.url()), &args).run().code(Exit::Done).json();
    conforms("loadtest-capacity-report.json", &report);
    let search = &report["searches"][0];
    let number = |place: &Value| place.as_f64().unwrap_or_else(|| panic!("{report:#}"));
    let (level, goodput) = (number(&search["peak"]["level"]), number(&search["peak"]["goodput"]));
    assert!((190.0..=210.0).contains(&level) && (190.0..=210.0).contains(&goodput), "{report:#}");
    assert_eq!(search["peak"]["confirmed"], 2);
    assert!(number(&search["comfortable"]["level"]) <= 0.71 * level, "{report:#}");
    assert!(number(&search["breaking"]["level"]) > level, "{report:#}");
    assert_eq!(search["recovery"]["outcome"], "after", "{report:#}");
    // The server has no metrics: that is said, and nothing else changes.
    let absent = search["absent"].as_array().unwrap();
    let reason =
        absent.iter().find(|absent| absent["source"] == "target").unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("HTTP 404"), "{reason}");
}

#[test]
fn what_is_required_and_not_held_is_exit_1_with_the_whole_story() {
    let server = queue();
    let args =
        "--start 150 --max 300 --step-duration 1s --warm-up 500ms --tolerance 40% --confirm 1 --require 290";
    let output = find(&scenario(&server.url()), &args.split(' ').collect::<Vec<_>>()).run();
    let output = output.code(Exit::Failed);
    output.stdout_has("FAILED: 290 arrivals/s are not held");
    for line in output.stdout.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    for word in ["comfortable", "peak", "breaking", "Curve: goodput by level", "Why steps did not pass"] {
        output.stdout_has(word);
    }
}

#[test]
fn a_level_that_is_held_up_to_the_maximum_passes() {
    let server = queue();
    let args = "--start 20 --max 40 --step-duration 1s --warm-up 500ms --confirm 1 --require 40 --quiet";
    let output = find(&scenario(&server.url()), &args.split(' ').collect::<Vec<_>>()).run();
    output.code(Exit::Done).stdout_has("PASSED: 40 arrivals/s are held");
}

#[test]
fn a_system_that_fails_at_the_baseline_is_exit_1() {
    let server = HangUp::AfterBytes(1).start();
    let args = "--max 100 --step-duration 1s --warm-up 500ms";
    let output = find(&scenario(&server.url()), &args.split(' ').collect::<Vec<_>>()).run();
    output.code(Exit::Failed).stdout_has("FAILED: it fails at the baseline already");
}

/// A generator that may not be late at all cannot drive anything: nothing is said of the system.
#[test]
fn a_generator_beyond_its_limits_is_exit_3_and_no_step_counts_as_failed() {
    let server = queue();
    let args = "loadtest find-capacity test.yaml --max 100 --step-duration 1s --warm-up 500ms --max-lag 1us";
    let report = Scalectl::new(args.split(' ').chain(["--output", "json"]))
        .file("test.yaml", scenario(&server.url()))
        .timeout(SEARCH_TIMEOUT)
        .run()
        .code(Exit::Inconclusive)
        .json();
    assert_eq!(verdicts(&report), ["invalid", "invalid"], "{report:#}");
    assert_eq!(report["searches"][0]["finding"], "aboveGenerator");
    assert_eq!(report["searches"][0]["peak"], Value::Null);
}

#[test]
fn an_interrupt_reports_what_is_known() {
    let server = queue();
    let args = "--start 20 --max 400 --step-duration 1s --warm-up 500ms --output json";
    let running = find(&scenario(&server.url()), &args.split(' ').collect::<Vec<_>>()).spawn();
    running
        .wait_for_line(Duration::from_secs(30), |line| line.contains("step 2, climb: 20 arrivals/s passed"));
    running.signal(Signal::INT);
    let report = running.wait(Duration::from_secs(20)).code(Exit::Interrupted).json();
    assert_eq!(report["isInterrupted"], true);
    assert!(verdicts(&report).starts_with(&["passed", "passed"]), "{report:#}");
}

/// Sockets on the reference server, which tells what it does: the readings stand beside the steps.
#[test]
fn on_the_reference_server_a_search_over_sockets_shows_what_the_server_says() {
    let server = ReferenceServer::start();
    let file = format!(
        "config: {{target: \"{}\", socketio: {{auth: {{token: \"{{{{ token }}}}\"}}}}}}\nscenarios:\n  - engine: socketio\n    flow:\n      \
         - post: {{url: /api/auth/guest, json: {{name: \"u {{{{ $user }}}}\"}}, capture: {{json: $.token, as: token}}}}\n      \
         - connect: {{}}\n      - loop:\n          - think: 200ms\n          \
         - emit: {{channel: \"room:join\", data: {{room: lobby}}, acknowledge: true}}\n        while: \"true\"\n",
        server.url()
    );
    let args = "--axis sockets --start 10 --max 20 --step-duration 2s --warm-up 2s --confirm 1 --output json --quiet";
    let report = find(&file, &args.split(' ').collect::<Vec<_>>()).run().code(Exit::Done).json();
    conforms("loadtest-capacity-report.json", &report);
    let search = &report["searches"][0];
    assert_eq!(
        (&search["finding"], &search["peak"]["level"]),
        (&"aboveMaximum".into(), &20.0.into()),
        "{report:#}"
    );
    let last = search["steps"].as_array().unwrap().last().unwrap();
    let reading = |name: &str| {
        let readings = last["server"].as_array().unwrap();
        let found = readings.iter().find(|reading| reading["source"] == "target" && reading["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {last:#}"))["value"].as_f64().unwrap()
    };
    assert_eq!(reading("sockets"), 20.0);
    assert!(reading("CPU") > 0.0 && reading("memory") > 1.0);
}

/// Four users that never pause keep four places busy; more only wait.
#[test]
fn users_beyond_what_keeps_the_system_busy_bring_nothing() {
    let server = queue();
    let args =
        "--axis users --start 1 --max 64 --step-duration 2s --warm-up 1s --confirm 1 --output json --quiet";
    let report =
        find(&scenario(&server.url()), &args.split(' ').collect::<Vec<_>>()).run().code(Exit::Done).json();
    let peak = &report["searches"][0]["peak"];
    assert!((3.0..=16.0).contains(&peak["level"].as_f64().unwrap()), "{report:#}");
    assert!((140.0..=205.0).contains(&peak["goodput"].as_f64().unwrap()), "{report:#}");
}

/// One arrival sends four messages: ten arrivals a second are forty messages.
#[test]
fn messages_are_counted_and_redis_and_mongodb_are_asked() {
    let server = ReferenceServer::start();
    let redis = redis_fixture::Server::start_with(redis_fixture::Options::default());
    let flow = "- post: {url: /api/auth/guest, json: {name: guest}, capture: {json: $.token, as: token}}\n      \
         - connect: {auth: {token: \"{{ token }}\"}}\n      - loop:\n          \
         - emit: {channel: \"room:join\", data: {room: lobby}, acknowledge: true}\n        count: 4\n";
    let file = on_sockets(server.url(), flow);
    let args = "--axis messages --start 20 --max 40 --step-duration 2s --warm-up 1s --confirm 0 --output json --quiet \
         --mongodb mongodb://127.0.0.1:1/ --redis env:TEST_REDIS";
    let report =
        find(&file, &args.split_whitespace().collect::<Vec<_>>()).env("TEST_REDIS", redis.url()).run();
    let report = report.code(Exit::Done).json();
    let search = &report["searches"][0];
    let last = search["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["level"], 40.0);
    // Eighty messages, twenty registrations and twenty connections in two seconds, and what was still under way.
    let exchanges = last["exchanges"].as_u64().unwrap();
    assert!((100..=140).contains(&exchanges), "{last:#}");
    let has_redis = last["server"].as_array().unwrap().iter().any(|reading| reading["source"] == "redis");
    assert!(has_redis, "{last:#}");
    let absent = search["absent"].as_array().unwrap();
    assert!(absent.iter().any(|absent| absent["source"] == "mongodb"), "{absent:#?}");
}

/// One arrival opens one connection, which is closed when its scenario is through: what is counted are connections a
/// second, whatever else it does.
#[test]
fn connections_a_second_are_counted() {
    let server = ReferenceServer::start();
    let flow = "- post: {url: /api/auth/guest, json: {name: guest}, capture: {json: $.token, as: token}}\n      \
         - connect: {auth: {token: \"{{ token }}\"}}\n";
    let file = on_sockets(server.url(), flow);
    let args = "--axis connects --start 10 --max 20 --step-duration 2s --warm-up 1s --confirm 0 --output json --quiet";
    let report = find(&file, &args.split(' ').collect::<Vec<_>>()).run().code(Exit::Done).json();
    conforms("loadtest-capacity-report.json", &report);
    let search = &report["searches"][0];
    assert_eq!(
        (&report["axis"], &search["finding"]),
        (&"connects".into(), &"aboveMaximum".into()),
        "{report:#}"
    );
    assert_eq!(search["peak"]["level"], 20.0, "{report:#}");
    let goodput = search["peak"]["goodput"].as_f64().unwrap();
    assert!((18.0..=22.0).contains(&goodput), "{report:#}");
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let server = queue();
    let output = find(&scenario(&server.url()), &["--redis", "redis://:hunter2@127.0.0.1:1"]).run();
    output.code(Exit::Usage).stdout(str![""]).stderr_has("keep it in a variable or a file");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn a_scenario_that_does_not_do_what_is_counted_is_refused() {
    let args = "--axis messages --max 100";
    let output = find(&scenario("http://127.0.0.1:1"), &args.split(' ').collect::<Vec<_>>()).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: --axis messages counts messages sent on connections, and test.yaml has none; choose another axis or add such a step

"#]]);
}

#[test]
fn a_target_that_is_not_there_is_exit_69_and_another_host_has_to_be_allowed() {
    let output = find(&scenario("http://127.0.0.1:1"), &["--max", "100"]).run();
    output.code(Exit::Unreachable).stdout(str![""]);
    let output = find(&scenario("http://192.0.2.1"), &["--max", "100"]).run();
    output.code(Exit::Refused).stderr_has("--allow-host 192.0.2.1");
}

/// Earlier reports are enough to say how many instances a load needs, and when it cannot be said.
#[test]
fn instances_for_a_load_follow_from_earlier_reports() {
    let peak = |goodput: f64| format!("{{\"searches\": [{{\"peak\": {{\"goodput\": {goodput}}}}}]}}");
    let args = "--at 1=one.json --at 2=two.json --at 4=four.json --at 8=eight.json --plan-for";
    let planned = |load: &str| {
        let command = find(
            &scenario("http://127.0.0.1:1"),
            &[&args.split(' ').collect::<Vec<_>>()[..], &[load]].concat(),
        );
        let files = [("one", 10_000.0), ("two", 19_417.5), ("four", 36_697.2), ("eight", 66_115.7)];
        files
            .iter()
            .fold(command, |command, (name, goodput)| command.file(&format!("{name}.json"), peak(*goodput)))
            .run()
    };
    planned("100000").code(Exit::Done).stdout_has("100,000 arrivals/s need 14 instances");
    planned("300000")
        .code(Exit::Done)
        .stdout_has("it cannot be said how many instances 300,000 arrivals/s need");
}
