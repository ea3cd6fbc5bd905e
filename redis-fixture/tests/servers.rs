//! Each set of servers comes up, on each version, and ends with its handle.

#![allow(clippy::unwrap_used, missing_docs)]

use redis_fixture::{Cluster, Options, Replicated, Sentinels, Server, Version};

#[test]
fn each_version_is_what_it_says() {
    let version = |version| Server::start_with(Options::of(version)).info("redis_version");
    assert!(version(Version::Installed).starts_with('7'));
    assert!(version(Version::Redis8).starts_with("8."));
    let valkey = Server::start_with(Options::of(Version::Valkey8));
    assert_eq!(valkey.info("server_name"), "valkey");
    assert!(valkey.info("valkey_version").starts_with("8.1"));
}

#[test]
fn a_restart_keeps_the_port_and_what_was_asked_for() {
    for (options, expected) in [(Options::default(), None), (Options::default().append_only(), Some("1"))] {
        let mut server = Server::start_with(options);
        let port = server.port();
        server.ask::<()>(&["SET", "a", "1"]);
        server.restart();
        assert_eq!(server.ask::<Option<String>>(&["GET", "a"]).as_deref(), expected);
        assert_eq!(server.port(), port);
    }
}

#[test]
fn a_stopped_server_hangs_and_a_dropped_one_is_gone() {
    let server = Server::start();
    server.stop();
    assert!(server.try_ask::<String>(&["PING"]).is_err());
    server.cont();
    assert_eq!(server.ask::<String>(&["PING"]), "PONG");
    let pid = server.pid().unwrap();
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn replicas_follow_and_take_over() {
    let set = Replicated::start(Version::Valkey8, 2);
    set.master.ask::<()>(&["SET", "a", "1"]);
    assert_eq!(set.master.ask::<u64>(&["WAIT", "2", "5000"]), 2);
    let mut set = Sentinels::start(Version::Redis8, 1);
    let old = set.kill_master();
    assert_ne!(set.wait_for_master_other_than(old), old);
}

#[test]
fn slots_of_a_cluster_move() {
    let cluster = Cluster::start(Version::Installed);
    let slot = 12_182;
    let from = cluster.owner_of(slot).unwrap();
    cluster.nodes[from].ask::<()>(&["SET", "foo", "1"]);
    let to = (from + 1) % 3;
    cluster.begin_move(slot, from, to);
    assert_eq!(cluster.move_some(slot, from, to), 1);
    cluster.end_move(slot, from, to);
    assert_eq!(cluster.nodes[to].ask::<String>(&["GET", "foo"]), "1");
    assert_eq!(cluster.owner_of(slot), Some(to));
}
