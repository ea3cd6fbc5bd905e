//! Steps forward and back, evictions, conflicts, the point of no return.

use scalectl::Exit;
use serde_json::json;
use snapbox::str;
use state_map::Phase;
use state_map::control::{Counts, Proof};
use state_map::wire::key::Space;

use super::site::Site;
use crate::schemas::conforms;
use crate::support::{RedisServer, STARTUP, Scalectl};

#[test]
fn without_a_run_there_is_nothing_to_steer() {
    let site = Site::start();
    site.command(&["status"]).run().code(Exit::Done).stderr(str![""]).stdout(str![[r#"
stateMigration in redis://127.0.0.1:[PORT]: off, epoch 0

No instance has registered.

Next: dual, not yet:
  - no instance has registered: start the application with this Redis and this namespace first

"#]]);
    site.steer(&["start"]).code(Exit::Refused).stdout_has("none is registered").stderr(str![""]);
    for command in ["advance", "finish"] {
        site.steer(&[command]).code(Exit::Refused).stderr(str![[r#"
error: there is no run: `scalectl migrate state start` begins one

"#]]);
    }
    site.steer(&["rollback"]).code(Exit::Refused).stderr(str![[r#"
error: there is no run: nothing is to be rolled back

"#]]);
    assert_eq!(site.at(), (Phase::Off, 0));
}

#[test]
fn a_run_starts_when_everybody_is_there_and_goes_on_when_they_have_acknowledged() {
    let site = Site::start();
    let mut instances = [site.instance("a"), site.instance("b")];
    let started = site.steer(&["start"]);
    started.code(Exit::Done).stderr(str![[r#"
mind: replicas of 127.0.0.1:[PORT]: a server that is lost takes everything with it from strict on
mind: memory of 127.0.0.1:[PORT]: set maxmemory: without it the system kills Redis when memory ends
mind: persistence of 127.0.0.1:[PORT]: a restart of the server loses what came after the last snapshot: CONFIG SET appendonly yes
mind: maps: what is said of the keys that are there already holds for the known maps only

"#]]).stdout(str![[r#"
off -> dual (start), epoch 1.
Not acknowledged yet:
  a has not acknowledged dual; it serves off
  b has not acknowledged dual; it serves off
Next: scalectl migrate state advance

"#]]);
    site.steer(&["start"]).code(Exit::Refused).stderr(str![[r#"
error: start is not possible now:
  - a run is on already, in dual: `scalectl migrate state advance` goes on with it

"#]]);
    instances[0].follow();
    site.steer(&["advance"]).code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: advance is not possible now:
  - b has not acknowledged dual; it serves off

"#]]);
    instances[1].follow();
    let advanced = site.steer(&["advance", "--output", "json"]).code(Exit::Done).json();
    conforms("state-change.json", &advanced);
    assert_eq!((&advanced["phase"], &advanced["epoch"]), (&json!("backfill"), &json!(2)));
    assert_eq!(
        advanced["changes"],
        json!([{"step": "advance", "from": "dual", "to": "backfill", "epoch": 2}])
    );
    assert_eq!(advanced["missing"][1]["kind"], "unacknowledged");
    assert_eq!(site.at(), (Phase::Backfill, 2));
}

#[test]
fn who_is_silent_is_named_with_what_to_do() {
    let site = Site::start();
    let (mut a, mut b) = (site.instance("a"), site.instance("b"));
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    b.fall_silent();
    let refused = site.command(&["advance", "--timeout", "0s"]).hide_matches(r"\d+\.\d s", "[TIME]").run();
    refused.code(Exit::Refused).stderr(str![[r#"
error: advance is not possible now:
  - b has not acknowledged dual; it serves off; it has been silent for [TIME]: wait for it, or stop its process and run `scalectl migrate state evict b --stopped`, or undo with `scalectl migrate state rollback`

"#]]);
    let evict = |args: &[&str]| {
        let command = site.command(&[&["evict"], args].concat());
        command.hide_matches(r"\d+\.\d s", "[TIME]").run()
    };
    evict(&["b"]).code(Exit::Refused).stderr(str![[r#"
error: b has been silent for [TIME], and that does not prove that it is stopped: in off a process that resumes would acknowledge writes from its memory, and they would be lost. Stop the process, then run `scalectl migrate state evict b --stopped`

"#]]);
    evict(&["c", "--stopped"]).code(Exit::Refused).stderr(str![[r#"
error: no instance is called c; there are a, b

"#]]);
    evict(&["a", "--stopped"]).code(Exit::Refused).stderr_has("a was heard of ");
    let dropped = evict(&["b", "--stopped", "--output", "json"]).code(Exit::Done).json();
    conforms("state-eviction.json", &dropped);
    assert_eq!(dropped["proof"], "stopped");
    assert_eq!(site.survey().dead.values().map(|dead| dead.proof).collect::<Vec<_>>(), [Proof::Stopped]);
    site.steer(&["advance"]).code(Exit::Done);
}

#[test]
fn a_lapsed_lease_is_enough_from_strict_on_but_not_for_going_back_to_memory() {
    let site = Site::start();
    let (mut a, mut b) = (site.instance("a"), site.instance("b"));
    site.place(Phase::Strict);
    a.follow();
    b.follow();
    b.fall_silent();
    site.steer(&["evict", "b"]).code(Exit::Refused).stderr(str![[r#"
error: say what is known of b: --stopped if its process is stopped and will not resume; --lapsed if that is not known: in strict and later its lease being over is enough

"#]]);
    site.steer(&["evict", "b", "--lapsed"]).code(Exit::Done).stdout(str![[r#"
b is dropped: its lease was over. Before going back to read-new its process must be stopped, and `scalectl migrate state evict b --stopped` said.

"#]]);
    site.steer(&["rollback"]).code(Exit::Refused).stderr(str![[r#"
error: rollback is not possible now:
  - b was dropped while its process may still run, and in read-new it would acknowledge from its memory: make sure that it is stopped, then run `scalectl migrate state evict b --stopped`

"#]]);
    site.steer(&["evict", "b", "--stopped"]).code(Exit::Done).stdout(str![[r#"
b is dropped: its keys are free for the other instances.

"#]]);
    site.steer(&["rollback"]).code(Exit::Done);
    assert_eq!(site.at().0, Phase::ReadNew);
}

#[test]
fn the_last_step_is_undone_at_once_and_another_needs_everybody() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    site.steer(&["advance"]).code(Exit::Done);
    site.steer(&["rollback"]).code(Exit::Done).stdout(str![[r#"
backfill -> dual (rollback), epoch 3.
Not acknowledged yet:
  a has not acknowledged dual; it serves dual
Next: scalectl migrate state advance

"#]]);
    site.steer(&["rollback"]).code(Exit::Refused).stderr(str![[r#"
error: rollback is not possible now:
  - a has not acknowledged dual; it serves dual

"#]]);
    a.follow();
    site.steer(&["rollback"]).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Off, 4));
}

#[test]
fn several_steps_stop_half_way_with_the_command_that_goes_on() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    site.steer(&["advance", "--to", "shadow"]).code(Exit::Resumable).stdout(str![""]).stderr(str![[r#"
error: stopped half-way: advance is not possible now:
  - a has not acknowledged backfill; it serves dual
done: dual -> backfill
to go on: scalectl migrate state advance --to shadow

"#]]);
    assert_eq!(site.at(), (Phase::Backfill, 2));
    a.follow();
    site.steer(&["advance", "--to", "off"]).code(Exit::Refused).stderr(str![[r#"
error: off is behind backfill: `scalectl migrate state rollback --to off` goes back

"#]]);
    site.steer(&["rollback", "--to", "shadow"]).code(Exit::Refused).stderr(str![[r#"
error: shadow is ahead of backfill: `scalectl migrate state advance --to shadow` goes on

"#]]);
    site.steer(&["advance", "--to", "done"]).code(Exit::Refused).stderr(str![[r#"
error: done is beyond the point of no return: `scalectl migrate state finish` crosses it

"#]]);
    site.steer(&["advance", "--to", "nowhere"]).code(Exit::Usage).stderr_has("`nowhere` is no phase");
}

#[test]
fn a_gate_that_opens_while_the_command_waits_is_gone_through() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    a.follow();
    site.steer(&["advance"]).code(Exit::Done);
    a.follow();
    a.count(Counts { owed: 3, ..Counts::default() });
    let waiting = site.command(&["advance", "--timeout", "30s"]).spawn();
    waiting.wait_for_line(STARTUP, |line| line == "waiting: a has 3 keys to write to Redis: wait");
    a.count(Counts::default());
    waiting
        .wait_for_line(STARTUP, |line| line == "waiting: a has not acknowledged shadow; it serves backfill");
    a.follow();
    waiting.wait(STARTUP).code(Exit::Done).stdout(str![[r#"
backfill -> shadow (advance), epoch 3.
Every instance has acknowledged it.
Next: scalectl migrate state advance

"#]]);
}

#[test]
fn entering_strict_is_told_and_confirmed() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.place(Phase::ReadNew);
    a.follow();
    site.steer(&["advance"]).code(Exit::Refused).stderr(str![[r#"
In strict a write is acknowledged by Redis and its replicas. While they cannot accept it, a request gets an error that may be tried again. Until now it was served from memory. The way back to read-new stays open.
error: nothing was changed: confirm with --yes

"#]]);
    site.steer(&["advance", "--yes"]).code(Exit::Refused).stderr(str![[r#"
In strict a write is acknowledged by Redis and its replicas. While they cannot accept it, a request gets an error that may be tried again. Until now it was served from memory. The way back to read-new stays open.
error: advance is not possible now:
  - nothing was verified in this phase: run `scalectl migrate state verify`

"#]]);
    assert_eq!(site.at(), (Phase::ReadNew, 1));
}

#[test]
fn the_point_of_no_return_is_said_before_it_is_crossed() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.place(Phase::Strict);
    a.follow();
    site.steer(&["finish", "--yes"]).code(Exit::Refused).stderr(str![[r#"
error: strict is not the last phase before the end: `scalectl migrate state advance` goes on

"#]]);
    site.steer(&["advance"]).code(Exit::Done).stderr(str![[r#"
once every instance has acknowledged primary-new, any instance serves any key: the load balancer needs no stickiness for state any more

"#]]);
    site.steer(&["finish", "--yes"]).code(Exit::Refused).stderr(str![[r#"
error: advance is not possible now:
  - a has not acknowledged primary-new; it serves strict

"#]]);
    a.follow();
    site.steer(&["finish"]).code(Exit::Refused).stderr(str![[r#"
stop-old is the point of no return: the instances drop their copies in memory, and no command leads back. Every request is served from Redis already, and that stays so. Have a backup of Redis first.
error: nothing was changed: confirm with --yes

"#]]);
    // Whoever agreed to everything is told all the same, and goes no further than was said.
    site.steer(&["start", "--auto", "--yes"]).code(Exit::Done).stdout_has("Stopped before stop-old.");
    assert_eq!(site.at().0, Phase::PrimaryNew);
    site.steer(&["advance"]).code(Exit::Refused).stderr(str![[r#"
error: stop-old is beyond the point of no return: `scalectl migrate state finish` crosses it

"#]]);
    site.steer(&["start", "--auto", "--yes", "--to", "done"])
        .code(Exit::Resumable)
        .stderr_has("stop-old is the point of no return")
        .stderr_has("to go on: scalectl migrate state start --auto");
    site.steer(&["finish", "--yes"]).code(Exit::Refused).stderr_has("a has not acknowledged stop-old");
    assert_eq!(site.at().0, Phase::StopOld);
    site.steer(&["rollback"]).code(Exit::Refused).stderr_has("there is no way back from stop-old");
}

#[test]
fn a_new_run_deletes_what_the_last_one_has_left_and_nothing_of_others() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.steer(&["start"]).code(Exit::Done);
    let given_up = site.survey().record.run;
    a.follow();
    site.steer(&["rollback"]).code(Exit::Done);
    for (key, run) in [("game:left", given_up), ("game:others", state_map::Id(7))] {
        let sidecar = format!("{{{key}}}:m");
        site.run::<()>(redis::cmd("HSET").arg(sidecar).arg("run").arg(run.to_string()));
        site.run::<()>(redis::cmd("SET").arg(key).arg("{}"));
    }
    let is_there = |name: &str| site.run::<bool>(redis::cmd("EXISTS").arg(name));
    site.steer(&["start"]).code(Exit::Refused).stderr_has("a has not acknowledged off");
    assert!(is_there("game:left") && is_there("{game:left}:m"), "somebody may still serve it");
    a.follow();
    let told = "1 keys that the run before had left in Redis were deleted";
    site.steer(&["start"]).code(Exit::Done).stderr_has(told);
    assert!(!is_there("game:left") && !is_there("{game:left}:m"));
    assert!(is_there("game:others") && is_there("{game:others}:m"));
}

#[test]
fn conflicts_are_shown_without_their_values_and_decided() {
    let site = Site::start();
    let incarnation = site.instance("a").incarnation.to_string();
    let conflict = json!({
        "map": "games", "instance": "a", "incarnation": incarnation, "held": "held secret", "stored": "other",
    });
    let key = "chessGameState:7";
    site.run::<()>(redis::cmd("HSET").arg(Space::default().conflicts()).arg(key).arg(conflict.to_string()));
    let shown = site.command(&["resolve"]).run();
    shown.code(Exit::Done).stdout(str![[r#"
KEY               SIDE    WHERE     VALUE
chessGameState:7  held    by a      11 bytes, sha256 deea820e983d
                  stored  in Redis  5 bytes, sha256 d9298a10d1b0

To decide: scalectl migrate state resolve KEY --keep held|stored (--show-values shows the values)

"#]]);
    site.command(&["resolve", "--show-values"]).run().stdout_has("held secret");
    site.command(&["resolve", "x", "--keep", "held"]).run().code(Exit::Refused).stderr(str![[r#"
error: x has no second value now: nothing is to be decided

"#]]);
    let decided = site.command(&["resolve", key, "--keep", "held", "--output", "json"]).run();
    let decided = decided.code(Exit::Done).json();
    conforms("state-conflicts.json", &decided);
    assert_eq!(decided["conflicts"][0]["keep"], "held");
    assert_eq!(decided["conflicts"][0]["held"]["value"], serde_json::Value::Null);
    assert_eq!(site.survey().conflicts, 0, "decided, and for the instance to carry out");
}

#[test]
fn a_second_value_whose_holder_is_gone_can_only_be_dropped() {
    let site = Site::start();
    let _b = site.instance("b");
    let conflict = json!({
        "map": "games", "instance": "a", "incarnation": "1".repeat(32), "held": "held secret", "stored": "other",
    });
    let (reports, key) = (Space::default().conflicts(), "chessGameState:7");
    site.run::<()>(redis::cmd("HSET").arg(&reports).arg(key).arg(conflict.to_string()));
    site.command(&["resolve", key, "--keep", "held"]).run().code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
error: the process of a that held the second value of chessGameState:7 is gone: nobody is there to write it. Only `--keep stored` is possible; --show-values shows the value, so that the application can write it again

"#]]);
    assert_eq!(site.survey().conflicts, 1, "the gate stays shut");
    site.command(&["resolve", key, "--keep", "stored"]).run().code(Exit::Done).stdout(str![[r#"
No key has two values.

"#]]);
    assert!(!site.has(&reports));
    assert_eq!(site.survey().conflicts, 0);
}

#[test]
fn a_record_that_fell_back_is_asserted_anew_first() {
    let site = Site::start();
    let mut a = site.instance("a");
    site.place(Phase::Dual);
    a.follow();
    a.be_ahead(Phase::Backfill);
    site.steer(&["advance"]).code(Exit::Refused).stdout(str![""]).stderr(str![[r#"
a knows of epoch 2 and the record has 1: a fail-over lost the last change. The recorded phase has to be asserted anew; the next command does it
error: advance is not possible now:
  - a has not acknowledged dual; it serves backfill

"#]]);
    assert_eq!(site.at(), (Phase::Dual, 3));
    a.follow();
    site.steer(&["advance"]).code(Exit::Done);
    assert_eq!(site.at(), (Phase::Backfill, 4));
}

#[test]
fn a_lost_record_is_said_and_nothing_is_changed() {
    let site = Site::start();
    let mut a = site.instance("a");
    a.be_ahead(Phase::Shadow);
    site.steer(&["start"]).code(Exit::Refused).stderr_has(
        "the control record is gone, and a knows of its epoch 1: Redis has lost its data. Bring it back",
    );
    assert_eq!(site.at(), (Phase::Off, 0));
}

#[test]
fn a_status_has_what_people_and_programs_need() {
    let site = Site::start();
    let (mut a, mut b) = (site.instance("a"), site.instance("b"));
    site.place(Phase::Backfill);
    a.follow();
    b.follow();
    a.count(Counts { held: 1_500, owned: 1_500, stored: 1_200, owed: 300, dirty: 300, ..Counts::default() });
    b.count(Counts { held: 10, owned: 10, stored: 10, differences: 2, vanished: 1, ..Counts::default() });
    b.fall_silent();
    a.be_ahead(Phase::Shadow);
    let status = site.command(&["status"]).hide_times().run();
    status.code(Exit::Done).stderr(str![""]).stdout(str![[r#"
stateMigration in redis://127.0.0.1:[PORT]: backfill, epoch 1, run [RUN]; may be undone to dual at once

INSTANCE  SERVES    ACKNOWLEDGED [..] SEEN   HELD  STORED  OWED  ROUNDS  DIFFERENCES
a         shadow    not yet [..][TIME]  1,500   1,200   300       0            0
b         backfill  yes [..][TIME], silent     10      10     0       0            2
all [..] 1,510   1,210   300                    2
backfill: 1,210 of 1,510 keys (80%)
compares that did not settle: 2
values that vanished: 1

Next: shadow, not yet:
  - a knows of epoch 2 and the record has 1: a fail-over lost the last change. The recorded phase has to be asserted anew; the next command does it
  - a has not acknowledged backfill; it serves shadow
  - b has acknowledged, and how it stands is not known; it has been silent for [TIME]: wait for it, or stop its process and run `scalectl migrate state evict b --stopped`, or undo with `scalectl migrate state rollback`
  - a has 300 keys to write to Redis: wait
Back: dual, open: scalectl migrate state rollback

"#]]);
    assert!(status.stdout.lines().all(|line| line.chars().count() <= 100 || line.contains(": ")));
    let report = site.command(&["status", "--output", "json"]).run().code(Exit::Done).json();
    conforms("state-status.json", &report);
    assert_eq!(report["totals"]["owed"], 300);
    let metrics = site.command(&["status", "--output", "prometheus"]).run();
    metrics
        .code(Exit::Done)
        .stdout_has("scalectl_state_phase{namespace=\"stateMigration\",phase=\"backfill\"} 1");
    metrics.stdout_has("scalectl_state_keys_owed{namespace=\"stateMigration\",instance=\"a\"} 300");
    metrics.stdout_has("scalectl_state_instance_silent{namespace=\"stateMigration\",instance=\"b\"} 1");
    metrics.stdout_has("scalectl_state_gate_open{namespace=\"stateMigration\",to=\"shadow\"} 0");
}

#[test]
fn a_redis_that_is_not_there_or_allows_nothing_is_told_apart() {
    let site = Site::start();
    let at = |url: &str| Scalectl::new(["migrate", "state", "status", "--redis", url]).run();
    at("redis://127.0.0.1:1").code(Exit::Unreachable).stderr(str![[r#"
error: redis://127.0.0.1:[PORT]: could not connect: connection refused

"#]]);
    for url in ["rediss+cluster://127.0.0.1:1", "rediss+sentinel://127.0.0.1:1/main/1"] {
        at(url).code(Exit::Unreachable);
    }
    at("http://127.0.0.1").code(Exit::Usage).stderr(str![[r#"
error: http://127.0.0.1: expected redis://host:port, rediss://, redis+sentinel://host:port,…/name or redis+cluster://host:port,…

"#]]);
    at("redis://:hunter2@127.0.0.1").code(Exit::Usage).stderr_has("contains a password");
    let rights = ["SETUSER", "reader", "on", ">secret", "~*", "+@connection", "+info"];
    site.run::<()>(redis::cmd("ACL").arg(&rights));
    let url = format!("redis://reader:secret@127.0.0.1:{}", site.redis.port());
    let barred =
        Scalectl::new(["migrate", "state", "status", "--redis", "env:TARGET"]).env("TARGET", url).run();
    barred.code(Exit::Refused).stderr(str![[r#"
error: redis://reader:***@127.0.0.1:[PORT]: not allowed to carry out a script of the migration: this user has no permissions to run the 'script|load' command; docs/migrate-state.md lists the commands that the account needs

"#]]);
    Scalectl::new(["migrate", "state", "status"]).run().code(Exit::Usage).stderr(str![[r#"
error: no --redis was given and there is no scalectl.yaml; try --redis redis://127.0.0.1:[PORT]

"#]]);
}

#[test]
fn the_redis_of_an_environment_is_found() {
    let redis = RedisServer::start_with_password("hunter2");
    let file = "environments:\n  staging:\n    redis: {env: REDIS}\n";
    let url = format!("redis://:hunter2@127.0.0.1:{}", redis.port());
    let found = Scalectl::new(["migrate", "state", "status", "--namespace", "other"])
        .file("scalectl.yaml", file)
        .env("REDIS", url)
        .run();
    found.code(Exit::Done).stdout_has("other in redis://:***@127.0.0.1:");
    assert!(!found.stdout.contains("hunter2") && !found.stderr.contains("hunter2"));
}
