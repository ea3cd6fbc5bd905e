use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::control::{ControlRecord, Counts, Evicted, Id, Member, Proof, Report, Stamp};
use crate::phase::Phase;
use crate::plant::{Bug, with};
use crate::port::{Event, Port};
use crate::wire::PROTOCOL;
use crate::wire::call::{Call, Failure, Reply, Steered, Surveyed};

const NOW_MS: u64 = 1_000_000;
const LEASE_MS: u64 = 10_000;

fn stamp(epoch: u64) -> Stamp {
    Stamp { epoch, nonce: Id(u128::from(epoch) + 100) }
}

fn member(ack: Stamp, serving: Phase) -> Member {
    Member {
        incarnation: Id(7),
        run: Id(1),
        ack,
        replid: "here".into(),
        seen_ms: NOW_MS - 1_000,
        lease_until_ms: NOW_MS - 1_000 + LEASE_MS,
        report: Report { serving, protocol: PROTOCOL, ..Report::default() },
    }
}

/// Two instances, `a` and `b`, which have acknowledged the phase.
fn in_phase(phase: Phase) -> Surveyed {
    let ack = if phase == Phase::Off { Stamp::default() } else { stamp(5) };
    let prev = phase.back();
    let record = ControlRecord { run: Id(1), stamp: ack, phase, prev, replid: "here".into(), replicas: 0 };
    let mut view = Surveyed { record, replid: "here".into(), now_ms: NOW_MS, ..Surveyed::default() };
    for name in ["a", "b"] {
        let mut member = member(ack, phase);
        member.report.clean_rounds = 3;
        view.members.insert(name.into(), member);
    }
    view
}

fn of<'v>(view: &'v mut Surveyed, name: &str) -> &'v mut Member {
    view.members.get_mut(name).unwrap()
}

fn known() -> Known {
    let verification =
        Verification { outcome: Outcome::Pass, stamp: stamp(5), at_ms: NOW_MS, summary: String::new() };
    Known {
        verification: Some(verification),
        collected: Some(stamp(5)),
        clean_rounds: 3,
        lease_ms: LEASE_MS,
        ..Known::default()
    }
}

/// The blockers as people read them.
fn said(view: &Surveyed, step: Step, known: &Known) -> Vec<String> {
    gate(view, step, known).iter().map(ToString::to_string).collect()
}

fn silence(member: &mut Member) {
    member.seen_ms = NOW_MS - 42_000;
    member.lease_until_ms = NOW_MS - 32_000;
}

#[test]
fn every_step_is_open_when_all_is_well() {
    let start = Step::Start { replicas: 0 };
    assert_eq!(gate(&in_phase(Phase::Off), start, &known()), []);
    for phase in &Phase::ALL[1..8] {
        assert_eq!(gate(&in_phase(*phase), Step::Forward, &known()), [], "from {phase}");
    }
    for phase in &Phase::ALL[1..7] {
        assert_eq!(gate(&in_phase(*phase), Step::Back, &known()), [], "back from {phase}");
    }
}

#[test]
fn steps_that_do_not_exist_are_refused_with_the_step_that_does() {
    for (phase, step, expected) in [
        (Phase::Shadow, Step::Start { replicas: 0 }, Blocker::Running(Phase::Shadow)),
        (Phase::Off, Step::Forward, Blocker::NoRun),
        (Phase::Off, Step::Back, Blocker::NoRun),
        (Phase::Done, Step::Forward, Blocker::Finished),
        (Phase::StopOld, Step::Back, Blocker::NoWayBack(Phase::StopOld)),
        (Phase::Done, Step::Back, Blocker::NoWayBack(Phase::Done)),
    ] {
        assert_eq!(gate(&in_phase(phase), step, &known()), [expected]);
    }
}

#[test]
fn who_has_not_acknowledged_is_named_with_what_it_waits_for() {
    let mut view = in_phase(Phase::Dual);
    let b = of(&mut view, "b");
    (b.ack, b.report.serving) = (stamp(4), Phase::Off);
    b.report.waiting_for = "3 keys to be claimed".into();
    let expected = "b has not acknowledged dual; it serves off and waits for 3 keys to be claimed";
    assert_eq!(said(&view, Step::Forward, &known()), [expected]);
    silence(of(&mut view, "b"));
    let expected = format!(
        "{expected}; it has been silent for 42 s: wait for it, or stop its process and run `scalectl migrate state \
         evict b --stopped`, or undo with `scalectl migrate state rollback`"
    );
    assert_eq!(said(&view, Step::Forward, &known()), [expected]);
    assert_eq!(gate(&view, Step::Back, &known()), [], "the last step may be undone at any time");
}

