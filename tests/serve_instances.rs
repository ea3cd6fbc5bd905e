//! `scalectl serve --instances N`: several processes on one port.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::process::Signal;
use scalectl::Exit;
use serde_json::Value;
use snapbox::str;

use crate::support::{
    ADMIN, Fleet, KeptAlive, STARTUP, Scalectl, get, get_as_admin, is_alive, signal_instance, wait_until,
};

/// Clients that ask without a pause on connections that they keep, until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(authority: &str, clients: usize) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (stop, answered, authority) =
                (Arc::clone(&stop), Arc::clone(&answered), authority.to_owned());
            std::thread::spawn(move || ask(&authority, &stop, &answered))
        };
        let clients = (0..clients).map(client).collect();
        let load = Self { stop, answered, clients };
        load.more();
        load
    }

    /// Waits until a hundred more requests were answered.
    fn more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        wait_until("more answers", STARTUP, || self.answered.load(Ordering::Relaxed) >= before + 100);
    }

    /// The requests that were not answered with 200.
    fn failures(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    }
}

fn ask(authority: &str, stop: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let (mut client, mut failures) = (KeptAlive::new(authority), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        match client.get(if failures.len() % 2 == 0 { "/health" } else { "/ready" }) {
            Ok((200, _)) => drop(answered.fetch_add(1, Ordering::Relaxed)),
            Ok((status, body)) => failures.push(format!("{status} {body}")),
            Err(error) => failures.push(error.to_string()),
        }
    }
    failures
}

#[test]
fn instances_share_the_port_and_their_metrics_come_together() {
    let fleet = Fleet::start(3, &["--log", "info"]);
    // On a busy machine one of them may not get its turn for a while.
    let (mut answered, mut asked) = (BTreeSet::new(), 0.0);
    wait_until("every instance answers", STARTUP, || {
        answered.extend(fleet.instances_that_answer());
        asked += 40.0;
        answered == BTreeSet::from([1, 2, 3])
    });
    assert_eq!(fleet.sum("http_requests_total{"), asked, "the instances' counts add up to what was asked");
    let up = fleet.metric("", "instance_up{");
    assert_eq!(up.iter().map(|(_, up)| *up).collect::<Vec<_>>(), [1.0, 1.0, 1.0]);
    let alone = fleet.metric("?instance=2", "http_requests_total{");
    assert!(alone.iter().all(|(series, _)| series.contains("instance_id=\"2\"")), "{alone:?}");
    assert_eq!(get(&fleet.authority, "/metrics?instance=4").0, 404);
    let is_numbered = |line: &str| line.starts_with("{\"instance\":3,") && line.contains("serving");
    fleet.running.wait_for_line(STARTUP, is_numbered);
}

#[test]
fn connections_are_spread_evenly() {
    let fleet = Fleet::start(4, &[]);
    let sockets: Vec<_> = (0..400).map(|_| TcpStream::connect(&fleet.authority).unwrap()).collect();
    let open =
        || fleet.metric("", "connections_open{").iter().map(|(_, open)| *open as usize).collect::<Vec<_>>();
    wait_until("all are accepted", STARTUP, || open().iter().sum::<usize>() > sockets.len());
    assert!(open().iter().all(|open| (80..=120).contains(open)), "{:?}", open());
}

#[test]
fn an_instance_that_is_killed_is_missed_by_nobody_new_and_started_again() {
    let mut fleet = Fleet::start(4, &[]);
    let before = fleet.pids();
    assert_eq!(before.len(), 4);
    let load = Load::start(&fleet.authority, 8);
    let killed = *before.first().unwrap();
    signal_instance(killed, Signal::KILL);
    fleet.instances_that_answer();
    wait_until("four instances again", STARTUP, || {
        fleet.pids().len() == 4 && !fleet.pids().contains(&killed)
    });
    wait_until("all are up", STARTUP, || fleet.is_up());
    load.more();
    let failures = load.failures();
    assert!(failures.len() <= 8, "only requests in the killed process are lost: {failures:?}");
    assert_eq!(before.intersection(&fleet.pids()).count(), 3, "the others were left alone");
    assert_eq!(fleet.sum("instance_restarts_total{"), 1.0);
}

#[test]
fn a_reload_replaces_every_process_without_a_failed_request() {
    let command = Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--config", "serve.yaml"]);
    let command = command.env("SCALECTL_ADMIN_PASSWORD", ADMIN.1).file("serve.yaml", "instances: 3\n");
    let mut fleet = Fleet::run(command, &["--admin", ADMIN.0]);
    let load = Load::start(&fleet.authority, 6);
    let before = fleet.pids();
    fleet.running.dir().write("serve.yaml", "instances: 3\nhttp: {etag: true}\n");
    fleet.running.signal(Signal::HUP);
    fleet.running.wait_for_line(STARTUP, |line| line == "reloaded: 3 instances replaced");
    load.more();
    assert_eq!(load.failures(), [""; 0]);
    let after = fleet.pids();
    assert!(after.len() == 3 && after.is_disjoint(&before), "{before:?} {after:?}");
    let (_, body) = get_as_admin(&fleet.authority, "/admin/config");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["steps"]["etag"], true);

    fleet.running.dir().write("serve.yaml", "instances: 3\nhttp: {etaag: true}\n");
    fleet.running.signal(Signal::HUP);
    fleet.running.wait_for_line(STARTUP, |line| line.contains("did you mean `etag`?"));
    fleet.running.wait_for_line(STARTUP, |line| line == "not reloaded: the settings of before stay");
    assert_eq!(fleet.pids(), after);
}

#[test]
fn a_terminated_supervisor_drains_its_instances() {
    let mut fleet = Fleet::start(2, &[]);
    let pids = fleet.pids();
    fleet.running.signal(Signal::TERM);
    fleet.running.wait(STARTUP).code(Exit::Done).stderr(str![[r#"
stopping: the instances drain; a second signal cuts them off
stopped

"#]]);
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn a_second_signal_cuts() {
    let mut fleet = Fleet::start(2, &["--drain", "10m"]);
    let pids = fleet.pids();
    let mut under_way = TcpStream::connect(&fleet.authority).unwrap();
    under_way.write_all(b"POST /api/auth/guest HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\ncontent-type: application/json\r\n\r\n{").unwrap();
    wait_until("it is there", STARTUP, || fleet.sum("connections_open{") >= 2.0);
    fleet.running.signal(Signal::TERM);
    fleet.running.wait_for_line(STARTUP, |line| line.starts_with("stopping"));
    fleet.running.signal(Signal::TERM);
    fleet.running.wait(STARTUP).code(Exit::Interrupted);
    wait_until("all are gone", STARTUP, || !pids.iter().copied().any(is_alive));
}

#[test]
fn instances_do_not_outlive_their_supervisor() {
    let mut fleet = Fleet::start(2, &[]);
    let pids = fleet.pids();
    fleet.running.signal(Signal::KILL);
    wait_until("all are gone", STARTUP, || !pids.iter().copied().any(is_alive));
}

#[test]
fn instances_that_cannot_start_end_the_whole() {
    let command = Scalectl::new(["serve", "--listen", "127.0.0.1:0", "--instances", "2", "--data", "data"]);
    let output =
        command.file("data/reference.db", "this is no database, whatever its name says".repeat(100)).run();
    output
        .code(Exit::Usage)
        .stdout(str![""])
        .stderr_has("instance 1: cannot open the store at data/reference.db");
}
