//! Who is online over which socket: the last connection wins, and times are Redis' alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use state_map::Phase;

use super::instance::Instance;
use super::site::{Site, name};
use super::store::{Store, wait_for};

/// Long enough to outlast a scenario.
const LONG_MS: u64 = 60_000;

fn connect(site: &Site, at: usize, socket: &str) {
    let request = json!({"op": "connect", "user": "ann", "socket": socket, "ttl_ms": LONG_MS});
    site.instances[at].ask(&request).ok();
}

fn whereis(site: &Site, at: usize) -> Value {
    site.instances[at].ask(&json!({"op": "whereis", "user": "ann"})).ok()
}

#[test]
fn s15_a_user_who_reconnects_stays_online_when_the_old_socket_is_heard_of_again() {
    let mut site = Site::start(2, || Store::alone(Default::default()));
    for phase in [Phase::Dual, Phase::ReadNew, Phase::Strict, Phase::PrimaryNew, Phase::StopOld] {
        site.steering.go_to(phase);
        connect(&site, 0, "old");
        connect(&site, 1, "new");
        site.instances[0].ask(&json!({"op": "disconnect", "user": "ann", "socket": "old"})).ok();
        assert_eq!(whereis(&site, 1), "new", "{phase}: after the old disconnect");
        site.instances[0].ask(&json!({"op": "heartbeat", "user": "ann", "socket": "old", "ttl_ms": 1})).ok();
        assert_eq!(whereis(&site, 0), "new", "{phase}: after the old heartbeat");
        assert_eq!(whereis(&site, 1), "new", "{phase}");
        site.instances[1].ask(&json!({"op": "disconnect", "user": "ann", "socket": "new"})).ok();
        assert_eq!(whereis(&site, 0), Value::Null, "{phase}: after the disconnect");
    }
}

#[test]
fn s15_a_hung_owner_keeps_nobody_offline() {
    let mut site = Site::in_phase(Phase::Shadow, 2, || Store::alone(Default::default()));
    connect(&site, 0, "old");
    site.instances[0].stop();
    connect(&site, 1, "new");
    assert_eq!(whereis(&site, 1), "new");
    site.instances[0].cont();
    assert_eq!(whereis(&site, 0), "new", "the hung owner does not believe its memory");
    site.instances[0]
        .ask(&json!({"op": "heartbeat", "user": "ann", "socket": "old", "ttl_ms": LONG_MS}))
        .ok();
    assert_eq!((whereis(&site, 0), whereis(&site, 1)), (json!("new"), json!("new")));
    site.steering.go_to(Phase::PrimaryNew);
    assert_eq!(whereis(&site, 0), "new");
}

#[test]
fn s17_clocks_that_are_a_minute_off_shorten_and_prolong_nothing() {
    const LIFE: Duration = Duration::from_millis(2_500);
    // Much less than the clocks are off, and much more than a busy machine takes to look.
    const SLACK: Duration = Duration::from_secs(20);
    let mut site = Site::start(1, || Store::alone(Default::default()));
    let url = site.store.url();
    for skew_ms in [-60_000, 60_000] {
        let at = site.instances.len();
        site.adopt(Instance::start_skewed(&name(at), &url, skew_ms));
    }
    site.wait_until_registered(3);
    for (at, skew_ms) in [(1, -60_000), (2, 60_000)] {
        site.steering
            .wait_for_member(&name(at), |member| (member.report.wall_skew_ms - skew_ms).abs() < 20_000);
    }
    for phase in [Phase::Dual, Phase::Strict, Phase::PrimaryNew] {
        site.steering.go_to(phase);
        for writer in 0..3 {
            let (user, begun) = (format!("{phase}-{writer}"), Instant::now());
            let life_ms = super::instance::millis(LIFE);
            let request = json!({"op": "connect", "user": user, "socket": "s", "ttl_ms": life_ms});
            site.instances[writer].ask(&request).ok();
            let reader = (writer + 1) % 3;
            let asked = json!({"op": "whereis", "user": user});
            let found = site.instances[reader].ask(&asked).ok();
            assert!(found == "s" || begun.elapsed() > LIFE, "{phase}: i{writer}'s user is online: {found}");
            if writer == 0 {
                continue;
            }
            wait_for("the user to go offline", || site.instances[reader].ask(&asked).ok() == Value::Null);
            let lived = begun.elapsed();
            assert!(lived > LIFE - Duration::from_millis(300), "{phase}: i{writer}'s user lived {lived:?}");
            assert!(lived < LIFE + SLACK, "{phase}: i{writer}'s user lived {lived:?}");
        }
    }
}
