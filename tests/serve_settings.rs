//! `scalectl serve`: where settings come from, and which are refused.

use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::{ADMIN, Running, Scalectl, get_as_admin, served_at};

/// A server on a free port, and its effective settings.
#[track_caller]
fn effective(command: Scalectl) -> (Running, Value) {
    let command = command.arg("--listen").arg("127.0.0.1:0").arg("--admin").arg(ADMIN.0);
    let running = command.env("SCALECTL_ADMIN_PASSWORD", ADMIN.1).spawn();
    let (status, body) = get_as_admin(&served_at(&running), "/admin/config");
    assert_eq!(status, 200, "{body}");
    (running, serde_json::from_str(&body).unwrap())
}

const FILE: &str = "\
maxConnections: 100
drainDeadline: 3s
http: {etag: true, compression: {enabled: true, level: 9}}
socket: {pingInterval: 10s, maxPerUser: 3}
";

#[test]
fn an_option_beats_the_environment_beats_the_file_beats_the_default() {
    let command =
        Scalectl::new(["serve", "--config", "serve.yaml", "--max-sockets-per-user", "5", "--etag=off"]);
    let command = command.file("serve.yaml", FILE);
    let command = command.env("SCALECTL_MAX_SOCKETS_PER_USER", "4").env("SCALECTL_PING_INTERVAL", "11s");
    let (_running, effective) = effective(command.env("SCALECTL_CACHE", "memory"));
    let settings = &effective["settings"];
    assert_eq!(settings["socket"]["maxPerUser"], 5, "the option");
    assert_eq!(settings["http"]["etag"], false, "the option");
    assert_eq!(settings["socket"]["pingInterval"], "11s", "the environment");
    assert_eq!(settings["maxConnections"], 100, "the file");
    assert_eq!(
        settings["http"]["compression"],
        serde_json::json!({"enabled": true, "thresholdBytes": 1024, "level": 9})
    );
    assert_eq!(settings["socket"]["pingTimeout"], "20s", "the default");
    let steps = &effective["steps"];
    assert_eq!(
        (&steps["compression"], &steps["cache"], &steps["etag"]),
        (&true.into(), &true.into(), &false.into())
    );
    assert_eq!(effective["instance"], Value::Null);
}

#[test]
fn scaled_switches_on_what_nothing_else_decides() {
    let (_running, effective) = effective(Scalectl::new(["serve", "--scaled", "--etag=off"]));
    let steps = effective["steps"].as_object().unwrap();
    let on: Vec<&str> = steps.iter().filter(|(_, on)| **on == true).map(|(step, _)| step.as_str()).collect();
    assert_eq!(on, ["indexes", "compression", "cache", "cacheWarming"]);
}

#[test]
fn every_mistake_of_a_file_is_shown_at_its_place() {
    let file = "\
maxConections: 5
drainDeadline: soon
http:
  compression: {enabled: yes, level: 12}
rateLimits: {scope: shared}
cache: {warming: 1}
";
    let output = Scalectl::new(["serve", "--config", "serve.yaml"]).file("serve.yaml", file).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: unknown key `maxConections`
 --> serve.yaml:1:1
  |
1 | maxConections: 5
  | ^^^^^^^^^^^^^ did you mean `maxConnections`?
error: `drainDeadline`: "soon" is no duration; write 500ms, 30s, 2m or 1h
 --> serve.yaml:2:16
  |
2 | drainDeadline: soon
  |                ^^^^
error: `enabled` must be true or false, found "yes"
 --> serve.yaml:4:26
  |
4 |   compression: {enabled: yes, level: 12}
  |                          ^^^
error: `level`: 12 is greater than the maximum of 9
 --> serve.yaml:4:38
  |
4 |   compression: {enabled: yes, level: 12}
  |                                      ^^
error: `scope` must be one of off, local, redis, found "shared"
 --> serve.yaml:5:21
  |
5 | rateLimits: {scope: shared}
  |                     ^^^^^^
error: `warming` must be true or false, found 1
 --> serve.yaml:6:18
  |
6 | cache: {warming: 1}
  |                  ^

"#]]);
    assert!(!output.path("scalectl-data").exists(), "nothing was written");
}

