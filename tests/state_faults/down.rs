//! Redis is away for a while: which requests may fail, by phase.

use history_check::Action;
use redis_fixture::Server;
use serde_json::json;
use state_map::Phase;

use super::instance::Answer;
use super::site::Site;
use super::store::{Store, wait_for};

/// What happens to requests while Redis is away.
struct Expected {
    phase: Phase,
    /// Reads and writes of a key that the instance owns.
    owned: bool,
    /// A key that was just made, by `insert_new`.
    made: bool,
}

fn server(site: &mut Site) -> &mut Server {
    let Store::Alone(server) = &mut site.store else { panic!("one server was started") };
    server
}

/// Redis with its data is killed, asked for all kinds of things, and started again.
fn redis_is_away(expected: &Expected) {
    let Expected { phase, owned, made } = *expected;
    let mut site = Site::in_phase(phase, 2, Store::lasting);
    let first = site.append(0, "room");
    site.wait_until_stored();
    server(&mut site).kill9();
    let succeeds = |answer: &Answer| matches!(answer, Answer::Ok(_));
    let item = site.ledger.item();
    for (what, action) in
        [("a read", Action::Get), ("a write", Action::Append(item)), ("a read", Action::Get)]
    {
        let answer = site.perform(0, "room", action);
        assert_eq!(succeeds(&answer), owned, "{phase}: {what} of an owned key: {answer:?}");
    }
    let made_now = site.ledger.item();
    let answer = site.instances[0].ask(&json!({"op": "insert", "key": "made", "item": made_now}));
    assert_eq!(succeeds(&answer), made, "{phase}: a new key: {answer:?}");
    for (what, action) in [("a read", Action::Get), ("a write", Action::Append(site.ledger.item()))] {
        let answer = site.perform(1, "room", action);
        assert!(!succeeds(&answer), "{phase}: {what} of another one's key: {answer:?}");
    }
    assert!(site.steering.survey().is_err(), "the operator cannot act either");
    server(&mut site).restart();
    wait_for("the room to be served", || succeeds(&site.perform(1, "room", Action::Get)));
    let list: Vec<u64> = serde_json::from_value(site.get(1, "room")).expect("the room is there");
    assert_eq!(list.first(), Some(&first));
    assert!(!owned || list == [first, item], "{phase}: {list:?}");
    if made {
        wait_for("the new key to be in Redis", || {
            site.store.list("made") == Some(vec![made_now]) || phase == Phase::Dual
        });
        assert_eq!(site.instances[1].ask(&json!({"op": "get", "key": "made"})).ok(), json!([made_now]));
    }
    site.finish(&format!("Redis was away in {phase}"));
}

#[test]
fn s19_redis_is_away_in_off() {
    let mut site = Site::start(2, Store::lasting);
    site.append(0, "room");
    server(&mut site).kill9();
    site.append(0, "room");
    let list = site.get(0, "room");
    assert_eq!(list.as_array().map(Vec::len), Some(2), "memory is all there is in off: {list}");
    site.append(1, "made");
    server(&mut site).restart();
    site.finish("Redis was away in off");
}

#[test]
fn s19_redis_is_away_in_dual() {
    redis_is_away(&Expected { phase: Phase::Dual, owned: true, made: true });
}

#[test]
fn s19_redis_is_away_in_backfill() {
    redis_is_away(&Expected { phase: Phase::Backfill, owned: true, made: true });
}

#[test]
fn s19_redis_is_away_in_shadow() {
    redis_is_away(&Expected { phase: Phase::Shadow, owned: true, made: true });
}

#[test]
fn s19_redis_is_away_in_read_new() {
    redis_is_away(&Expected { phase: Phase::ReadNew, owned: true, made: false });
}

#[test]
fn s19_redis_is_away_in_strict() {
    redis_is_away(&Expected { phase: Phase::Strict, owned: false, made: false });
}

#[test]
fn s19_redis_is_away_in_primary_new() {
    redis_is_away(&Expected { phase: Phase::PrimaryNew, owned: false, made: false });
}

#[test]
fn s19_redis_is_away_in_stop_old() {
    redis_is_away(&Expected { phase: Phase::StopOld, owned: false, made: false });
}
