//! The way back, and the second way there.

use std::time::Duration;

use history_check::Action;
use scalectl::Exit;
use serde_json::{Value, json};
use state_map::Phase;

use super::instance::horizon;
use super::site::Site;
use super::store::{Store, wait_for};

#[test]
fn s08_writes_of_primary_new_are_seen_by_everybody_after_two_steps_back() {
    let mut site = Site::in_phase(Phase::Strict, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.steering.go_to(Phase::PrimaryNew);
    let second = site.append(1, "room");
    site.perform(1, "hall", Action::Set(vec![site.ledger.item()])).ok();
    site.perform(1, "hall", Action::Delete).ok();
    site.steering.go_to(Phase::ReadNew);
    assert_eq!(site.get(0, "room"), json!([first, second]));
    let third = site.append(0, "room");
    assert_eq!(site.get(1, "room"), json!([first, second, third]));
    assert_eq!(site.get(0, "hall"), Value::Null);
    site.finish("primary-new was left for read-new");
}

#[test]
fn s08_an_instance_that_slept_through_primary_new_changes_what_was_written_there() {
    let mut site = Site::in_phase(Phase::Strict, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.instances[0].stop();
    site.steering.advance().expect("everybody has acknowledged strict");
    wait_for("i1 to be in primary-new", || site.instances[1].status()["phase"] == "primary-new");
    let second = site.append(1, "room");
    site.steering.rollback().expect("a step can be undone");
    site.instances[0].cont();
    site.steering.go_to(Phase::ReadNew);
    let third = site.append(0, "room");
    assert_eq!(site.get(1, "room"), json!([first, second, third]));
    site.finish("an instance slept through primary-new");
}

#[test]
fn s09_off_dual_off_with_changes_and_the_whole_way_again() {
    let mut site = Site::start(2, || Store::alone(Default::default()));
    for (at, key) in [(0, "changed"), (0, "deleted"), (1, "kept")] {
        site.append(at, key);
    }
    site.steering.go_to(Phase::Backfill);
    site.append(0, "changed");
    site.wait_until_stored();
    site.steering.go_to(Phase::Off);
    let newest = site.append(0, "changed");
    site.perform(0, "deleted", Action::Delete).ok();
    site.append(1, "made");
    assert!(site.store.list("deleted").is_some(), "nobody tells Redis in off");
    let told = "3 keys that the run before had left in Redis were deleted";
    site.command(&["start"]).run().code(Exit::Done).stderr_has(told);
    site.steering.go_to(Phase::PrimaryNew);
    let list: Vec<u64> = serde_json::from_value(site.get(1, "changed")).expect("the list is there");
    assert_eq!(list.last(), Some(&newest));
    assert_eq!(site.get(1, "deleted"), Value::Null);
    assert_eq!(site.store.list("deleted"), None, "neither do those see it who read Redis themselves");
    site.finish("a second run followed a first that was given up");
    let finish = ["finish", "--yes", "--horizon", &horizon(), "--timeout", "30s"];
    site.command(&finish).timeout(Duration::from_secs(60)).run().code(Exit::Done);
    assert_eq!(site.store.list("deleted"), None);
    site.check("a second run came to its end");
}
