//! Sentinels choose another master.

use std::time::Duration;

use redis_fixture::{Sentinels, Version};
use state_map::wire::call::{Call, Reply, Written};
use state_map::wire::message::Message;
use state_map::{Event, Port};

use crate::support::*;

#[tokio::test]
async fn another_master_is_found_and_told_of() {
    for installed in Version::ALL {
        let mut servers = Sentinels::start(installed, 2);
        let port = port(servers.url());
        let key = key("{7}");
        let first = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
        assert_eq!(port.call(first, 2).await, Ok(Reply::Written(Written::Applied(1))), "{installed:?}");
        await_event(&port, A, &Event::Steered).await;

        let old = servers.kill_master();
        let second = Call::Write(write(&key, caller(A, 6), 1, version(0, 2, "y")));
        let (reply, failures) = until_done(&port, &second, 1).await;
        assert!(
            matches!(reply, Reply::Written(Written::Applied(2) | Written::Same(2))),
            "{reply:?} {failures:?}"
        );
        assert_ne!(servers.wait_for_master_other_than(old), old);
        await_event(&port, A, &Event::Forgot).await;

        // Messages come from the new master; one that is sent while the subscription is made anew is lost.
        port.owning(&key, caller(A, 6)).await;
        let wanted = Event::Message(Message::Wanted { key: key.clone(), to: B });
        let told = async {
            loop {
                port.claimed(claim(&key, caller(B, 6))).await;
                let next = tokio::time::timeout(Duration::from_millis(200), port.event(A)).await;
                if next.as_ref() == Ok(&wanted) {
                    break;
                }
            }
        };
        assert!(tokio::time::timeout(redis_fixture::PATIENCE, told).await.is_ok(), "{installed:?}");
    }
}

#[tokio::test]
async fn a_master_that_hangs_is_left() {
    let servers = Sentinels::start(Version::Installed, 1);
    let port = port_within(servers.url(), Duration::from_millis(500), Duration::from_millis(100));
    let key = key("7");
    port.record(&key).await;
    let old = servers.master().unwrap();
    servers.nodes[old].stop();
    let writing = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
    let (reply, failures) = until_done(&port, &writing, 0).await;
    servers.nodes[old].cont();
    assert_eq!(reply, Reply::Written(Written::Applied(1)), "{failures:?}");
    await_event(&port, A, &Event::Forgot).await;
}