#[test]
fn settings_that_do_not_go_together_are_named_at_once() {
    let file = "\
store:
  mongodb: {uri: {env: NOT_SET}, minPoolSize: 60}
jobs: {mode: queued}
security: {allowedOrigins: [example.org], administrator: {username: root, password: hunter2}}
socket: {pingInterval: 0}
";
    let args = ["serve", "--config", "serve.yaml", "--cache", "redis", "--rate-limits", "redis"];
    let output = Scalectl::new(args).file("serve.yaml", file).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: the environment variable NOT_SET is not set
 --> serve.yaml:2:18
  |
2 |   mongodb: {uri: {env: NOT_SET}, minPoolSize: 60}
  |                  ^^^^
error: a pool of 60 to 50 connections is none: the second number is the larger
 --> serve.yaml:2:47
  |
2 |   mongodb: {uri: {env: NOT_SET}, minPoolSize: 60}
  |                                               ^^
error: a job queue needs Redis: give it with --redis or --jobs-redis, or run jobs inline
 --> serve.yaml:3:14
  |
3 | jobs: {mode: queued}
  |              ^^^^^^
error: `example.org` is no origin: write scheme, host and port only, https://example.org
 --> serve.yaml:4:28
  |
4 | security: {allowedOrigins: [example.org], administrator: {username: root, password: *******}}
  |                            ^^^^^^^^^^^^
error: a password stands in the open; keep it in a variable or a file and write env:NAME or file:PATH
 --> serve.yaml:4:85
  |
4 | security: {allowedOrigins: [example.org], administrator: {username: root, password: *******}}
  |                                                                                     ^^^^^^^
error: the time between two pings is zero: nobody could keep it
 --> serve.yaml:5:24
  |
5 | socket: {pingInterval: 0}
  |                        ^
error: rate limits that all instances share need Redis: give it with --redis, or limit locally
error: --cache redis needs Redis: give it with --redis

"#]]);
}

#[test]
fn a_job_queue_is_refused_on_a_cluster() {
    let args = ["serve", "--redis", "redis+cluster://127.0.0.1:1", "--jobs", "queued"];
    let output = Scalectl::new(args).run();
    output.code(Exit::Usage).stdout(str![""]).stderr(str![[r#"
error: a job queue cannot live in a Redis Cluster: give it a Redis of its own with --jobs-redis

"#]]);
}

#[test]
fn a_password_on_the_command_line_is_refused_without_repeating_it() {
    for args in
        [["--redis", "redis://:hunter2@127.0.0.1:1"], ["--mongodb", "mongodb://u:hunter2@127.0.0.1:1"]]
    {
        let output = Scalectl::new(["serve"]).arg(args[0]).arg(args[1]).run();
        output.code(Exit::Usage).stderr_has("contains a password; keep it in a variable or a file");
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
    let output = Scalectl::new(["serve", "--admin", "root", "--admin-password", "hunter2"]).run();
    output.code(Exit::Usage).stderr_has("a password stands in the open");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn secrets_from_elsewhere_are_used_and_masked() {
    let command = Scalectl::new(["serve", "--jobs-redis", "file:jobs.url"]);
    let command = command.file("jobs.url", "redis://:hunter2@127.0.0.1:1/3\n");
    let command = command.env("SCALECTL_REDIS", "redis://:hunter2@127.0.0.1:1");
    let (_running, effective) = effective(command);
    let settings = &effective["settings"];
    for secret in ["hunter2", ADMIN.1] {
        assert!(!effective.to_string().contains(secret), "{effective}");
    }
    assert_eq!(settings["redis"]["url"], "redis://***@127.0.0.1:1");
    assert_eq!(settings["jobs"]["redis"], "redis://***@127.0.0.1:1/3");
    assert_eq!(settings["security"]["administrator"]["password"], "***");
    assert_eq!(
        (&effective["steps"]["sharedState"], &effective["steps"]["adapter"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn help_fits_a_hundred_columns() {
    let output = Scalectl::new(["serve", "--help"]).run();
    let longest = output.code(Exit::Done).stdout.lines().map(str::len).max();
    assert!(longest.is_some_and(|length| length <= 100), "{longest:?}");
    for heading in ["Processes:", "Store:", "HTTP:", "Socket.IO:", "Security:", "Logs and traces:"] {
        output.stdout_has(heading);
    }
}
