//! Sentinels choose another master.

use redis_fixture::{Sentinels, Version};
use state_map::wire::call::{Call, Reply, Written};
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

        // Messages come from the new master.
        await_event(&port, A, &Event::Steered).await;
        port.owning(&key, caller(A, 6)).await;
        port.claimed(claim(&key, caller(B, 6))).await;
        let wanted = state_map::wire::message::Message::Wanted { key, to: B };
        await_event(&port, A, &Event::Message(wanted)).await;
    }
}

#[tokio::test]
async fn a_master_that_hangs_is_left() {
    let servers = Sentinels::start(Version::Installed, 1);
    let port = port_within(
        servers.url(),
        std::time::Duration::from_millis(500),
        std::time::Duration::from_millis(100),
    );
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
