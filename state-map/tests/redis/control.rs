//! Each reply of the scripts that steer, on each version of the servers.

use state_map::control::{Evicted, Member, Proof};
use state_map::redis::RedisPort;
use state_map::wire::call::{Answer, Beat, Call, Evict, Inquire, Reply, Standing, Steer, Steered};
use state_map::wire::key::Space;
use state_map::wire::message::{Conflict, Keep};
use state_map::{ControlRecord, Event, Id, Phase, Stamp};

use crate::support::*;

fn stamp(epoch: u64) -> Stamp {
    Stamp { epoch, nonce: Id(u128::from(epoch) + 100) }
}

fn record(epoch: u64, phase: Phase) -> ControlRecord {
    ControlRecord {
        run: RUN,
        stamp: stamp(epoch),
        phase,
        prev: phase.back(),
        replid: String::new(),
        replicas: 2,
    }
}

async fn steer(port: &RedisPort, expected: Stamp, record: ControlRecord, fencing: u64) -> Steered {
    let call = Call::Steer(Box::new(Steer { expected, record, fencing }));
    let Reply::Steered(steered) = port.made(call).await else { panic!() };
    steered
}

async fn evict(port: &RedisPort, name: &str, incarnation: Id, proof: Proof, fencing: u64) -> Steered {
    let call = Call::Evict(Evict { name: name.to_owned(), incarnation, proof, fencing });
    let Reply::Steered(steered) = port.made(call).await else { panic!() };
    steered
}

async fn standing(port: &RedisPort, incarnation: Id) -> Standing {
    let Reply::Standing(standing) = port.made(Call::Inquire(Inquire { incarnation })).await else { panic!() };
    standing
}

/// A heartbeat that has acknowledged this change.
fn acked(name: &str, incarnation: Id, ack: Stamp, serving: Phase) -> Beat {
    let mut beat = Beat { ack, registering: false, ..beat(name, incarnation) };
    beat.report.serving = serving;
    beat
}

#[tokio::test]
async fn the_record_changes_only_from_what_was_seen() {
    on_each_version(async |server, port| {
        await_event(port, A, &Event::Steered).await;
        let empty = port.survey().await;
        assert_eq!((empty.record, empty.members.len(), empty.dead.len()), (ControlRecord::default(), 0, 0));
        assert!(empty.now_ms > 1_600_000_000_000);
        assert_eq!(empty.replid, format!("{}:{}", server.info("master_replid"), server.info("run_id")));

        let first = record(1, Phase::Dual);
        assert_eq!(steer(port, stamp(1), first.clone(), 0).await, Steered::Changed);
        assert_eq!(steer(port, Stamp::default(), first.clone(), 0).await, Steered::Done);
        await_event(port, A, &Event::Steered).await;
        let wanted = ControlRecord { replid: empty.replid, ..first };
        assert_eq!(port.survey().await.record, wanted);
        let other = Stamp { nonce: Id(7), ..stamp(1) };
        assert_eq!(steer(port, other, record(2, Phase::Backfill), 0).await, Steered::Changed);
        assert_eq!(
            steer(port, stamp(1), record(u64::from(u32::MAX) << 20, Phase::Off), 0).await,
            Steered::Done
        );
        let survey = port.survey().await.record;
        assert_eq!(
            (survey.phase, survey.prev, survey.stamp.epoch),
            (Phase::Off, None, u64::from(u32::MAX) << 20)
        );
    })
    .await;
}

#[tokio::test]
async fn only_the_holder_of_the_lock_steers() {
    on_each_version(async |server, port| {
        let lock = Space::default().lock();
        assert_eq!(steer(port, Stamp::default(), record(1, Phase::Dual), 7).await, Steered::Fenced);
        server.ask::<()>(&["SET", &lock, "17 {\"host\":\"a\"}"]);
        assert_eq!(steer(port, Stamp::default(), record(1, Phase::Dual), 7).await, Steered::Fenced);
        assert_eq!(evict(port, "a", A, Proof::Stopped, 7).await, Steered::Fenced);
        assert_eq!(steer(port, Stamp::default(), record(1, Phase::Dual), 17).await, Steered::Done);
        assert_eq!(evict(port, "a", A, Proof::Stopped, 17).await, Steered::Changed);
    })
    .await;
}

#[tokio::test]
async fn a_registration_replaces_whom_it_names_only() {
    on_each_version(async |_, port| {
        steer(port, Stamp::default(), record(3, Phase::Dual), 0).await;
        let first = port.beaten(beat("a", A)).await;
        assert_eq!((first.record.stamp, first.dead), (stamp(3), None));
        let mut again = acked("a", A, stamp(3), Phase::Dual);
        again.report.waiting_for = "50% of \"all\"".to_owned();
        again.report.counts.held = 7;
        again.replid = first.replid.clone();
        let now_ms = port.beaten(again.clone()).await.now_ms;
        let member = Member {
            incarnation: A,
            run: RUN,
            ack: stamp(3),
            replid: first.replid,
            seen_ms: now_ms,
            lease_until_ms: now_ms + 10_000,
            report: again.report,
        };
        assert_eq!(port.survey().await.members["a"], member);

        let refused = port.beaten(beat("a", B)).await;
        assert_eq!(refused.dead, Some(Proof::Succeeded), "it did not know of the other");
        assert_eq!(
            port.beaten(Beat { registering: false, replaces: A, ..beat("a", B) }).await.dead,
            Some(Proof::Succeeded)
        );
        assert_eq!(port.survey().await.members["a"], member);
        let replaced = port.beaten(Beat { replaces: A, ..beat("a", B) }).await;
        assert_eq!(replaced.dead, None);
        let survey = port.survey().await;
        assert_eq!((survey.members.len(), survey.members["a"].incarnation), (1, B));
        let dead = Evicted { name: "a".to_owned(), proof: Proof::Succeeded, at_ms: replaced.now_ms };
        assert_eq!(survey.dead.into_iter().collect::<Vec<_>>(), [(A, dead)]);

        let late = port.beaten(acked("a", A, stamp(3), Phase::Dual)).await;
        assert_eq!(late.dead, Some(Proof::Succeeded));
        assert_eq!(port.survey().await.members["a"].incarnation, B);
        assert_eq!(standing(port, A).await, Standing::Gone);
    })
    .await;
}

