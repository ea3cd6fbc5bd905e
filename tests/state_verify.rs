//! `migrate state verify` against real servers and real processes' memory: every class of difference, both ways.

pub mod site;

use std::time::Duration;

use redis_fixture::{Cluster, Server, Version};
use scalectl::Exit;
use serde_json::{Value, json};
use snapbox::str;
use state_map::Phase;

use self::site::{PATIENCE, Site};
use crate::schemas::conforms;
use crate::support::{Scalectl, WorkDir, wait_until};

/// Settles fast: these sites have no traffic of their own.
fn verify(site: &Site, more: &[&str]) -> Scalectl {
    let args = ["migrate", "state", "verify", "--settle", "300ms", "--redis", site.url()];
    Scalectl::new(args.iter().chain(more))
}

fn report(site: &Site, exit: Exit) -> Value {
    let report = verify(site, &["--output", "json"]).run().code(exit).json();
    conforms("state-verify-report.json", &report);
    report
}

/// Two instances in `backfill` with ten games between them, five on each, and two players at the first.
fn settled_site() -> (Server, Site) {
    let server = Server::start();
    let site = Site::start(&server.url(), &["one", "two"]);
    site.steer_to(Phase::Backfill);
    for number in 0..10 {
        site.play(number % 2, &format!("g{number}"), json!({"white": {"id": "ada"}, "black": {"id": "bob"}}));
    }
    site.sit(0, "ada", "g0");
    site.sit(0, "bob", "g0");
    site.wait_until_stored();
    (server, site)
}