#[test]
fn an_acknowledgement_of_the_same_epoch_but_another_change_does_not_count() {
    let mut view = in_phase(Phase::Backfill);
    of(&mut view, "a").ack = Stamp { epoch: 5, nonce: Id(1) };
    let found = gate(&view, Step::Forward, &known());
    assert_eq!(found.iter().map(Blocker::kind).collect::<Vec<_>>(), ["fell-back", "unacknowledged"]);
}

#[test]
fn what_instances_count_shuts_the_gates_of_the_phases_that_it_matters_for() {
    let mut view = in_phase(Phase::Dual);
    let b = of(&mut view, "b");
    b.report.counts = Counts { unclaimed: 2, owed: 9, ..Counts::default() };
    assert_eq!(said(&view, Step::Forward, &known()), ["b has 2 keys to claim: wait"]);
    for phase in [Phase::Backfill, Phase::ReadNew] {
        let mut view = in_phase(phase);
        of(&mut view, "b").report.counts.owed = 1;
        assert_eq!(said(&view, Step::Forward, &known()), ["b has 1 key to write to Redis: wait"]);
        of(&mut view, "b").report.counts = Counts { dirty: 64, ..Counts::default() };
        assert_eq!(gate(&view, Step::Forward, &known()), [], "writes of requests that go on");
        of(&mut view, "b").report.counts.dirty = 65;
        assert_eq!(said(&view, Step::Forward, &known()), ["b has 65 keys to write to Redis: wait"]);
    }
    for phase in [Phase::Dual, Phase::Backfill, Phase::Shadow, Phase::ReadNew] {
        let mut view = in_phase(phase);
        view.conflicts = 2;
        assert_eq!(gate(&view, Step::Forward, &known()), [Blocker::Conflicts(2)]);
        view.conflicts = 0;
        silence(of(&mut view, "a"));
        assert_eq!(
            gate(&view, Step::Forward, &known()),
            [Blocker::Silent { name: "a".into(), silent_ms: 42_000 }]
        );
    }
}

#[test]
fn silence_after_the_acknowledgement_does_not_matter_once_redis_acknowledges_writes() {
    let mut view = in_phase(Phase::Strict);
    silence(of(&mut view, "a"));
    assert_eq!(gate(&view, Step::Forward, &known()), []);
}

#[test]
fn read_new_needs_clean_rounds_and_a_clean_verification_of_this_very_phase() {
    let mut view = in_phase(Phase::Shadow);
    of(&mut view, "a").report.clean_rounds = 2;
    let fails = |outcome, stamp| Known {
        verification: Some(Verification { outcome, stamp, at_ms: 0, summary: String::new() }),
        ..known()
    };
    let expected = "a has compared 2 of 3 rounds without a difference: wait, and see `scalectl migrate state status` if \
                    it stays so";
    assert_eq!(said(&view, Step::Forward, &known()), [expected]);
    for phase in [Phase::Shadow, Phase::ReadNew] {
        let view = in_phase(phase);
        let found = |known: &Known| gate(&view, Step::Forward, known);
        assert_eq!(found(&fails(Outcome::Pass, stamp(4))), [Blocker::Unverified(None)]);
        assert_eq!(found(&fails(Outcome::Fail, stamp(5))), [Blocker::Unverified(Some(Outcome::Fail))]);
        let unsure = Some(Outcome::Inconclusive);
        assert_eq!(found(&fails(Outcome::Inconclusive, stamp(5))), [Blocker::Unverified(unsure)]);
    }
}

#[test]
fn strict_needs_the_replicas_that_writes_wait_for() {
    for phase in [Phase::ReadNew, Phase::Strict, Phase::PrimaryNew] {
        let mut view = in_phase(phase);
        view.record.replicas = 2;
        let known = Known { replicas: 1, ..known() };
        let expected = "each write has to reach 2 replicas, and 1 are connected: connect them first";
        assert_eq!(said(&view, Step::Forward, &known), [expected]);
        assert_eq!(gate(&view, Step::Forward, &Known { replicas: 2, ..known }), []);
    }
    let start = Step::Start { replicas: 1 };
    assert_eq!(gate(&in_phase(Phase::Off), start, &known()), [Blocker::Replicas { connected: 0, wanted: 1 }]);
}

