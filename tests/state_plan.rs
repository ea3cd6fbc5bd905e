//! `migrate state plan`: what keeps a migration from beginning, with its repair.

use redis_fixture::{Cluster, Options, Sentinels, Server, Version};
use scalectl::Exit;
use serde_json::{Value, json};
use state_map::Phase;
use state_map::wire::key::Space;

use crate::schemas::conforms;
use crate::state_verify::site::{PATIENCE, Site};
use crate::support::{Output, Scalectl, wait_until};

fn plan(url: &str, more: &[&str]) -> Output {
    let args = ["migrate", "state", "plan", "--redis", url];
    Scalectl::new(args.iter().chain(more)).run()
}

/// The names of the checks that were refused.
fn refused(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().unwrap().iter();
    let refused = checks.filter(|check| check["standing"] == "refused");
    refused.map(|check| check["name"].as_str().unwrap()).collect()
}

#[test]
fn a_migration_that_may_begin_shows_its_phases_and_the_point_of_no_return() {
    let server = Server::start();
    let _site = Site::start(&server.url(), &["one", "two"]);
    let output = plan(&server.url(), &[]);
    output.code(Exit::Done).stdout_has("READY").stdout_has("stop-old, no way back").stdout_has("one, two");
    let report = plan(&server.url(), &["--output", "json"]).code(Exit::Done).json();
    conforms("state-plan.json", &report);
    assert_eq!((&report["refused"], report["phases"].as_array().unwrap().len()), (&json!(false), 8));
}

#[test]
fn keys_of_others_are_refused_unless_they_may_be_replaced() {
    let server = Server::start();
    let _site = Site::start(&server.url(), &["one"]);
    server.ask::<String>(&["SET", "chessGameState:old", "{}"]);
    let output = plan(&server.url(), &[]);
    output.code(Exit::Refused).stdout_has("chessGameState:old").stdout_has("--replace").stdout_has("REFUSED");
    plan(&server.url(), &["--replace"]).code(Exit::Done);
}

#[test]
fn a_server_that_throws_state_away_is_refused() {
    let options = Options::default().arg(["--maxmemory-policy", "allkeys-lru"]).arg(["--maxmemory", "100mb"]);
    let server = Server::start_with(options);
    let _site = Site::start(&server.url(), &["one"]);
    let report = plan(&server.url(), &["--replicas", "1", "--output", "json"]).code(Exit::Refused).json();
    assert_eq!(refused(&report), ["replicas", "eviction"], "{report:#}");
}

#[test]
fn without_instances_nothing_may_begin() {
    let server = Server::start();
    let report = plan(&server.url(), &["--output", "json"]).code(Exit::Refused).json();
    assert_eq!(refused(&report), ["instances", "maps"], "{report:#}");
    plan("redis://127.0.0.1:1", &[]).code(Exit::Unreachable);
    plan(&server.url(), &["--map", "x"]).code(Exit::Usage).stderr_has("expected NAME=PREFIX");
}

#[test]
fn a_missing_privilege_is_named_with_the_rule_that_grants_it() {
    let server = Server::start();
    let _site = Site::start(&server.url(), &["one"]);
    let url = format!("redis://mover:pw@127.0.0.1:{}", server.port());
    let plan = |rules: &[&str]| {
        let user = ["ACL", "SETUSER", "mover", "reset", "on", ">pw", "+@all"];
        server.ask::<String>(&[&user, rules].concat());
        let args = ["migrate", "state", "plan", "--redis", "env:TARGET"];
        let output = Scalectl::new(args).env("TARGET", &url).run();
        assert!(!output.stdout.contains("pw"), "{}", output.report());
        output
    };
    let output = plan(&["~*", "resetchannels", "-hset", "-xrange"]);
    output
        .code(Exit::Refused)
        .stdout_has("+hset +xrange +publish &stateMigration:* +subscribe &stateMigration:*");
    // The channel of the control record alone is not enough: keys are asked for in inboxes.
    let output = plan(&["~*", "&stateMigration:control"]);
    output.code(Exit::Refused).stdout_has("lacks PUBLISH on stateMigration:inbox:, SUBSCRIBE on");
    let output = plan(&["~{stateMigration}:*", "~chessGameState:*", "&stateMigration:*"]);
    output
        .code(Exit::Refused)
        .stdout_has("~activeChessGame:* ~{activeChessGame:* ~{chessGameState:* ~{*}:f ~{*}:b");
    let all =
        ["~{stateMigration}:*", "~*Chess*", "~chess*", "~{chess*", "~{*}:f", "~{*}:b", "&stateMigration:*"];
    plan(&all).code(Exit::Done);
}

#[test]
fn memory_that_does_not_suffice_for_what_is_held_is_refused() {
    let server = Server::start_with(Options::default().arg(["--maxmemory", "16mb"]));
    let site = Site::start(&server.url(), &["one"]);
    plan(&server.url(), &[]).code(Exit::Done);
    site.play(0, "large", json!({ "moves": "x".repeat(5_000_000) }));
    let report = plan(&server.url(), &["--output", "json"]).code(Exit::Refused).json();
    assert_eq!(refused(&report), ["memory"], "{report:#}");
}

#[test]
fn the_database_behind_sentinels_is_the_one_of_the_instances() {
    let sentinels = Sentinels::start(Version::default(), 1);
    sentinels.nodes.iter().for_each(|node| node.ask(&["CONFIG", "SET", "appendonly", "yes"]));
    let url = format!("{}/1", sentinels.url());
    let _site = Site::start(&url, &["one"]);
    let state =
        |args: &[&str]| Scalectl::new([&["migrate", "state"], args, &["--redis", &url]].concat()).run();
    state(&["start", "--replicas", "1"]).code(Exit::Done).stdout_has("off -> dual (start), epoch 1.");
    state(&["journal"]).code(Exit::Done).stdout_has("epoch 1 is there");
}

#[test]
fn a_shard_without_its_replica_keeps_strict_shut() {
    let mut cluster = Cluster::start(Version::default());
    cluster.nodes.iter().for_each(|node| node.ask(&["CONFIG", "SET", "appendonly", "yes"]));
    let site = Site::start(&cluster.url(), &["one"]);
    let url = cluster.url();
    let state =
        |args: &[&str]| Scalectl::new([&["migrate", "state"], args, &["--redis", &url]].concat()).run();
    state(&["start", "--replicas", "1"]).code(Exit::Done);
    site.steer_to(Phase::ReadNew);
    let control = cluster.owner_of(Space::default().slot()).unwrap();
    let other = (control + 1) % 3;
    cluster.nodes[other + 3].kill9();
    wait_until("the replica is gone", PATIENCE, || cluster.nodes[other].info("connected_slaves") == "0");
    assert_eq!(cluster.nodes[control].info("connected_slaves"), "1");
    let refused = state(&["advance", "--yes", "--timeout", "0s"]);
    refused.code(Exit::Refused).stderr_has("each write has to reach 1 replicas, and 0 are connected");
}
