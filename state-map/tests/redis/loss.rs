//! Servers that hang, end, forget, or refuse.

use std::time::Duration;

use redis_fixture::{Options, Server, Version};
use state_map::wire::call::{Call, Failure, Read, Reply, Written};
use state_map::{Event, Port};

use crate::support::*;

fn read_of(key: &state_map::wire::key::Key) -> Call {
    Call::Read(Read { key: key.clone(), run: RUN })
}

#[tokio::test]
async fn scripts_that_were_flushed_are_loaded_again() {
    on_each_version(async |server, port| {
        let key = key("7");
        assert_eq!(port.written(write(&key, caller(A, 6), 0, version(0, 1, "x"))).await, Written::Applied(1));
        server.ask::<()>(&["SCRIPT", "FLUSH"]);
        assert_eq!(port.written(write(&key, caller(A, 6), 1, version(0, 2, "y"))).await, Written::Applied(2));
        let hasty = hasty_port(server.url());
        let greeted = hasty.call(Call::Barrier, 1).await;
        assert!(greeted.is_err(), "there are no replicas, but the connection for those that wait is made");
        server.ask::<()>(&["SCRIPT", "FLUSH"]);
        let durable = Call::Write(write(&key, caller(A, 6), 2, version(0, 3, "z")));
        let short = hasty.call(durable, 1).await;
        assert_eq!(short, Err(Failure::Unknown("0 of 1 replicas have it".to_owned())), "it was carried out");
        assert_eq!(port.record(&key).await.version.seq, 3);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_leaves_the_outcome_unknown() {
    let server = Server::start();
    let port = port_within(
        server.url(),
        std::time::Duration::from_millis(300),
        std::time::Duration::from_millis(100),
    );
    let key = key("7");
    port.record(&key).await;
    server.stop();
    let writing = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
    assert_eq!(port.call(writing.clone(), 0).await, Err(Failure::Unknown("no answer in time".to_owned())));
    let refused = port.call(writing.clone(), 0).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "no new connection: {refused:?}");
    server.cont();
    let (reply, _) = until_done(&port, &writing, 0).await;
    assert!(matches!(reply, Reply::Written(Written::Applied(1) | Written::Same(1))), "{reply:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_refuses_and_one_that_restarted_has_forgotten() {
    for append_only in [false, true] {
        let mut server = Server::start_with(Options { append_only, ..Options::of(Version::Installed) });
        let port = port(server.url());
        let key = key("7");
        // A barrier is held against whoever hears events.
        let heard = tokio::time::timeout(Duration::from_millis(1), port.event(A)).await;
        assert_ne!(heard, Ok(Event::Forgot));
        port.owning(&key, caller(A, 3)).await;
        server.kill9();
        let failures = until_refused(&port, &read_of(&key)).await;
        assert!(failures < 3, "{failures} calls before the loss was noticed");
        server.restart();
        let (reply, _) = until_done(&port, &read_of(&key), 0).await;
        let Reply::Record(record, _) = reply else { panic!() };
        assert_eq!(record.generation, u64::from(append_only));
        assert!(
            matches!(port.call(Call::Barrier, 0).await, Err(Failure::Refused(_))),
            "not before it is known"
        );
        await_event(&port, A, &Event::Forgot).await;
        assert_eq!(port.call(Call::Barrier, 0).await, Ok(Reply::Done));
    }
}

/// How many calls have an unknown outcome before one is refused.
async fn until_refused(port: &state_map::redis::RedisPort, call: &Call) -> usize {
    for calls in 0..100 {
        match port.call(call.clone(), 0).await {
            Err(Failure::Refused(_)) => return calls,
            other => assert!(matches!(other, Err(Failure::Unknown(_))), "{other:?}"),
        }
    }
    panic!("never refused")
}

#[tokio::test]
async fn what_servers_refuse_before_they_run_it_was_not_carried_out() {
    on_each_version(async |server, port| {
        let key = key("7");
        let writing = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
        let refusals: [(&[&str], &[&str], &str); 2] = [
            (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"], "OOM"),
            (
                &["CONFIG", "SET", "min-replicas-to-write", "1"],
                &["CONFIG", "SET", "min-replicas-to-write", "0"],
                "NOREPLICAS",
            ),
        ];
        port.record(&key).await;
        for (set, unset, code) in refusals {
            server.ask::<()>(set);
            let refused = port.call(writing.clone(), 0).await;
            assert!(matches!(&refused, Err(Failure::Refused(why)) if why.starts_with(code)), "{refused:?}");
            server.ask::<()>(unset);
        }
        assert!(!port.record(&key).await.is_written());
    })
    .await;
}

#[tokio::test]
async fn a_replica_and_a_wrong_password_are_refused() {
    let servers = redis_fixture::Replicated::start(Version::Installed, 1);
    let refused = port(servers.replicas[0].url()).call(read_of(&key("7")), 0).await;
    assert_eq!(refused, Err(Failure::Refused("the server is a replica: writes go to its master".to_owned())));
    let options = Options { password: Some("hunter2".to_owned()), ..Options::default() };
    let server = Server::start_with(options.arg(["--requirepass", "hunter2"]));
    assert!(port(server.url()).call(read_of(&key("7")), 0).await.is_ok());
    for login in ["", ":hunter3@"] {
        let refused = port(format!("redis://{login}{}", server.address())).call(read_of(&key("7")), 0).await;
        let Err(Failure::Refused(why)) = refused else { panic!("{refused:?}") };
        assert!(!why.contains("hunter"), "{why}");
    }
}

#[tokio::test]
async fn a_value_that_is_no_string_leaves_the_record_alone() {
    on_each_version(async |server, port| {
        let key = key("7");
        server.ask::<()>(&["SET", &key.sidecar(), "of somebody else"]);
        let outcome = port.call(Call::Claim(claim(&key, caller(A, 3))), 0).await;
        assert!(
            matches!(&outcome, Err(Failure::Unknown(why)) if why.starts_with("WRONGTYPE")),
            "{outcome:?}"
        );
        assert_eq!(server.ask::<String>(&["GET", &key.sidecar()]), "of somebody else");
    })
    .await;
}

#[tokio::test]
async fn a_demoted_master_is_not_written_to() {
    let other = Server::start();
    on_each_version(async |server, port| {
        let key = key("7");
        port.record(&key).await;
        server.ask::<()>(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
        let writing = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
        let outcome = port.call(writing.clone(), 0).await;
        assert!(matches!(outcome, Err(Failure::Refused(_) | Failure::Unknown(_))), "{outcome:?}");
        server.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
        let (reply, failures) = until_done(port, &writing, 0).await;
        assert_eq!(reply, Reply::Written(Written::Applied(1)), "{failures:?}");
        await_event(port, A, &Event::Forgot).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_without_tls_is_refused_to_those_who_want_it() {
    let server = Server::start();
    let url = server.url().replace("redis://", "rediss://");
    let refused = port(url).call(read_of(&key("7")), 0).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
}