#[test]
fn a_run_needs_instances_that_speak_the_protocol() {
    let mut view = in_phase(Phase::Off);
    of(&mut view, "b").report.protocol = 0;
    let start = Step::Start { replicas: 0 };
    let speaks = Blocker::Protocol { name: "b".into(), speaks: 0 };
    assert_eq!(gate(&view, start, &known()), [speaks]);
    view.members = BTreeMap::new();
    assert_eq!(gate(&view, start, &known()), [Blocker::NoInstances]);
}

#[test]
fn only_the_last_step_is_undone_without_acknowledgements() {
    let mut view = in_phase(Phase::Strict);
    of(&mut view, "b").ack = stamp(4);
    assert_eq!(gate(&view, Step::Back, &known()), []);
    view.record.prev = None;
    let kinds =
        |view: &Surveyed| gate(view, Step::Back, &known()).iter().map(Blocker::kind).collect::<Vec<_>>();
    assert_eq!(kinds(&view), ["unacknowledged"]);
    with(Bug::UndoTwice, || assert_eq!(kinds(&view), [""; 0]));
}

#[test]
fn back_to_memory_needs_every_dropped_instance_proven_stopped() {
    let mut view = in_phase(Phase::Strict);
    for (id, proof) in [(8, Proof::Stopped), (9, Proof::Succeeded)] {
        view.dead.insert(Id(id), Evicted { name: "c".into(), proof, at_ms: 0 });
    }
    assert_eq!(gate(&view, Step::Back, &known()), []);
    view.dead.insert(Id(10), Evicted { name: "d".into(), proof: Proof::Lapsed, at_ms: 0 });
    assert_eq!(gate(&view, Step::Back, &known()), [Blocker::MayRun { name: "d".into() }]);
    view.record.phase = Phase::PrimaryNew;
    view.record.prev = Some(Phase::Strict);
    assert_eq!(gate(&view, Step::Back, &known()), [], "strict does not acknowledge from memory either");
}

/// Another server has taken over since the record was written.
fn failed_over(phase: Phase) -> Surveyed {
    let mut view = in_phase(phase);
    view.replid = "there".into();
    view
}

/// An acknowledgement that another server was told says nothing about the record of this one.
pub fn old_acknowledgements_are_void() -> bool {
    let noticed = Noticed { replid: "there".into(), at_ms: NOW_MS - LEASE_MS };
    let known = Known { noticed: Some(noticed), ..known() };
    !gate(&failed_over(Phase::Strict), Step::Forward, &known).is_empty()
}

#[test]
fn after_a_failover_the_gates_stay_shut_for_a_lease_and_old_acknowledgements_are_void() {
    let mut view = failed_over(Phase::Strict);
    let kinds = |view: &Surveyed, step, known: &Known| {
        gate(view, step, known).iter().map(Blocker::kind).collect::<Vec<_>>()
    };
    let noticed = |at_ms| Known { noticed: Some(Noticed { replid: "there".into(), at_ms }), ..known() };
    for step in [Step::Forward, Step::Back] {
        assert_eq!(kinds(&view, step, &known()), ["failover", "old-history", "old-history"]);
        assert_eq!(kinds(&view, step, &noticed(NOW_MS - LEASE_MS)), ["old-history", "old-history"]);
    }
    assert!(old_acknowledgements_are_void());
    let waits = gate(&view, Step::Reassert, &noticed(NOW_MS - 4_000));
    assert_eq!(waits, [Blocker::Failover { wait_ms: 6_000 }]);
    for name in ["a", "b"] {
        of(&mut view, name).replid = "there".into();
    }
    assert_eq!(kinds(&view, Step::Forward, &noticed(NOW_MS - LEASE_MS)), [""; 0]);
}

