//! `scalectl serve --state migrating`: names of instances, and what an operator sees of them.

use std::collections::BTreeSet;

use redis::Commands;
use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;

use crate::support::{RedisServer, Running, STARTUP, Scalectl, get, served_at, wait_until};

/// Names of the instances that take part.
fn members(redis: &RedisServer) -> BTreeSet<String> {
    redis.connect().hkeys("{stateMigration}:members").unwrap()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[track_caller]
fn serve(redis: &RedisServer, args: &[&str]) -> (Running, String) {
    let base = ["serve", "--listen", "127.0.0.1:0", "--state", "migrating", "--data", "data"];
    let command = Scalectl::new(base).env("SCALECTL_REDIS", redis.url());
    let running = args.iter().fold(command, Scalectl::arg).spawn();
    let authority = served_at(&running);
    (running, authority)
}

fn json(authority: &str, path: &str) -> Value {
    serde_json::from_str(&get(authority, path).1).unwrap()
}

#[test]
fn each_instance_has_a_name_that_its_successor_does_not_share_with_it() {
    let redis = RedisServer::start();
    let (running, authority) = serve(&redis, &["--instances", "2", "--instance-name", "web"]);
    wait_until("both take part", STARTUP, || members(&redis) == names(["web/1", "web/2"]));
    running.signal(Signal::HUP);
    running.wait_for_line(STARTUP, |line| line == "reloaded: 2 instances replaced");
    wait_until("those before have left", STARTUP, || members(&redis) == names(["web/1b", "web/2b"]));
    running.signal(Signal::HUP);
    running.wait_for_line(STARTUP, |line| line == "reloaded: 2 instances replaced");
    wait_until("the names come back", STARTUP, || members(&redis) == names(["web/1", "web/2"]));
    wait_until("they are ready", STARTUP, || get(&authority, "/ready").0 == 200);
    running.signal(Signal::TERM);
    running.wait(STARTUP).code(Exit::Done);
    assert_eq!(members(&redis), BTreeSet::new(), "whoever drains leaves");
}

#[test]
fn a_server_tells_its_phase_and_is_named_after_its_address() {
    let redis = RedisServer::start();
    let (running, authority) = serve(&redis, &[]);
    wait_until("it takes part", STARTUP, || members(&redis).len() == 1);
    let name = members(&redis).into_iter().next().unwrap();
    assert!(name.ends_with(&format!("/{authority}")), "{name}");
    let state = &json(&authority, "/health")["state"];
    assert_eq!((&state["phase"], &state["epoch"]), (&Value::from("off"), &Value::from(0)));
    wait_until("it is ready", STARTUP, || json(&authority, "/ready")["checks"]["state"]["status"] == "ok");
    let metrics = get(&authority, "/metrics").1;
    for line in ["state_phase 0", "state_epoch 0", "state_conflicts 0", "state_writes_total 0"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    let data = running.dir().join("data");
    let second = Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--state", "migrating", "--drain", "0s"]);
    let second = second.arg("--data").arg(data).arg("--instance-name").arg(&name);
    let second = second.env("SCALECTL_REDIS", redis.url());
    second.run().code(Exit::Usage).stderr_has(&format!("another process runs as `{name}`: stop it first"));
}
