//! Another server takes over, and has not heard of everything.

use std::thread;
use std::time::Duration;

use history_check::Action;
use serde_json::json;
use state_map::Phase;
use state_map::operator::Stopped;

use super::calls::steers;
use super::instance::Answer;
use super::site::{MOMENT, Site};
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

/// The master of one shard of a Cluster dies under live writes, in each of these phases.
fn a_shard_fails_over(has_control_record: bool) {
    let mut site = Site::start(2, Store::cluster);
    let room = list_key("room-0");
    let control = control_key();
    for phase in [Phase::Dual, Phase::ReadNew, Phase::Strict, Phase::PrimaryNew] {
        site.steering.go_to(phase);
        let workload = Workload::start(&site, 3, 6, phase as u64);
        workload.go_on(&site, 60);
        let key = if has_control_record { &control } else { &room };
        site.forgive_at_death(|store, killed| store.fail_over_shard(key, killed));
        workload.go_on(&site, 60);
        workload.stop();
    }
    site.finish("a shard failed over in each phase");
}

#[test]
fn s10_a_shard_with_keys_fails_over_in_each_phase() {
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
    site.store.lag();
    let advanced = site.steering.advance().unwrap_err();
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
    site.store.lag();
    let undone = site.steering.rollback();
    assert!(matches!(undone, Err(Stopped::NotDurable { .. })), "{undone:?}");
    wait_for("i1 to be in shadow", || site.instances[1].status()["phase"] == "shadow");
    site.append(1, "hall");
    site.fail_over();
    assert_eq!(site.steering.phase(), Phase::ReadNew, "the record has fallen back");
    let answer = late.deliver();
    let (_, slow) = advancing.join().expect("the operator does not panic");
    drop(slow);
    site.append(0, "room");
    // Whatever became of the late change: it counts for nobody who has seen the other one.
    site.steering.go_to(Phase::Strict);
    site.append(1, "room");
    site.append(0, "hall");
    site.finish(&format!("two operators and a fail-over; the late change was answered {answer:?}"));
}

#[test]
fn s20_without_the_replica_nothing_is_acknowledged_and_a_retry_is_the_same_write() {
    for phase in [Phase::Strict, Phase::PrimaryNew] {
        let mut site = Site::in_phase(phase, 2, Store::pair);
        let first = site.append(0, "room");
        let Store::Pair { nodes, master } = &site.store else { panic!("a pair was started") };
        let replica = &nodes[1 - master];
        replica.stop();
        let second = site.ledger.item();
        let answer = site.perform(0, "room", Action::Append(second));
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