#[test]
fn equal_sides_pass_and_say_what_was_compared() {
    let (_server, site) = settled_site();
    verify(&site, &[]).hide_times().run().code(Exit::Done).stderr(str![""]).stdout(str![[r#"
redis://127.0.0.1:[PORT], phase backfill: memory of the instances against Redis

MAP               IN MEMORY  IN REDIS  COMPARED  UNOWNED  TOMBSTONES  EXPIRING  BYTES
activeChessGames          2         2         2        0           0         0    4 B
chessGameStates          10        10        10        0           0         0  430 B

INSTANCE            SERVING   KEYS  HIGHEST WRITE
one       answered  backfill     7              1
two       answered  backfill     5              1

invariant: activeChessGames.value -> chessGameStates.key naming /white/id,/black/id: holds for 2 keys

PASS: 12 of 12 keys compared, 0 settled, 434 B in [TIME]
verified past [TIME] of Redis' clock

"#]]);
    let report = report(&site, Exit::Done);
    assert_eq!((&report["verdict"], &report["classes"]), (&json!("pass"), &json!({})));
    let coverage = &report["coverage"];
    assert_eq!(
        (&coverage["keys"], &coverage["compared"], &coverage["skippedBuckets"]),
        (&json!(12), &json!(12), &json!(0))
    );
}

/// Plants one difference and says what a verification must call it.
type Plant = (&'static str, fn(&Site, &Server));

const DIFFERENCES: &[Plant] = &[
    ("missing", |_, redis| drop_all(redis, &["chessGameState:g1", "{chessGameState:g1}:m"])),
    ("extra", |site, redis| {
        let sidecar: Vec<String> = redis.ask(&["HGETALL", "{chessGameState:g1}:m"]);
        let set: Vec<&str> = sidecar.iter().map(String::as_str).collect();
        redis.ask::<u64>(&[&["HSET", "{chessGameState:none}:m"], &set[..]].concat());
        redis.ask::<String>(&["SET", "chessGameState:none", "{}"]);
        assert!(sidecar.contains(&site.incarnation(1)));
    }),
    ("type", |_, redis| {
        drop_all(redis, &["chessGameState:g1"]);
        redis.ask::<u64>(&["LPUSH", "chessGameState:g1", "x"]);
    }),
    ("value", |_, redis| {
        drop(redis.ask::<String>(&["SET", "chessGameState:g1", "{\"white\":{\"id\":\"eve\"}}"]));
    }),
    ("ttl", |_, redis| assert!(redis.ask::<u64>(&["PEXPIRE", "chessGameState:g1", "60000"]) < 2)),
    ("tombstoned", |_, redis| {
        drop_all(redis, &["chessGameState:g1"]);
        redis.ask::<u64>(&["HSET", "{chessGameState:g1}:m", "del", "1"]);
    }),
    ("vanished", |_, redis| drop_all(redis, &["chessGameState:g1"])),
    ("unrecorded", |_, redis| drop(redis.ask::<String>(&["SET", "chessGameState:stray", "{}"]))),
    ("conflict", |_, redis| {
        redis.ask::<u64>(&["HSET", "{chessGameState:g1}:m", "op", &"a".repeat(32)]);
    }),
    ("version", |_, redis| assert!(redis.ask::<u64>(&["HSET", "{chessGameState:g1}:m", "seq", "99"]) < 2)),
    ("invariant", |site, _| {
        site.sit(1, "eve", "g0");
        site.wait_until_stored();
    }),
];

fn drop_all(redis: &Server, keys: &[&str]) {
    assert_eq!(redis.ask::<usize>(&[&["DEL"], keys].concat()), keys.len());
}

#[test]
fn every_class_of_difference_fails_under_its_own_name() {
    for (class, plant) in DIFFERENCES {
        let (server, site) = settled_site();
        plant(&site, &server);
        let report = report(&site, Exit::Failed);
        assert_eq!(report["classes"], json!({ *class: 1 }), "{report:#}");
        let samples = report["samples"].as_array().unwrap();
        assert_eq!((samples.len(), &samples[0]["class"]), (1, &json!(class)), "{report:#}");
        assert!(!report.to_string().contains("eve\\\""), "values are not shown: {report:#}");
    }
}

#[test]
fn what_differs_is_shown_with_both_sides_and_its_value_only_on_request() {
    let (server, site) = settled_site();
    server.ask::<String>(&["SET", "chessGameState:g1", "secret"]);
    let output = verify(&site, &[]).run();
    output.code(Exit::Failed).stdout_has("value: chessGameState:g1").stdout_has("FAIL: ");
    assert!(!output.stdout.contains("secret"), "{}", output.report());
    verify(&site, &["--show-values"]).run().code(Exit::Failed).stdout_has("value secret");
}

#[test]
fn traffic_is_no_difference() {
    let (_server, site) = settled_site();
    let traffic = site.play_on();
    let output = verify(&site, &["--for", "20s", "--output", "json"]).run();
    let written = traffic.stop();
    let report = output.code(Exit::Done).json();
    assert!(report["rounds"].as_u64().unwrap() > 1 && written > 100, "{written} writes: {report:#}");
    assert_eq!((&report["verdict"], &report["reasons"]), (&json!("pass"), &json!([])), "{report:#}");
    assert!(report["coverage"]["compared"].as_u64().unwrap() > 12, "{report:#}");
}

#[test]
fn an_instance_that_does_not_answer_is_named() {
    let (server, site) = settled_site();
    let member: String = server.ask(&["HGET", "{stateMigration}:members", "one"]);
    let ghost = member.replace(&site.incarnation(0), &"f".repeat(32));
    server.ask::<u64>(&["HSET", "{stateMigration}:members", "ghost", &ghost]);
    let output = verify(&site, &["--instance-timeout", "1s", "--output", "json"]).run();
    let report = output.code(Exit::Inconclusive).json();
    let expected = "ghost did not answer within 1.00s: what it holds was not compared";
    assert_eq!((&report["verdict"], &report["reasons"]), (&json!("inconclusive"), &json!([expected])));
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_no_verdict() {
    let (mut server, site) = settled_site();
    server.ask::<String>(&["SET", "chessGameState:g1", "other"]);
    let args = ["migrate", "state", "verify", "--settle", "60s", "--output", "json", "--redis"];
    let running = Scalectl::new(args).arg(site.url()).spawn();
    wait_until("the keys that differ are asked for", PATIENCE, || {
        let asked: Vec<String> = server.ask(&["HVALS", "{stateMigration}:inquiry"]);
        asked.iter().any(|asked| asked.contains("\"kind\":\"keys\""))
    });
    server.kill9();
    let report = running.wait(PATIENCE).code(Exit::Inconclusive).json();
    let reason = report["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("the comparison broke off: "), "{reason}");
}

#[test]
fn without_a_migration_or_a_server_nothing_is_compared() {
    let server = Server::start();
    let site = Site::start(&server.url(), &["one"]);
    verify(&site, &[]).run().code(Exit::Refused).stderr_has("no migration is under way");
    let nowhere = ["migrate", "state", "verify", "--redis", "redis://127.0.0.1:1"];
    Scalectl::new(nowhere).run().code(Exit::Unreachable);
    let wrong = ["migrate", "state", "verify", "--redis", "redis://127.0.0.1:1", "--invariant", "a -> b"];
    Scalectl::new(wrong).run().code(Exit::Usage).stderr_has("expected FROM.value");
}

#[test]
fn a_cluster_is_read_from_all_its_masters() {
    let cluster = Cluster::start(Version::default());
    let site = Site::start(&cluster.url(), &["one", "two"]);
    site.steer_to(Phase::Backfill);
    for number in 0..60 {
        site.play(number % 2, &format!("g{number}"), json!({"white": {"id": "ada"}}));
    }
    site.wait_until_stored();
    let clean = report(&site, Exit::Done);
    assert_eq!(clean["coverage"]["compared"], 60, "{clean:#}");
    site.overwrite("chessGameState:g7", "other");
    let failed = report(&site, Exit::Failed);
    assert_eq!(
        (&failed["classes"], &failed["samples"][0]["key"]),
        (&json!({"value": 1}), &json!("chessGameState:g7"))
    );
}

#[test]
fn from_primary_new_on_redis_is_held_against_its_records_and_an_earlier_sample() {
    let (server, site) = settled_site();
    let dir = std::sync::Arc::new(WorkDir::new("baseline"));
    verify(&site, &["--save-baseline", "before.json"]).dir(&dir).run().code(Exit::Done);
    site.steer_to(Phase::PrimaryNew);
    let check = |exit| {
        verify(&site, &["--baseline", "before.json", "--output", "json"]).dir(&dir).run().code(exit).json()
    };
    let report = check(Exit::Done);
    assert_eq!(
        (&report["mode"], &report["baseline"]["keys"]),
        (&json!("redis-alone"), &json!(12)),
        "{report:#}"
    );
    site.play(0, "g1", json!({"white": {"id": "ada"}, "moves": ["e4"]}));
    check(Exit::Done);
    server.ask::<u64>(&["HSET", "{chessGameState:g2}:m", "op", &"a".repeat(32)]);
    let report = check(Exit::Failed);
    assert_eq!(
        (&report["classes"], &report["baseline"]["wentBack"]),
        (&json!({"lost": 1}), &json!(1)),
        "{report:#}"
    );
}

#[test]
fn a_phase_that_changes_in_the_middle_leaves_no_verdict() {
    let (server, site) = settled_site();
    server.ask::<String>(&["SET", "chessGameState:g1", "other"]);
    let args = ["migrate", "state", "verify", "--settle", "3s", "--output", "json", "--redis"];
    let running = Scalectl::new(args).arg(site.url()).spawn();
    wait_until("the keys that differ are asked for", PATIENCE, || {
        let asked: Vec<String> = server.ask(&["HVALS", "{stateMigration}:inquiry"]);
        asked.iter().any(|asked| asked.contains("\"kind\":\"keys\""))
    });
    site.steer_to(Phase::Shadow);
    let value: Value = json!({"white": {"id": "ada"}, "black": {"id": "bob"}});
    site.overwrite("chessGameState:g1", &value.to_string());
    let report = running.wait(Duration::from_secs(60)).code(Exit::Inconclusive).json();
    let expected = "the phase was changed meanwhile, from backfill to shadow; verify again";
    assert_eq!(report["reasons"], json!([expected]), "{report:#}");
}
