//! Requests that are under way while the phase changes, and instances that come in the midst of it.

use std::thread;
use std::time::Duration;

use history_check::Action;
use state_map::Phase;
use state_map::operator::Blocker;

use super::calls::{beats, puts};
use super::instance::{Answer, Instance};
use super::site::{MOMENT, Site};
use super::store::{Store, list_key, wait_for};
use super::workload::Workload;
use crate::support::{Act, RedisProxy, Which};

/// Time in which three phases pass easily.
const THREE_PHASES: Duration = Duration::from_secs(2);

fn a_stopped_request_holds_the_gate(begin: Phase) {
    let mut site = Site::in_phase(begin, 2, || Store::alone(Default::default()));
    let before = site.append(0, "room");
    if begin == Phase::Shadow {
        site.wait_for_compares();
    }
    let stopped = site.stop_in_append(0, "room");
    let next = begin.next().expect("a phase follows");
    let target = next.next().and_then(Phase::next).expect("three phases follow");
    wait_for("the first step", || site.steering.advance().is_ok());
    let obstacle = site.steering.try_to_go_to(target, THREE_PHASES).unwrap_err();
    assert!(obstacle.contains("i0 has not acknowledged"), "{obstacle}");
    assert_eq!(site.steering.phase(), next, "one step is taken, and no second");
    site.append(1, "hall");
    let found = site.let_go(stopped).ok();
    assert_eq!(found, serde_json::json!([before]));
    site.steering.go_to(target);
    assert_eq!(site.get(0, "room").as_array().map(Vec::len), Some(2));
    site.finish("a request was stopped between phase and memory");
}

#[test]
fn s01_a_request_stopped_between_phase_and_memory_while_three_phases_pass() {
    a_stopped_request_holds_the_gate(Phase::Off);
}

#[test]
fn s01_a_request_stopped_in_shadow_does_not_reach_strict() {
    a_stopped_request_holds_the_gate(Phase::Shadow);
}

#[test]
fn s01_a_request_stopped_in_read_new_does_not_reach_stop_old() {
    a_stopped_request_holds_the_gate(Phase::ReadNew);
}

#[test]
fn s07_an_advance_during_a_write_that_is_on_its_way() {
    let mut site = Site::in_phase(Phase::ReadNew, 2, || Store::alone(Default::default()));
    site.append(0, "room");
    let held = site.proxies[0].gated(Which::every(puts(&list_key("room"))), Act::Hold);
    let item = site.ledger.item();
    let writing = site.begin(0, "room", Action::Append(item));
    held.wait();
    site.steering.advance().expect("the gate to strict is open");
    thread::sleep(MOMENT);
    let view = site.steering.survey().expect("Redis answers the operator");
    assert_ne!(view.members["i0"].ack, view.record.stamp, "i0 has a write on its way");
    let blockers = site.steering.blockers();
    let waits = |blocker: &Blocker| blocker.instance() == Some("i0");
    assert!(blockers.iter().any(waits), "{blockers:?}");
    held.release();
    site.end(writing).ok();
    site.steering.go_to(Phase::PrimaryNew);
    let found = site.get(1, "room");
    assert_eq!(found.as_array().and_then(|list| list.last()), Some(&item.into()));
    site.finish("an advance met a write on its way");
}

#[test]
fn s13_an_instance_that_has_read_the_record_and_is_not_registered_serves_nothing() {
    let mut site = Site::in_phase(Phase::Dual, 1, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    let door = RedisProxy::before(site.store.port().expect("the store has one address"));
    let held = door.gated(Which::every(beats()), Act::Hold);
    site.adopt(Instance::start("i1", &door.url()));
    held.wait();
    site.steering.go_to(Phase::Shadow);
    let answer = site.perform(1, "room", Action::Get);
    assert!(!matches!(answer, Answer::Ok(_)), "nobody has counted it: {answer:?}");
    assert_eq!(site.instances[1].status()["registered"], false);
    door.forgive();
    held.release();
    wait_for("the new instance to serve", || site.instances[1].status()["phase"] == Phase::Shadow.name());
    let second = site.append(1, "room");
    assert_eq!(site.get(0, "room"), serde_json::json!([first, second]));
    site.wait_until_registered(2);
    site.finish("an instance was slow to register");
}

#[test]
fn s13_instances_that_start_while_gates_are_evaluated() {
    let mut site = Site::start(1, || Store::alone(Default::default()));
    let workload = Workload::start(&site, 3, 6, 13);
    workload.go_on(&site, 50);
    for phase in [Phase::Dual, Phase::Shadow, Phase::Strict, Phase::PrimaryNew] {
        let url = site.store.url();
        let at = site.instances.len();
        let starting = thread::spawn(move || super::instance::Instance::start(&super::site::name(at), &url));
        site.steering.go_to(phase);
        site.adopt(starting.join().expect("the instance starts"));
        (0..3).for_each(|key| workload.router.move_to(key, at));
        wait_for("the new instance to serve", || site.instances[at].status()["phase"] == phase.name());
        workload.go_on(&site, 50);
    }
    workload.stop();
    site.finish("instances started while gates were evaluated");
}
