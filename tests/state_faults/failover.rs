//! Another server takes over, and has not heard of everything.

use std::thread;
use std::time::Duration;

use history_check::Action;
use serde_json::json;
use state_map::Phase;
use state_map::operator::{Blocker, Stopped};
use state_map::wire::key::Key;

use super::calls::{puts, steers, writes};
use super::instance::Answer;
use super::site::{MOMENT, Site};
use super::steering::Steering;
use super::store::{Store, control_key, list_key, wait_for};
use super::workload::Workload;
use crate::support::{Act, RedisProxy, Which};

/// The replica hears nothing for a while under live writes, then it is the master.
fn a_lagging_replica_takes_over(phase: Phase) {
    let mut site = Site::in_phase(phase, 2, Store::pair);
    let before = site.append(0, "room");
    let workload = Workload::start(&site, 4, 6, phase as u64);
    workload.go_on(&site, 100);
    site.store.lag();
    let item = site.ledger.item();
    let answer = site.perform(0, "room", Action::Append(item));
    let is_acknowledged = matches!(answer, Answer::Ok(_));
    assert_eq!(is_acknowledged, phase < Phase::Strict, "{phase}: without the replica: {answer:?}");
    thread::sleep(MOMENT);
    site.fail_over();
    wait_for("the room to be served", || matches!(site.perform(1, "room", Action::Get), Answer::Ok(_)));
    workload.go_on(&site, 100);
    workload.stop();
    let list: Vec<u64> = serde_json::from_value(site.get(0, "room")).expect("the room is there");
    assert_eq!(list.first(), Some(&before));
    assert!(!is_acknowledged || list.contains(&item), "{phase}: {list:?}");
    site.finish(&format!("a lagging replica took over in {phase}"));
}

