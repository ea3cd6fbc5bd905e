//! What is checked is seen to fail: acknowledged operations are lost on purpose, behind the back of real instances, and
//! the check of their histories tells which.

use history_check::Action;
use serde_json::Value;
use state_map::Phase;

use super::calls::puts;
use super::site::Site;
use super::store::{Store, list_key};
use super::workload::Workload;
use crate::support::{Act, Which};

/// A site that clients have worked at, and one key that they did not use.
fn worked_at(phase: Phase) -> (Site, u64) {
    let site = Site::in_phase(phase, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    let workload = Workload::start(&site, 3, 6, phase as u64);
    workload.go_on(&site, 60);
    workload.stop();
    (site, first)
}

/// What the check says, which must be of the one key.
#[track_caller]
fn told(mut site: Site) -> String {
    site.look();
    let unexplained = site.ledger.unexplained();
    let [told] = unexplained.as_slice() else { panic!("one key was tampered with: {unexplained:#?}") };
    assert!(told.starts_with("room: cannot be explained"), "{told}");
    told.clone()
}

#[test]
fn a_write_that_was_acknowledged_and_never_reached_redis_is_told() {
    let (site, first) = worked_at(Phase::Strict);
    let answer = ["EVAL", "return 'APPLIED'", "0"].map(str::to_owned);
    site.proxies[0].act(Which::every(puts(&list_key("room"))), Act::Instead(answer.to_vec()));
    let lost = site.append(0, "room");
    let told = told(site);
    assert!(told.contains(&format!("the key had [{first}, {lost}]")), "{told}");
    assert!(told.contains(&format!("append {lost}")), "{told}");
}

#[test]
fn a_key_that_comes_back_after_its_deletion_is_told() {
    let (site, _) = worked_at(Phase::PrimaryNew);
    let key = list_key("room");
    let value: String = site.store.ask(&key, &["GET", key.value()]);
    let sidecar: Vec<String> = site.store.ask(&key, &["HGETALL", &key.sidecar()]);
    assert_ne!(site.perform(0, "room", Action::Delete).ok(), Value::Null);
    let sidecar: Vec<&str> = sidecar.iter().map(String::as_str).collect();
    site.store.ask::<()>(&key, &[&["HSET", &key.sidecar()], sidecar.as_slice()].concat());
    site.store.ask::<()>(&key, &["SET", key.value(), &value]);
    let told = told(site);
    assert!(told.contains("the key had absent"), "{told}");
}

#[test]
fn an_append_that_was_done_twice_is_told() {
    let (site, first) = worked_at(Phase::PrimaryNew);
    let second = site.append(0, "room");
    let key = list_key("room");
    let twice = format!("[{first},{second},{second}]");
    site.store.ask::<()>(&key, &["SET", key.value(), &twice]);
    let told = told(site);
    assert!(told.contains(&format!("get saw [{first}, {second}, {second}]")), "{told}");
}