#[test]
fn a_record_that_fell_back_is_asserted_anew_before_anything_else() {
    let mut view = in_phase(Phase::ReadNew);
    let b = of(&mut view, "b");
    (b.ack, b.report.serving) = (stamp(6), Phase::Strict);
    let found = gate(&view, Step::Forward, &known());
    assert_eq!(found[0], Blocker::FellBack { name: "b".into(), epoch: 6, recorded: 5 });
    assert_eq!(gate(&view, Step::Reassert, &known()), []);
    of(&mut view, "b").report.serving = Phase::PrimaryNew;
    let apart = Blocker::Apart { name: "b".into(), serving: Phase::PrimaryNew, recorded: Phase::ReadNew };
    assert_eq!(gate(&view, Step::Reassert, &known()), [apart]);
}

#[test]
fn a_lost_record_is_never_taken_for_off() {
    let mut view = in_phase(Phase::Off);
    of(&mut view, "b").ack = stamp(6);
    for step in [Step::Start { replicas: 0 }, Step::Reassert] {
        assert_eq!(gate(&view, step, &known()), [Blocker::RecordLost { name: "b".into(), epoch: 6 }]);
    }
}

#[test]
fn tombstones_are_collected_before_the_end() {
    let known = Known { collected: Some(stamp(4)), ..known() };
    assert_eq!(gate(&in_phase(Phase::StopOld), Step::Forward, &known), [Blocker::Uncollected]);
}

/// A change that somebody has acknowledged has its epoch for ever, though the record does not have it.
pub fn new_epochs_are_new() -> bool {
    let mut view = in_phase(Phase::Shadow);
    of(&mut view, "b").ack.epoch = 11;
    new_epoch(&view, 9) == 12
}

#[test]
fn a_new_epoch_is_above_all_that_anybody_ever_heard_of() {
    let mut view = in_phase(Phase::Shadow);
    assert_eq!(new_epoch(&view, 0), 6);
    assert_eq!(new_epoch(&view, 9), 10);
    of(&mut view, "a").ack.epoch = 11;
    assert_eq!(new_epoch(&view, 9), 12);
    assert!(new_epochs_are_new());
}

/// Redis as one record, which may lose answers.
struct Fake {
    view: Mutex<Surveyed>,
    next: Mutex<Option<Result<Reply, Failure>>>,
    random: Mutex<u128>,
}

impl Fake {
    fn with(view: Surveyed) -> Arc<Self> {
        Arc::new(Self { view: Mutex::new(view), next: Mutex::new(None), random: Mutex::new(1_000) })
    }

    fn operator(self: &Arc<Self>) -> Operator<Self, Remembered> {
        let mut operator = Operator::new(Arc::clone(self), Remembered::default(), Terms::default());
        let verification = known().verification.unwrap();
        now(operator.verified(verification)).unwrap();
        operator
    }
}

impl Port for Fake {
    async fn call(&self, call: Call, _replicas: u32) -> Result<Reply, Failure> {
        let mut view = self.view.lock().unwrap();
        let done = match call {
            Call::Survey => return Ok(Reply::Surveyed(Box::new(view.clone()))),
            Call::Steer(steer) if view.record.stamp != steer.expected => Steered::Changed,
            Call::Steer(steer) => {
                view.record = steer.record;
                Steered::Done
            }
            Call::Evict(evict) => {
                view.members.remove(&evict.name);
                let dead = Evicted { name: evict.name, proof: evict.proof, at_ms: NOW_MS };
                view.dead.insert(evict.incarnation, dead);
                Steered::Done
            }
            Call::Barrier => return Ok(Reply::Done),
            other => panic!("{other:?}"),
        };
        self.next.lock().unwrap().take().unwrap_or(Ok(Reply::Steered(done)))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        NOW_MS
    }

    async fn sleep(&self, _: Duration) {}

    fn random(&self) -> Id {
        let mut random = self.random.lock().unwrap();
        *random += 1;
        Id(*random)
    }

    async fn event(&self, _: Id) -> Event {
        std::future::pending().await
    }
}

/// The fake never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_step_is_written_down_with_its_evidence_before_it_is_taken() {
    let fake = Fake::with(in_phase(Phase::Off));
    let mut operator = fake.operator();
    let changed = now(operator.start(0)).unwrap();
    assert_eq!(
        (changed.from, changed.record.phase, changed.record.prev),
        (Phase::Off, Phase::Dual, Some(Phase::Off))
    );
    assert_eq!(changed.record.stamp.epoch, 1);
    assert_ne!(changed.record.run, Id(1), "a new run");
    assert_eq!(fake.view.lock().unwrap().record, changed.record);
    let [_, Entry::Intended(intent), Entry::Done { stamp, kept: true }] = &operator.journal().entries[..]
    else {
        panic!("{:?}", operator.journal().entries)
    };
    assert_eq!((&intent.record, *stamp), (&changed.record, changed.record.stamp));
    assert_eq!(intent.evidence.members.len(), 2);
}

