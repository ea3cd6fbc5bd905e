//! Drills: what an on-call engineer lives through, played on the reference server while load goes on, and whether the
//! report tells it as it was. The server is asked too: what it keeps and counts is held against what users saw.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::{Value, json};

use crate::schemas::conforms;
use crate::support::{
    Fleet, KeptAlive, Output, RedisServer, ReferenceServer, Running, STARTUP, Scalectl, get, post,
    signal_instance, wait_until,
};

/// Users of a drill; each writes to the other of its pair.
const USERS: usize = 12;
/// Room for an instance to be started again, three times, on a machine that runs other tests too.
const LOAD: &str = "40s";

/// Pairs write to each other, once without an acknowledgement and with a stamp, once with an acknowledgement.
fn pairs(target: &str, slo: &str) -> String {
    format!(
        r#"config:
  target: "{target}"
  payload: {{path: pairs.csv, order: sequence, per: user}}
  socketio: {{auth: {{token: "{{{{ token }}}}"}}, reconnection: true, reconnectionDelay: 200ms, timeout: 20s}}
  http: {{timeout: 20s}}
scenarios:
  - engine: socketio
    flow:
      - post:
          url: /api/auth/login
          json: {{username: "{{{{ me }}}}", password: seeded-password}}
          capture: {{json: $.token, as: token}}
      - get:
          url: "/api/users/{{{{ other }}}}"
          name: GET /api/users/:name
          headers: {{authorization: "Bearer {{{{ token }}}}"}}
          capture: {{json: $.id, as: to}}
      - connect: {{}}
      - fanout: {{event: chat:message, room: "{{{{ pair }}}}", stampAt: "$[0].text"}}
      - think: 4s
      - loop:
          - fanout:
              channel: chat:send
              data: {{to: "{{{{ to }}}}", text: stamped}}
              stamp: text
              event: chat:message
              room: "{{{{ pair }}}}"
              role: publisher
          - emit:
              channel: chat:send
              name: emit chat:send, acknowledged
              data: {{to: "{{{{ to }}}}", text: plain}}
              acknowledge: {{match: {{json: "$[0].ok", value: true}}}}
          - think: 200ms-400ms
slo: {slo}
"#
    )
}

/// Instances that share a store and a Redis, and users who write to each other through them.
struct Drill {
    fleet: Fleet,
    load: Running,
    /// Sockets that were at an instance when it was taken away, as it said itself.
    taken: u64,
    _redis: RedisServer,
}

impl Drill {
    #[track_caller]
    fn start(slo: &str) -> Self {
        let redis = RedisServer::start();
        let seed = format!("users={USERS},posts=0,follows=0,likes=0,comments=0,messages=0");
        let fleet = Fleet::start(3, &["--redis", &redis.url(), "--seed", &seed]);
        let row = |user: usize| {
            let other = if user % 2 == 1 { user + 1 } else { user - 1 };
            format!("user{user:06},user{other:06},pair {}\n", user.min(other))
        };
        let rows: String = (1..=USERS).map(row).collect();
        let users = USERS.to_string();
        let args = ["loadtest", "run", "drill.yaml", "--users", &users, "--ramp", "1s", "--duration", LOAD];
        let load = Scalectl::new(args).arg("--output").arg("json").arg("--report").arg("markdown=report.md");
        let load = load.file("pairs.csv", format!("me,other,pair\n{rows}"));
        let load = load.file("drill.yaml", pairs(&format!("http://{}", fleet.authority), slo)).spawn();
        let drill = Self { fleet, load, taken: 0, _redis: redis };
        drill.wait_for_all_users();
        drill
    }

    /// Takes one instance away, and waits until there is another in its place and every user is connected.
    #[track_caller]
    fn take_away(&mut self, pid: i32, signal: Signal) {
        let count = |fleet: &Fleet| fleet.metric("", "instance_restarts_total{");
        let (sockets, before) = (self.fleet.metric("", "socketio_connected{"), count(&self.fleet));
        signal_instance(pid, signal);
        let restarted = || {
            let after = count(&self.fleet);
            let place = before.iter().zip(&after).position(|(before, after)| before.1 < after.1);
            place.filter(|_| self.fleet.is_up() && after.len() == before.len())
        };
        wait_until("the instance to serve again", STARTUP, || restarted().is_some());
        self.taken += sockets[restarted().unwrap()].1 as u64;
        self.wait_for_all_users();
    }

