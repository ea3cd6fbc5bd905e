//! Commands that reach Redis after their time, or twice.

use history_check::Action;
use scalectl::Exit;
use serde_json::{Value, json};
use state_map::Phase;

use super::calls::{puts, writes};
use super::instance::horizon;
use super::site::Site;
use super::store::{Store, list_key, wait_for};
use crate::support::{Act, Which};

#[test]
fn s05_a_write_of_primary_new_that_comes_after_its_time_changes_nothing() {
    let mut site = Site::in_phase(Phase::PrimaryNew, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    let late = site.proxies[0].gated(Which::next(writes(&list_key("room"))), Act::Late);
    let second = site.append(0, "room");
    let third = site.append(1, "room");
    let answer = late.deliver();
    assert!(["RETRY", "LATE"].contains(&answer[0].as_str()), "{answer:?}");
    assert_eq!(site.get(0, "room"), json!([first, second, third]));
    site.finish("a write came late");
}

#[test]
fn s05_a_write_of_primary_new_that_comes_twice_is_one_write() {
    let mut site = Site::in_phase(Phase::PrimaryNew, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.proxies[0].act(Which::next(writes(&list_key("room"))), Act::Twice);
    let second = site.append(0, "room");
    let again = site.proxies[0].gated(Which::next(writes(&list_key("room"))), Act::Again);
    let third = site.append(0, "room");
    let fourth = site.append(1, "room");
    let answer = again.deliver();
    assert_eq!(answer[0], "RETRY", "{answer:?}");
    assert_eq!(site.get(0, "room"), json!([first, second, third, fourth]));
    site.finish("a write came twice");
}

#[test]
fn s05_an_answer_that_is_lost_makes_no_second_write() {
    let mut site = Site::in_phase(Phase::PrimaryNew, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.proxies[0].act(Which::next(writes(&list_key("room"))), Act::CloseAfter);
    let second = site.append(0, "room");
    assert_eq!(site.get(1, "room"), json!([first, second]));
    site.finish("an answer was lost");
}

#[test]
fn s05_an_owners_write_that_comes_late_or_twice_is_refused_by_its_sequence() {
    for phase in [Phase::Dual, Phase::ReadNew, Phase::Strict] {
        let mut site = Site::in_phase(phase, 2, || Store::alone(Default::default()));
        let first = site.append(0, "room");
        let again = site.proxies[0].gated(Which::next(puts(&list_key("room"))), Act::Again);
        let second = site.append(0, "room");
        let third = site.append(0, "room");
        wait_for("the third write", || site.store.list("room") == Some(vec![first, second, third]));
        let answer = again.deliver();
        assert_eq!(answer[0], "OLDER", "{phase}: {answer:?}");
        assert_eq!(site.store.list("room"), Some(vec![first, second, third]));
        let again = site.proxies[0].gated(Which::next(puts(&list_key("room"))), Act::Again);
        let fourth = site.append(0, "room");
        site.append(1, "room");
        let answer = again.deliver();
        assert_eq!(answer[0], "SUPERSEDED", "{phase}: {answer:?}");
        let list: Vec<u64> = serde_json::from_value(site.get(0, "room")).expect("the room is there");
        assert_eq!(list[..4], [first, second, third, fourth]);
        site.finish("an owner's write came late");
    }
}

#[test]
fn s06_a_backfill_that_was_read_before_a_delete_and_is_sent_after_the_collection() {
    let mut site = Site::start(2, || Store::alone(Default::default()));
    site.append(0, "room");
    site.append(0, "hall");
    site.steering.go_to(Phase::Dual);
    let late = site.proxies[0].gated(Which::next(puts(&list_key("room"))), Act::Late);
    site.steering.advance().expect("the gate to backfill is open");
    late.wait();
    site.perform(0, "room", Action::Delete).ok();
    site.steering.go_to(Phase::StopOld);
    assert_eq!(site.store.list("room"), None);
    assert_eq!(
        site.store.sidecar("room", "del"),
        "1",
        "a tombstone is kept until every call has lived its life"
    );
    let finish = ["finish", "--yes", "--horizon", &horizon(), "--timeout", "30s"];
    site.command(&finish).run().code(Exit::Done);
    assert_eq!(site.steering.phase(), Phase::Done);
    assert_eq!(site.store.sidecar("room", "seq"), "", "the tombstone is collected");
    let answer = late.deliver();
    assert_eq!(answer[0], "LATE", "{answer:?}");
    assert_eq!(site.get(1, "room"), Value::Null);
    site.check("a backfill came after the collection");
}
