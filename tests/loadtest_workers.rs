//! Load by several processes: the same figures as by one, and what becomes of a run whose parts are lost.

use std::time::Duration;

use redis_fixture::Server;
use rustix::process::{Pid, Signal, kill_process};
use scalectl::Exit;
use serde_json::Value;

use crate::support::faults::StallingServer;
use crate::support::{ReferenceServer, Running, Scalectl, wait_until};

/// For what has to happen within moments, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

fn run(file: &str, args: &[&str]) -> Scalectl {
    Scalectl::new(["loadtest", "run", "test.yaml"].iter().chain(args)).file("test.yaml", file)
}

fn scenario(target: &str, flow: &str) -> String {
    format!("config: {{target: \"{target}\"}}\nscenarios:\n  - flow:\n{flow}\n")
}

fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name} in {report:#}"))
}

/// A second of work and a second of standing still: half of the answers take up to a second, evenly.
#[test]
fn a_run_cut_into_four_has_the_counts_and_percentiles_of_one() {
    let server = StallingServer::start(Duration::from_secs(2), Duration::from_secs(1));
    let file = scenario(&server.url(), "      - get: /");
    let measured = |workers: &str| {
        let args = ["--arrival-rate", "200", "--duration", "10s", "--workers", workers, "--output", "json"];
        run(&file, &args).run().code(Exit::Done).json()
    };
    let (one, four) = (measured("1"), measured("4"));
    assert_eq!(
        (row(&one, "GET /")["count"].as_u64(), one["generator"]["processes"].as_u64()),
        (Some(2_000), Some(1))
    );
    assert_eq!(
        (row(&four, "GET /")["count"].as_u64(), four["generator"]["processes"].as_u64()),
        (Some(2_000), Some(4))
    );
    for percentile in ["p90", "p95", "p99"] {
        let of = |report: &Value| row(report, "GET /")["response"][percentile].as_f64().unwrap();
        let ratio = of(&four) / of(&one);
        // benches/workers.sh shows how close they are; here the machine may have other things to do.
        assert!((0.8..1.25).contains(&ratio), "{percentile}: {} and {}", of(&one), of(&four));
    }
}

#[test]
fn the_users_of_all_processes_are_the_users_of_the_run() {
    let server = ReferenceServer::start();
    let args = ["--users", "5", "--ramp", "0s", "--duration", "3s", "--workers", "2", "--output", "json"];
    let file = scenario(server.url(), "      - get: /health\n      - think: 200ms");
    let report = run(&file, &args).run().code(Exit::Done).json();
    assert_eq!((&report["users"], &report["generator"]["processes"]), (&5.into(), &2.into()), "{report:#}");
    assert_eq!(report["timeline"]["points"][1]["active"], 5, "{report:#}");
}