#[test]
fn a_rollback_cannot_be_undone_in_its_turn() {
    let fake = Fake::with(in_phase(Phase::Strict));
    let changed = now(fake.operator().rollback()).unwrap();
    assert_eq!((changed.record.phase, changed.record.prev), (Phase::ReadNew, None));
    assert_eq!((changed.record.run, changed.record.stamp.epoch), (Id(1), 6));
}

#[test]
fn a_lost_answer_is_found_out() {
    let fake = Fake::with(in_phase(Phase::Strict));
    for lost in [Err(Failure::Unknown("no answer".into())), Ok(Reply::Steered(Steered::Changed))] {
        *fake.next.lock().unwrap() = Some(lost);
        fake.view.lock().unwrap().record = in_phase(Phase::Strict).record;
        let changed = now(fake.operator().advance()).unwrap();
        assert_eq!(fake.view.lock().unwrap().record, changed.record);
    }
}

#[test]
fn who_was_faster_is_told() {
    let fake = Fake::with(in_phase(Phase::Strict));
    let mut slow = fake.operator();
    let view = now(slow.survey()).unwrap();
    now(fake.operator().rollback()).unwrap();
    let record = ControlRecord { stamp: stamp(8), ..view.record.clone() };
    let stopped = now(slow.steer(view.record.stamp, &record)).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "somebody else was faster: the record was at epoch 5, and is now in read-new, epoch 6; nothing was changed by \
         this command"
    );
}

#[test]
fn a_failover_is_written_down_once_when_it_is_seen() {
    let fake = Fake::with(failed_over(Phase::Dual));
    let mut operator = fake.operator();
    now(operator.survey()).unwrap();
    now(operator.survey()).unwrap();
    let noticed = Noticed { replid: "there".into(), at_ms: NOW_MS };
    assert_eq!(operator.journal().entries[1..], [Entry::Noticed(noticed)]);
}

#[test]
fn an_instance_is_dropped_only_with_proof() {
    let mut view = in_phase(Phase::ReadNew);
    let refused = |view: &Surveyed, name, proof| evict::eviction(view, name, proof).unwrap_err().to_string();
    assert_eq!(refused(&view, "c", Proof::Stopped), "no instance is called c; there are a, b");
    assert_eq!(
        refused(&view, "b", Proof::Stopped),
        "b was heard of 1.0 s ago and its lease runs for 9.0 s more: if its process is stopped, try again then; if not, \
         stop it first"
    );
    silence(of(&mut view, "b"));
    assert_eq!(
        refused(&view, "b", Proof::Lapsed),
        "b has been silent for 42 s, and that does not prove that it is stopped: in read-new a process that resumes \
         would acknowledge writes from its memory, and they would be lost. Stop the process, then run `scalectl migrate \
         state evict b --stopped`"
    );
    assert!(evict::eviction(&view, "b", Proof::Stopped).is_ok());
}

#[test]
fn a_lapsed_lease_is_enough_once_everybody_is_strict() {
    let mut view = in_phase(Phase::Strict);
    silence(of(&mut view, "b"));
    assert!(evict::eviction(&view, "b", Proof::Lapsed).is_ok());
    let a = of(&mut view, "a");
    a.report.waiting_for = "requests of the phase before to end".into();
    assert!(evict::eviction(&view, "b", Proof::Lapsed).is_err(), "a has not passed the barrier");
    let a = of(&mut view, "a");
    (a.report.serving, a.report.waiting_for) = (Phase::ReadNew, String::new());
    assert!(evict::eviction(&view, "b", Proof::Lapsed).is_err());
}

#[test]
fn what_was_dropped_by_its_lease_may_be_proven_stopped_later() {
    let mut view = in_phase(Phase::Strict);
    silence(of(&mut view, "b"));
    let fake = Fake::with(view);
    let mut operator = fake.operator();
    now(operator.evict("b", Proof::Lapsed)).unwrap();
    assert!(now(operator.rollback()).is_err());
    now(operator.evict("b", Proof::Stopped)).unwrap();
    now(operator.rollback()).unwrap();
}