#[tokio::test]
async fn an_eviction_names_an_incarnation_and_grows_stronger() {
    on_each_version(async |_, port| {
        port.beaten(beat("a", A)).await;
        assert_eq!(evict(port, "a", B, Proof::Lapsed, 0).await, Steered::Changed);
        assert_eq!(evict(port, "b", A, Proof::Lapsed, 0).await, Steered::Changed);
        let proof = async || port.survey().await.dead[&A].proof;
        assert_eq!(evict(port, "a", A, Proof::Lapsed, 0).await, Steered::Done);
        assert_eq!((port.survey().await.members.len(), proof().await), (0, Proof::Lapsed));
        assert_eq!(port.beaten(beat("a", A)).await.dead, Some(Proof::Lapsed));
        assert_eq!(evict(port, "a", A, Proof::Stopped, 0).await, Steered::Done);
        assert_eq!(proof().await, Proof::Stopped);
        assert_eq!(evict(port, "a", A, Proof::Lapsed, 0).await, Steered::Done);
        assert_eq!(proof().await, Proof::Stopped, "a weaker proof changes nothing");
    })
    .await;
}

#[tokio::test]
async fn a_lapsed_lease_counts_once_everybody_is_strict() {
    on_each_version(async |_, port| {
        assert_eq!(standing(port, A).await, Standing::Alive, "nobody knows it");
        steer(port, Stamp::default(), record(6, Phase::Shadow), 0).await;
        let lapsed = |serving| Beat { lease_ms: 0, ..acked("a", A, stamp(6), serving) };
        port.beaten(lapsed(Phase::ReadNew)).await;
        port.beaten(acked("b", B, stamp(6), Phase::Shadow)).await;
        assert_eq!(standing(port, A).await, Standing::Alive, "not in shadow");
        steer(port, stamp(6), record(7, Phase::Strict), 0).await;
        assert_eq!(standing(port, A).await, Standing::Alive, "b has not acknowledged");
        port.beaten(acked("b", B, stamp(7), Phase::Strict)).await;
        assert_eq!(standing(port, A).await, Standing::Alive, "a was in read-new when it was last heard of");
        port.beaten(lapsed(Phase::Strict)).await;
        assert_eq!(standing(port, A).await, Standing::Lapsed);
        port.beaten(Beat { lease_ms: 10_000, ..lapsed(Phase::Strict) }).await;
        assert_eq!(standing(port, A).await, Standing::Alive);
        evict(port, "a", A, Proof::Lapsed, 0).await;
        assert_eq!(standing(port, A).await, Standing::Lapsed);
        evict(port, "a", A, Proof::Stopped, 0).await;
        assert_eq!(standing(port, A).await, Standing::Gone);
    })
    .await;
}

#[tokio::test]
async fn conflicts_wait_for_a_decision() {
    on_each_version(async |_, port| {
        let key = key("{7}");
        let decision = async || port.made(Call::Decision { key: key.clone() }).await;
        assert_eq!(decision().await, Reply::Conflict(None));
        let mut report = Conflict {
            map: "games".to_owned(),
            instance: "a".to_owned(),
            incarnation: A,
            held: "\"x\"".to_owned(),
            stored: None,
            keep: None,
        };
        let told = async |report: Option<&Conflict>| {
            let report = report.cloned().map(Box::new);
            assert_eq!(port.made(Call::Conflict { key: key.clone(), report }).await, Reply::Done);
        };
        told(Some(&report)).await;
        assert_eq!(decision().await, Reply::Conflict(Some(Box::new(report.clone()))));
        assert_eq!(port.survey().await.conflicts, 1);
        report.keep = Some(Keep::Held);
        told(Some(&report)).await;
        assert_eq!(decision().await, Reply::Conflict(Some(Box::new(report))));
        assert_eq!(port.survey().await.conflicts, 0);
        told(None).await;
        assert_eq!(decision().await, Reply::Conflict(None));
    })
    .await;
}

#[tokio::test]
async fn verifiers_are_answered() {
    on_each_version(async |server, port| {
        let Reply::Inquiries(none, _) = port.made(Call::Inquiries).await else { panic!() };
        assert!(none.is_empty());
        server.ask::<()>(&["HSET", &Space::default().inquiry(), "1", "what?"]);
        let Reply::Inquiries(asked, now_ms) = port.made(Call::Inquiries).await else { panic!() };
        assert!(asked == ["what?"] && now_ms > 1_600_000_000_000);
        let body: state_map::wire::call::Bytes = [0, 255, 10].into();
        let answer = Answer { inquiry: Id(1), field: "a".to_owned(), body: body.clone(), life_ms: 60_000 };
        assert_eq!(port.made(Call::Answer(answer)).await, Reply::Done);
        let name = Space::default().answers(&Id(1).to_string());
        assert_eq!(server.ask::<Vec<u8>>(&["HGET", &name, "a"]), *body);
        assert!(server.ask::<u64>(&["PTTL", &name]) > 50_000);
    })
    .await;
}