/// The processes that another one has started.
fn children(of: Pid) -> Vec<Pid> {
    let path = format!("/proc/{0}/task/{0}/children", of.as_raw_nonzero());
    let listed = std::fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn is_there(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    status.is_ok_and(|status| !status.contains(") Z"))
}

/// A run by two processes that goes on until somebody ends it.
fn endless() -> (ReferenceServer, Running, Vec<Pid>) {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health\n      - think: 50ms");
    let mut running = run(&file, &["--users", "4", "--duration", "10m", "--workers", "2"]).spawn();
    let lead = running.process().pid();
    running.wait_for_line(PATIENCE, |line| line.contains("2 processes of this machine"));
    running.wait_for_line(PATIENCE, |line| line.contains(" done, ") && !line.contains(" 0 done, "));
    let workers: Vec<Pid> = children(lead);
    assert_eq!(workers.len(), 2);
    (server, running, workers)
}

#[test]
fn a_worker_that_is_killed_makes_the_run_inconclusive_and_is_named() {
    let server = ReferenceServer::start();
    let file = scenario(server.url(), "      - get: /health\n      - think: 50ms");
    let mut running = run(&file, &["--users", "4", "--duration", "15s", "--workers", "2"]).spawn();
    let lead = running.process().pid();
    running.wait_for_line(PATIENCE, |line| line.contains(" done, "));
    let worker = children(lead)[1];
    kill_process(worker, Signal::KILL).unwrap();
    let output = running.wait(PATIENCE);
    let name = format!("worker 2 (process {}) was lost after ", worker.as_raw_nonzero());
    output.code(Exit::Inconclusive).stdout_has(&name).stdout_has("signal: 9 (SIGKILL)");
    assert!(
        output.stdout.contains("INCONCLUSIVE: the load was not what was asked for"),
        "{}",
        output.report()
    );
}

#[test]
fn an_interrupt_ends_all_processes_and_shows_what_there_is() {
    let (_server, running, workers) = endless();
    running.signal(Signal::INT);
    let output = running.wait(PATIENCE);
    output.code(Exit::Interrupted).stdout_has("INTERRUPTED: these are the results so far");
    wait_until("the workers are gone", PATIENCE, || !workers.iter().any(|worker| is_there(*worker)));
}

#[test]
fn workers_stop_when_their_lead_is_gone() {
    let (_server, running, workers) = endless();
    running.signal(Signal::KILL);
    wait_until("the workers are gone", PATIENCE, || !workers.iter().any(|worker| is_there(*worker)));
}

#[test]
fn a_target_that_is_not_there_is_told_by_the_worker_that_found_it_out() {
    let file = scenario("http://127.0.0.1:1", "      - get: /");
    let output = run(&file, &["--users", "2", "--duration", "1s", "--workers", "2"]).run();
    output.code(Exit::Unreachable).stderr_has("http://127.0.0.1:1 cannot be reached: connection refused");
}

fn worker(redis: &Server, args: &[&str]) -> Scalectl {
    Scalectl::new(["loadtest", "worker", "--meet", &redis.url(), "--run", "nightly"].iter().chain(args))
}

/// Workers bring nothing along: the scenario and its rows come from the lead.
#[test]
fn workers_elsewhere_meet_their_lead_in_a_redis() {
    let (server, redis) = (ReferenceServer::start(), Server::start());
    let file = format!(
        "config:\n  target: \"{}\"\n  payload: {{path: people.csv}}\nscenarios:\n  - flow: [{{get: \"/health?who={{{{ name }}}}\"}}]\n",
        server.url()
    );
    let url = redis.url();
    let args =
        ["--meet", &url, "--run", "nightly", "--workers", "2", "--arrival-rate", "50", "--duration", "3s"];
    let lead = run(&file, &[&args[..], &["--output", "json"]].concat())
        .file("people.csv", "name\nada\nbob\n")
        .spawn();
    let workers = [worker(&redis, &[]).spawn(), worker(&redis, &["--seat", "1"]).spawn()];
    let report = lead.wait(PATIENCE).code(Exit::Done).json();
    assert_eq!(row(&report, "GET /health?who={{ name }}")["count"], 150, "{report:#}");
    assert_eq!(report["generator"]["processes"], 2, "{report:#}");
    for worker in workers {
        worker.wait(PATIENCE).code(Exit::Done);
    }
    let late = worker(&redis, &["--seat", "1"]).run();
    late.code(Exit::Refused).stderr_has("seat 1 of run nightly was taken before");
}

#[test]
fn a_worker_waits_for_its_lead_only_so_long() {
    let redis = Server::start();
    let output = worker(&redis, &["--wait", "300ms"]).run();
    output.code(Exit::Inconclusive).stderr_has("nobody led run nightly within the time to wait");
}

#[test]
fn a_worker_elsewhere_that_goes_silent_is_named() {
    let (server, redis) = (ReferenceServer::start(), Server::start());
    let file = scenario(server.url(), "      - get: /health\n      - think: 50ms");
    let url = redis.url();
    let args = ["--meet", &url, "--run", "nightly", "--workers", "2", "--users", "4", "--duration", "25s"];
    let lead = run(&file, &args).spawn();
    let (_one, two) = (worker(&redis, &["--seat", "0"]).spawn(), worker(&redis, &["--seat", "1"]).spawn());
    lead.wait_for_line(PATIENCE, |line| line.contains(" done, "));
    two.signal(Signal::KILL);
    let output = lead.wait(Duration::from_secs(60));
    output.code(Exit::Inconclusive).stdout_has("worker 2 (seat 1 of nightly) was lost after ");
}