    #[track_caller]
    fn wait_for_all_users(&self) {
        wait_until("all users to be connected", STARTUP, || {
            self.fleet.is_up() && self.fleet.sum("socketio_connected{") == USERS as f64
        });
    }

    /// The report of the load, and what the server has kept of what was written.
    #[track_caller]
    fn finish(mut self) -> (Output, Kept, u64) {
        assert!(!self.load.process().has_ended(), "the load was over before the instances were back");
        let output = self.load.wait(Duration::from_secs(90));
        (output, Kept::of(&self.fleet.authority), self.taken)
    }
}

/// Messages that the store holds: those with a stamp, and those that were acknowledged.
#[derive(Debug, Default)]
struct Kept {
    stamped: u64,
    plain: u64,
}

impl Kept {
    /// Every pair has one conversation; one of them reads it.
    #[track_caller]
    fn of(authority: &str) -> Self {
        let mut kept = Self::default();
        for user in (1..=USERS).step_by(2) {
            let login = json!({"username": format!("user{user:06}"), "password": "seeded-password"});
            let (status, session) = post(authority, "/api/auth/login", &login.to_string());
            assert_eq!(status, 200, "{session}");
            let token = parsed(&session)["token"].as_str().unwrap().to_owned();
            let mut client = KeptAlive::new(authority);
            let mut read = |path: String| parsed(&client.get_with(&token, &path).unwrap().1);
            let conversations = read("/api/conversations".to_owned());
            let id = conversations["items"][0]["id"].as_str().unwrap().to_owned();
            let mut cursor = String::new();
            loop {
                let page = read(format!("/api/conversations/{id}/messages?limit=100{cursor}"));
                for message in page["items"].as_array().unwrap() {
                    let is_plain = message["text"] == "plain";
                    *if is_plain { &mut kept.plain } else { &mut kept.stamped } += 1;
                }
                let Some(next) = page["nextCursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
        }
        kept
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

/// How often a row failed by causes that begin so.
fn failed(report: &Value, row: &str, cause: &str) -> u64 {
    let failures = report["failures"].as_array().unwrap().iter();
    let is_meant =
        |failure: &&Value| failure["row"] == row && failure["cause"].as_str().unwrap().starts_with(cause);
    failures.filter(is_meant).map(|failure| number(&failure["count"])).sum()
}

/// What is true of every drill: whoever was taken away is back and was counted, once and with a cause, and the server
/// holds as many messages as users know or fear.
#[track_caller]
fn tells_what_happened(report: &Value, kept: &Kept, taken: u64) {
    conforms("loadtest-report.json", report);
    let disconnects = &report["disconnects"];
    let [lost, back, ended, away, anew] =
        ["lost", "back", "ended", "away", "anew"].map(|name| number(&disconnects[name]));
    assert!(taken > 0, "the instances had users");
    assert_eq!((lost, back, ended, away), (taken, taken, 0, 0), "{disconnects:#}");
    let returned = number(&row(report, "reconnect")["count"]) - number(&row(report, "reconnect")["errors"]);
    assert_eq!(returned + anew, back, "some came back, the others began anew: {report:#}");

    let outages = disconnects["outages"].as_array().unwrap();
    let causes: Vec<_> = outages.iter().flat_map(|outage| outage["causes"].as_array().unwrap()).collect();
    assert_eq!(causes.iter().map(|cause| number(&cause["count"])).sum::<u64>(), lost, "{disconnects:#}");
    let known = BTreeSet::from(["closed by server", "connection reset", "connection lost"]);
    assert!(causes.iter().all(|cause| known.contains(cause["cause"].as_str().unwrap())), "{disconnects:#}");
    assert!(outages.iter().all(|outage| outage["steadySeconds"].is_number()), "{disconnects:#}");

    // Every failure has its row, and every loss is either one of the connection or one of what was under way.
    let failures = report["failures"].as_array().unwrap();
    let told: u64 = failures.iter().map(|failure| number(&failure["count"])).sum();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(told, rows.iter().map(|row| number(&row["errors"])).sum::<u64>(), "{failures:#?}");
    let acknowledged = "emit chat:send, acknowledged";
    let noticed =
        failed(report, "connect /", "connection lost: ") + number(&row(report, acknowledged)["errors"]);
    assert!(noticed >= lost, "{failures:#?}");

    let attempts = number(&row(report, acknowledged)["count"]);
    let confirmed = attempts - number(&row(report, acknowledged)["errors"]);
    assert!((confirmed..=attempts).contains(&kept.plain), "{kept:?}, {confirmed} of {attempts} confirmed");
    let fanout = &report["fanouts"][0]["total"];
    let [sent, expected, delivered, missing] =
        ["sent", "expected", "delivered", "lost"].map(|name| number(&fanout[name]));
    assert!((delivered..=sent).contains(&kept.stamped), "{kept:?}, {fanout:#}");
    assert!(sent - kept.stamped <= lost, "a lost connection takes one message along: {kept:?}, {fanout:#}");
    assert_eq!((delivered + missing, &fanout["duplicates"]), (expected, &json!(0)), "{fanout:#}");
    // Nobody is owed what was said before it listened, or last of all.
    assert!((0..=2 * USERS as u64).contains(&(sent - expected)), "{fanout:#}");
    let unheard = number(&disconnects["missed"]) + (sent - kept.stamped);
    // What a listener lost it was away for, or it was in the hands of the instance that was taken away.
    assert!(missing <= unheard + lost, "{disconnects:#} {fanout:#}");
}

#[test]
fn a_rolling_deploy_is_told_as_it_was() {
    let mut drill = Drill::start("[errors < 20%, steady < 30s, loss < 50%]");
    let before = drill.fleet.pids();
    for pid in &before {
        drill.take_away(*pid, Signal::TERM);
    }
    assert!(drill.fleet.pids().is_disjoint(&before), "every process is a new one");
    let (output, kept, taken) = drill.finish();
    let report = output.code(Exit::Done).json();
    tells_what_happened(&report, &kept, taken);
    // One after the other, and nobody was at two of them at the same time.
    let outages = report["disconnects"]["outages"].as_array().unwrap().len();
    assert!((1..=3).contains(&outages) && taken >= USERS as u64 / 2, "{:#}", report["disconnects"]);
    let page = std::fs::read_to_string(output.path("report.md")).unwrap();
    assert!(page.contains("| lost at | by | lost | back | away | steady after |"), "{page}");
}

#[test]
fn an_instance_that_is_killed_is_told_as_it_was() {
    // Each lost connection is an error: who allows none has failed.
    let mut drill = Drill::start("[errors < 0.001%, steady < 30s]");
    let killed = *drill.fleet.pids().first().unwrap();
    drill.take_away(killed, Signal::KILL);
    let (output, kept, taken) = drill.finish();
    let report = output.code(Exit::Failed).json();
    tells_what_happened(&report, &kept, taken);
    let outcomes = ["failed", "passed"].map(Value::from);
    assert_eq!([&report["slo"][0]["outcome"], &report["slo"][1]["outcome"]], [&outcomes[0], &outcomes[1]]);
    assert_eq!(report["disconnects"]["outages"].as_array().unwrap().len(), 1, "{:#}", report["disconnects"]);
}

/// What a process has at a moment.
#[derive(Debug, Clone, Copy)]
struct Holding {
    descriptors: f64,
    mebibytes: f64,
}

/// How much more of something the last third of a run had than its first, by their medians.
fn growth(samples: &[Holding], of: fn(&Holding) -> f64) -> f64 {
    let median = |third: &[Holding]| {
        let mut values: Vec<f64> = third.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let third = samples.len() / 3;
    median(&samples[samples.len() - third..]) - median(&samples[..third])
}

fn server(authority: &str) -> Holding {
    let (status, text) = get(authority, "/metrics");
    assert_eq!(status, 200, "{text}");
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let bytes = value("process_resident_memory_bytes");
    Holding { descriptors: value("process_open_fds"), mebibytes: bytes / f64::from(1 << 20) }
}

/// Nothing where the process has just ended.
fn generator(load: &mut Running) -> Option<Holding> {
    let folder = format!("/proc/{}", load.process().pid().as_raw_nonzero());
    let descriptors = std::fs::read_dir(format!("{folder}/fd")).ok()?.count() as f64;
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = resident.split_whitespace().next()?.parse().ok()?;
    Some(Holding { descriptors, mebibytes: kibibytes / 1024.0 })
}

/// Users who come, talk for two seconds, go, and come again: what is not given back adds up.
const SOAK: &str = r#"config:
  target: "http://127.0.0.1:1"
  socketio: {auth: {token: "{{ token }}"}, timeout: 20s}
  http: {timeout: 20s}
scenarios:
  - engine: socketio
    flow:
      - post:
          url: /api/auth/guest
          json: {name: soaker}
          capture: {json: $.token, as: token}
      - get: {url: /api/feed, headers: {authorization: "Bearer {{ token }}"}}
      - connect: {}
      - emit: {channel: "room:join", data: {room: "room {{ $user }}"}, acknowledge: true}
      - loop:
          - emit:
              channel: room:send
              data: {room: "room {{ $user }}", text: still here}
              acknowledge: {match: {json: "$[0].ok", value: true}}
          - think: 100ms
        count: 20
slo: [errors < 0.1%]
"#;
/// Seconds; `LOADTEST_SOAK` in the environment makes it longer, which `make soak` does.
const SOAK_SECONDS: u64 = 60;
/// A connection that is not given back is one descriptor, and some four hundred come between the thirds.
const MOST_DESCRIPTORS: f64 = 16.0;
/// What allocators and caches take by and by; less than 1 KiB for each of some 9,000 messages that come between them.
const MOST_MEBIBYTES: f64 = 5.0;

#[test]
fn a_soak_leaves_nothing_behind() {
    let given = std::env::var("LOADTEST_SOAK").ok();
    let seconds: u64 = given.map_or(SOAK_SECONDS, |text| text.parse().unwrap());
    let target = ReferenceServer::start();
    let args = ["loadtest", "run", "soak.yaml", "--shape", "soak", "--users", "30", "--target", target.url()];
    let load = Scalectl::new(args).arg("--duration").arg(format!("{seconds}s")).arg("--output").arg("json");
    let mut load = load.file("soak.yaml", SOAK).spawn();
    let (mut servers, mut generators) = (Vec::new(), Vec::new());
    while load.process().wait(Duration::from_secs(1)).is_none() {
        servers.push(server(target.authority()));
        generators.extend(generator(&mut load));
    }
    let report = load.wait(Duration::from_secs(1)).code(Exit::Done).json();
    // The first quarter is no part of it: users come, and ten seconds after its start the server gives back what
    // hashing took. Nor is the end, when users leave.
    let warm_up = servers.len() / 4;
    for (who, samples) in [("server", &servers), ("generator", &generators)] {
        let samples = &samples[warm_up..samples.len() - 3];
        let descriptors = growth(samples, |holding| holding.descriptors);
        let mebibytes = growth(samples, |holding| holding.mebibytes);
        assert!(
            descriptors <= MOST_DESCRIPTORS && mebibytes <= MOST_MEBIBYTES,
            "the {who} grew by {descriptors} descriptors and {mebibytes:.1} MiB: {samples:?}"
        );
    }
    let points = report["timeline"]["points"].as_array().unwrap();
    let errors = |points: &[Value]| points.iter().map(|point| number(&point["errors"])).sum::<u64>();
    let third = points.len() / 3;
    assert!(errors(&points[points.len() - third..]) <= errors(&points[..third]), "{:#}", report["failures"]);
    assert_eq!(report["disconnects"], Value::Null, "nobody was lost");
}
