//! Keys that move: between instances, between memories that both had them, between masters of a Cluster.

use std::thread;

use history_check::Action;
use scalectl::Exit;
use serde_json::{Value, json};
use state_map::Phase;
use state_map::operator::Blocker;

use super::site::Site;
use super::store::{Store, control_key, list_key, wait_for};
use super::workload::Workload;

#[test]
fn s04_the_load_balancer_moves_a_room_in_each_phase_and_back() {
    let mut site = Site::start(2, || Store::alone(Default::default()));
    site.append(0, "room");
    let elsewhere = site.instances[1].ask(&json!({"op": "get", "key": "room"})).ok();
    assert_eq!(elsewhere, Value::Null, "off: each process has its own memory, as ever");
    for phase in Phase::ALL.into_iter().filter(|phase| (Phase::Dual..=Phase::StopOld).contains(phase)) {
        site.steering.go_to(phase);
        let here = site.append(0, "room");
        let there = site.append(1, "room");
        let list: Vec<u64> = serde_json::from_value(site.get(0, "room")).expect("the room is there");
        assert!(list.ends_with(&[here, there]), "{phase}: {list:?}");
        site.perform(1, "room", Action::Delete).ok();
        assert_eq!(site.get(0, "room"), Value::Null, "{phase}: what was deleted stays so");
        assert_eq!(site.get(1, "room"), Value::Null, "{phase}");
        let anew = site.append(0, "room");
        assert_eq!(site.get(1, "room"), json!([anew]), "{phase}");
    }
    site.finish("a room moved to and fro");
}

#[test]
fn s16_two_copies_of_before_are_a_conflict_that_keeps_the_gate_shut() {
    let mut site = Site::start(2, || Store::alone(Default::default()));
    for (at, item) in [(0, 1), (1, 2)] {
        site.instances[at].ask(&json!({"op": "append", "key": "twice", "item": item})).ok();
    }
    // The merge hook decides about these: the longer list wins.
    for (at, item) in [(0, 1), (1, 2), (1, 3)] {
        site.instances[at].ask(&json!({"op": "append-merged", "key": "merged", "item": item})).ok();
    }
    site.append(0, "once");
    site.steering.go_to(Phase::Dual);
    let blockers = site.steering.blockers();
    assert!(blockers.contains(&Blocker::Conflicts(1)), "{blockers:?}");
    assert_eq!(site.steering.phase(), Phase::Dual);
    let reported: Vec<(String, String)> =
        site.store.ask(&control_key(), &["HGETALL", "{stateMigration}:conflicts"]);
    let [(key, report)] = reported.as_slice() else { panic!("one conflict is reported: {reported:?}") };
    assert_eq!(key, "list:twice");
    let report: Value = serde_json::from_str(report).expect("reports are JSON");
    let mut values = [report["held"].clone(), report["stored"].clone()];
    values.sort_by_key(Value::to_string);
    assert_eq!(values, [json!("[1]"), json!("[2]")], "both values are told: {report}");
    assert_eq!(site.instances[0].ask(&json!({"op": "get-merged", "key": "merged"})).ok(), json!([2, 3]));
    site.command(&["resolve", "list:twice", "--keep", "held"]).run().code(Exit::Done);
    site.steering.go_to(Phase::PrimaryNew);
    let kept: Value =
        serde_json::from_str(report["held"].as_str().unwrap_or_default()).expect("values are JSON");
    for instance in &site.instances {
        assert_eq!(instance.ask(&json!({"op": "get", "key": "twice"})).ok(), kept);
    }
    site.finish("two copies of before");
}

#[test]
fn s18_a_slot_moves_while_scripts_run_on_ids_with_braces() {
    let mut site = Site::start(2, Store::cluster);
    let ids = ["a}b", "{a}b", "{}", "}{", "%7B{"];
    ids.iter().for_each(|id| {
        site.append(0, id);
    });
    for phase in [Phase::Dual, Phase::ReadNew, Phase::Strict, Phase::PrimaryNew] {
        let workload = Workload::start(&site, 3, 6, 18);
        site.steering.go_to(phase);
        for id in ids {
            site.append(0, id);
            thread::scope(|scope| {
                let moving = scope.spawn(|| site.store.move_slot(&list_key(id)));
                while !moving.is_finished() {
                    site.perform(0, id, Action::Append(site.ledger.item()));
                }
            });
            site.append(1, id);
        }
        workload.go_on(&site, 50);
        workload.stop();
    }
    wait_for("every id to be in Redis", || ids.iter().all(|id| site.store.list(id).is_some()));
    site.finish("slots moved while scripts ran");
}
