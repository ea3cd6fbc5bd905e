//! Writes that Redis has not heard of yet, and processes that end or hang meanwhile.

use history_check::Action;
use scalectl::Exit;
use serde_json::json;
use state_map::Phase;
use state_map::control::Proof;
use state_map::operator::{EvictionRefused, Stopped};

use super::calls::puts;
use super::instance::Answer;
use super::site::Site;
use super::store::{Store, list_key, wait_for};
use crate::support::{Act, Which};

#[test]
fn s02_a_second_write_lost_on_its_way_in_read_new_and_read_at_once() {
    let mut site = Site::in_phase(Phase::ReadNew, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.wait_until_stored();
    site.proxies[0].act(Which::every(puts(&list_key("room"))), Act::CloseBefore);
    let second = site.append(0, "room");
    assert_eq!(site.store.list("room"), Some(vec![first]), "Redis has not heard of it");
    assert_eq!(site.get(0, "room"), json!([first, second]));
    site.proxies[0].forgive();
    wait_for("the owed write", || site.store.list("room") == Some(vec![first, second]));
    assert_eq!(site.get(1, "room"), json!([first, second]));
    site.finish("a second write was lost");
}

#[test]
fn s02_the_same_when_nothing_comes_through_at_all() {
    let mut site = Site::in_phase(Phase::ReadNew, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.wait_until_stored();
    site.proxies[0].go_dark();
    let second = site.append(0, "room");
    assert_eq!(site.get(0, "room"), json!([first, second]));
    site.proxies[0].light_up();
    wait_for("the owed write", || site.store.list("room") == Some(vec![first, second]));
    site.finish("a partition in read-new");
}

#[test]
fn s03_a_kill_and_a_restart_in_one_epoch_and_then_writes() {
    let mut site = Site::in_phase(Phase::Dual, 2, || Store::alone(Default::default()));
    for phase in [Phase::Dual, Phase::Shadow, Phase::ReadNew, Phase::Strict, Phase::PrimaryNew] {
        site.steering.go_to(phase);
        let before = site.append(0, "room");
        site.wait_until_stored();
        let view = site.steering.survey().expect("Redis answers the operator");
        site.kill(0);
        site.restart(0);
        wait_for("the new process to serve", || site.instances[0].status()["phase"] == phase.name());
        let after = site.append(0, "room");
        let list = site.get(0, "room");
        let list: Vec<u64> = serde_json::from_value(list).expect("the room is there");
        assert!(list.ends_with(&[before, after]), "{phase}: {list:?}");
        let epoch = site.steering.survey().expect("Redis answers the operator").record.stamp.epoch;
        assert_eq!(epoch, view.record.stamp.epoch);
    }
    site.finish("a process was killed and started again in each phase");
}

#[test]
fn s14_an_instance_that_hangs_past_its_lease_with_an_owed_write_is_not_evicted_without_proof() {
    let mut site = Site::in_phase(Phase::Shadow, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.wait_until_stored();
    site.proxies[0].go_dark();
    let second = site.append(0, "room");
    site.instances[0].stop();
    let refused = wait_for_lapse(&mut site, Proof::Lapsed);
    assert!(matches!(refused, EvictionRefused::NoProof { .. }), "{refused}");
    assert!(refused.to_string().contains("evict i0 --stopped"), "{refused}");
    let blockers = site.steering.blockers();
    assert!(blockers.iter().any(|blocker| blocker.instance() == Some("i0")), "{blockers:?}");
    let evict = ["evict", "i0", "--lapsed"];
    site.command(&evict).run().code(Exit::Refused).stderr_has("evict i0 --stopped");
    let answer = site.perform(1, "room", Action::Get);
    assert!(!matches!(answer, Answer::Ok(_)), "only the owner knows the second write: {answer:?}");
    site.instances[0].cont();
    site.proxies[0].light_up();
    wait_for("the owed write", || site.store.list("room") == Some(vec![first, second]));
    assert_eq!(site.get(1, "room"), json!([first, second]));
    site.finish("an instance hung with an owed write");
}

#[test]
fn s14_one_that_was_stopped_and_evicted_loses_only_what_redis_never_had() {
    let mut site = Site::in_phase(Phase::Shadow, 2, || Store::alone(Default::default()));
    let first = site.append(0, "room");
    site.wait_until_stored();
    site.kill(0);
    let early = site.steering.evict("i0", Proof::Stopped).unwrap_err();
    assert!(matches!(early, Stopped::Eviction(EvictionRefused::Alive { .. })), "{early}");
    wait_for("the lease to lapse", || site.steering.evict("i0", Proof::Stopped).is_ok());
    assert_eq!(site.get(1, "room"), json!([first]));
    site.append(1, "room");
    site.finish("an instance was stopped and evicted");
}

/// Asks for an eviction until the lease is over, and tells why it is refused then.
#[track_caller]
fn wait_for_lapse(site: &mut Site, proof: Proof) -> EvictionRefused {
    let mut last = None;
    wait_for("the lease to lapse", || match site.steering.evict("i0", proof) {
        Err(Stopped::Eviction(EvictionRefused::Alive { .. })) => false,
        Err(Stopped::Eviction(refused)) => {
            last = Some(refused);
            true
        }
        other => panic!("expected a refusal, not {other:?}"),
    });
    last.expect("the loop ends with a refusal")
}