#[test]
fn s10_a_lagging_replica_takes_over_in_dual() {
    a_lagging_replica_takes_over(Phase::Dual);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_backfill() {
    a_lagging_replica_takes_over(Phase::Backfill);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_shadow() {
    a_lagging_replica_takes_over(Phase::Shadow);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_read_new() {
    a_lagging_replica_takes_over(Phase::ReadNew);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_strict() {
    a_lagging_replica_takes_over(Phase::Strict);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_primary_new() {
    a_lagging_replica_takes_over(Phase::PrimaryNew);
}

#[test]
fn s10_a_lagging_replica_takes_over_in_stop_old() {
    a_lagging_replica_takes_over(Phase::StopOld);
}

/// In each phase the replica of one shard of a Cluster hears nothing for a while under live writes, then it is master.
/// The other shards go on.
fn a_shard_fails_over(has_control_record: bool) {
    let mut site = Site::start(2, Store::cluster);
    let is_meant = |id: &String| site.store.is_together(&list_key(id), &control_key()) == has_control_record;
    let room = (0..100).map(|number| format!("hall-{number}")).find(is_meant).expect("every shard has keys");
    for phase in Phase::ALL.into_iter().filter(|phase| (Phase::Dual..=Phase::StopOld).contains(phase)) {
        site.steering.go_to(phase);
        let workload = Workload::start(&site, 3, 6, phase as u64);
        let before = site.append(0, &room);
        workload.go_on(&site, 40);
        site.store.lag_shard(&list_key(&room));
        let item = site.ledger.item();
        let answer = site.perform(0, &room, Action::Append(item));
        let is_acknowledged = matches!(answer, Answer::Ok(_));
        assert_eq!(is_acknowledged, phase < Phase::Strict, "{phase}: without the replica: {answer:?}");
        site.forgive_at_death(|store, killed| store.fail_over_shard(&list_key(&room), killed));
        for at in [0, 1] {
            let is_served = || matches!(site.perform(at, &room, Action::Get), Answer::Ok(_));
            wait_for("the room to be served", is_served);
        }
        workload.go_on(&site, 40);
        workload.stop();
        let list: Vec<u64> = serde_json::from_value(site.get(0, &room)).expect("the room is there");
        assert!(list.contains(&before), "{phase}: {list:?}");
        assert!(!is_acknowledged || list.contains(&item), "{phase}: {list:?}");
    }
    site.finish("a shard failed over in each phase");
}

#[test]
fn s10_a_shard_without_the_control_record_fails_over_in_each_phase() {
    a_shard_fails_over(false);
}

#[test]
fn s10_the_shard_of_the_control_record_fails_over_in_each_phase() {
    a_shard_fails_over(true);
}

#[test]
fn s11_a_fail_over_takes_back_an_advance_that_one_of_four_has_seen() {
    let mut site = Site::in_phase(Phase::Shadow, 4, Store::pair);
    (0..4).for_each(|at| {
        site.append(at, &format!("room-{at}"));
    });
    site.wait_for_compares();
    site.proxies[1..4].iter().for_each(RedisProxy::go_dark);
    let advanced = site.step_unheard(Steering::advance).unwrap_err();
    assert!(matches!(advanced, Stopped::NotDurable { .. }), "{advanced}");
    wait_for("i0 to be in read-new", || site.instances[0].status()["phase"] == "read-new");
    let epoch = site.steering.highest_epoch();
    site.append(0, "room-0");
    site.fail_over();
    site.proxies.iter().for_each(RedisProxy::light_up);
    assert_eq!(site.steering.phase(), Phase::Shadow, "the record has fallen back");
    site.steering.go_to(Phase::Shadow);
    let view = site.steering.survey().expect("Redis answers the operator");
    assert!(view.record.stamp.epoch > epoch, "the recorded phase was asserted anew, above what i0 knew");
    for phase in [Phase::Shadow, Phase::ReadNew, Phase::Strict, Phase::ReadNew, Phase::Shadow] {
        site.steering.go_to(phase);
        (0..4).for_each(|at| {
            site.append(at, "room-0");
        });
    }
    site.finish("a fail-over took an advance back");
}

#[test]
fn s12_two_operators_with_a_fail_over_between_check_and_change() {
    let mut site = Site::in_phase(Phase::ReadNew, 2, Store::pair);
    site.append(0, "room");
    site.append(1, "hall");
    let mut slow = site.another_operator();
    slow.go_to(Phase::ReadNew);
    let door = site.proxies.last().expect("the other operator has a proxy");
    let late = door.gated(Which::next(steers()), Act::Late);
    let advancing = thread::spawn(move || (slow.advance(), slow));
    late.wait();
    let undone = site.step_unheard(Steering::rollback);
    assert!(matches!(undone, Err(Stopped::NotDurable { .. })), "{undone:?}");
    wait_for("i1 to be in shadow", || site.instances[1].status()["phase"] == "shadow");
    site.append(1, "hall");
    site.fail_over();
    assert_eq!(site.steering.phase(), Phase::ReadNew, "the record has fallen back");
    let answer = late.deliver();
    assert_eq!(answer[0], "DONE", "the record is again the one that was checked: {answer:?}");
    drop(advancing.join().expect("the operator does not panic"));
    site.append(0, "room");
    // Both changes have the same epoch: whoever has seen the other one has not acknowledged this one.
    let is_ahead =
        |blocker: &Blocker| matches!(blocker, Blocker::FellBack { .. }) && blocker.instance() == Some("i1");
    wait_for("i1 to hold the gate shut", || site.steering.blockers().iter().any(is_ahead));
    assert_eq!(site.steering.phase(), Phase::Strict);
    site.append(1, "hall");
    site.steering.go_to(Phase::Strict);
    site.append(1, "room");
    site.append(0, "hall");
    site.finish("two operators and a fail-over between the check of one and its change");
}

/// How a key is written in this phase.
fn writes_in(phase: Phase, key: &Key) -> Box<dyn Fn(&[String]) -> bool + Send> {
    if phase == Phase::Strict { Box::new(puts(key)) } else { Box::new(writes(key)) }
}

#[test]
fn s20_without_the_replica_nothing_is_acknowledged_and_a_retry_is_the_same_write() {
    for phase in [Phase::Strict, Phase::PrimaryNew] {
        let mut site = Site::in_phase(phase, 2, Store::pair);
        let first = site.append(0, "room");
        let Store::Pair { nodes, master } = &site.store else { panic!("a pair was started") };
        let replica = &nodes[1 - master];
        replica.stop();
        let again = site.proxies[0].gated(Which::next(writes_in(phase, &list_key("room"))), Act::Again);
        let second = site.ledger.item();
        let writing = site.begin(0, "room", Action::Append(second));
        wait_for("the master alone to have it", || site.store.list("room") == Some(vec![first, second]));
        let answer = again.deliver();
        assert_eq!(answer[0], "SAME", "{phase}: {answer:?}");
        let answer = site.end(writing);
        assert!(matches!(answer, Answer::Unknown(_)), "{phase}: {answer:?}");
        let third = site.ledger.item();
        let waiting = site.begin(0, "room", Action::Append(third));
        thread::sleep(Duration::from_millis(800));
        let Store::Pair { nodes, master } = &site.store else { panic!("a pair was started") };
        nodes[1 - master].cont();
        let answer = site.end(waiting);
        wait_for("the room to be served", || matches!(site.perform(1, "room", Action::Get), Answer::Ok(_)));
        let list = site.get(0, "room");
        let expected = json!([first, second, third]);
        assert!(list == expected || list == json!([first, second]), "{phase}: {list}, after {answer:?}");
        if matches!(answer, Answer::Ok(_)) {
            assert_eq!(list, expected, "{phase}");
        }
        site.finish("the replica was silent for a while");
    }
}
