//! Each reply of the scripts that work on one key, on each version of the servers.

use state_map::wire::call::{Call, Claim, Claimed, Read, Record, Release, Reply, Verdict, Version, Written};
use state_map::wire::script::TOMBSTONE_MS;
use state_map::{Event, Id};

use crate::support::*;

fn owned(record: &Record) -> (Id, u64) {
    (record.owner, record.generation)
}

fn text(record: &Record) -> Option<String> {
    record.version.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
}

#[tokio::test]
async fn claims_count_generations_and_give_what_is_there() {
    on_each_version(async |_, port| {
        let key = key("7");
        let Claimed::Yours(first) = port.claimed(claim(&key, caller(A, 3))).await else { panic!() };
        assert_eq!(first, Record { claim_epoch: 3, generation: 1, owner: A, ..Record::default() });
        assert_eq!(port.put(put(&key, caller(A, 3), 1, version(5, 9, "x"))).await, Verdict::Applied);

        let refused = Claimed::Owned { owner: A, generation: 1 };
        assert_eq!(port.claimed(claim(&key, caller(B, 3))).await, refused);
        assert_eq!(port.claimed(claim(&key, caller(A, 3))).await, refused, "a late copy ends nothing");
        let of_another = Claim { in_place_of: Some((A, 2)), ..claim(&key, caller(B, 3)) };
        assert_eq!(port.claimed(of_another).await, refused);

        let again = Claim { in_place_of: Some((A, 1)), ..claim(&key, caller(A, 3)) };
        let Claimed::Yours(again) = port.claimed(again).await else { panic!() };
        assert_eq!((owned(&again), text(&again).as_deref()), ((A, 2), Some("x")));
        let dead = Claim { in_place_of: Some((A, 2)), ..claim(&key, caller(B, 2)) };
        assert_eq!(port.claimed(dead.clone()).await, Claimed::Stale);
        let dead = Claim { caller: caller(B, 4), ..dead };
        let late =
            Claim { caller: state_map::wire::call::Caller { deadline_ms: 1, ..dead.caller }, ..dead.clone() };
        assert_eq!(port.claimed(late).await, Claimed::Late);
        let Claimed::Yours(taken) = port.claimed(dead).await else { panic!() };
        assert_eq!((owned(&taken), taken.claim_epoch, taken.version), ((B, 3), 4, version(5, 9, "x")));

        let forced = Claim { by_force: true, ..claim(&key, caller(A, 4)) };
        let Claimed::Yours(taken) = port.claimed(forced.clone()).await else { panic!() };
        assert_eq!(owned(&taken), (A, 4));
        let refused = Claimed::Owned { owner: A, generation: 4 };
        assert_eq!(port.claimed(forced).await, refused, "nor does a late copy of a forced one");
    })
    .await;
}

#[tokio::test]
async fn a_claim_drops_what_is_not_of_its_run() {
    on_each_version(async |server, port| {
        let key = key("{7}");
        server.ask::<()>(&["SET", key.value(), "of somebody else"]);
        assert_eq!(port.record(&key).await, Record::default(), "a value without a sidecar is none");
        assert_eq!(port.owning(&key, caller(A, 3)).await, 1);
        assert_eq!(server.ask::<Option<String>>(&["GET", key.value()]), None);

        port.put(put(&key, caller(A, 3), 1, version(1, 9, "x"))).await;
        let mut other = caller(B, 2);
        other.run = Id(0xb);
        let read = Call::Read(Read { key: key.clone(), run: other.run });
        let Reply::Record(record, _) = port.made(read).await else { panic!() };
        assert_eq!(record, Record::default());
        assert_eq!(port.claimed(claim(&key, other)).await, Claimed::Stale, "a late call of an older run");
        other.epoch = 4;
        let Claimed::Yours(record) = port.claimed(claim(&key, other)).await else { panic!() };
        assert_eq!(record, Record { claim_epoch: 4, generation: 2, owner: B, ..Record::default() });
        assert_eq!(server.ask::<Option<String>>(&["GET", key.value()]), None);
        assert_eq!(port.record(&key).await, Record::default());
        assert_eq!(port.put(put(&key, caller(A, 3), 1, version(2, 8, "y"))).await, Verdict::Superseded);
    })
    .await;
}

#[tokio::test]
async fn the_fence_refuses_where_there_is_no_record() {
    on_each_version(async |server, port| {
        let key = key("7");
        server.ask::<()>(&["SET", &key.fence(), "5"]);
        assert_eq!(port.claimed(claim(&key, caller(A, 4))).await, Claimed::Stale);
        assert_eq!(port.written(write(&key, caller(A, 4), 0, version(0, 1, "x"))).await, Written::Stale);
        assert_eq!(port.written(write(&key, caller(A, 5), 0, version(0, 1, "x"))).await, Written::Applied(1));
        server.ask::<()>(&["SET", &key.fence(), "6"]);
        assert_eq!(port.written(write(&key, caller(A, 5), 1, version(0, 2, "y"))).await, Written::Applied(2));
    })
    .await;
}

#[tokio::test]
async fn puts_go_by_their_sequence() {
    on_each_version(async |server, port| {
        let key = key("7");
        let me = caller(A, 3);
        assert_eq!(port.put(put(&key, me, 1, version(1, 1, "x"))).await, Verdict::Superseded);
        assert_eq!(port.owning(&key, me).await, 1);
        let mut late = me;
        late.deadline_ms = 1;
        assert_eq!(port.put(put(&key, late, 1, version(1, 1, "x"))).await, Verdict::Late);
        assert_eq!(port.put(put(&key, me, 2, version(1, 1, "x"))).await, Verdict::Superseded);
        assert_eq!(port.put(put(&key, caller(B, 3), 1, version(1, 1, "x"))).await, Verdict::Superseded);
        assert_eq!(port.put(put(&key, caller(A, 2), 1, version(1, 1, "x"))).await, Verdict::Stale);
        assert_eq!(port.record(&key).await.version, Version::default(), "no refusal has written");

        assert_eq!(port.put(put(&key, me, 1, version(4, 1, "x"))).await, Verdict::Applied);
        assert_eq!(port.put(put(&key, me, 1, version(4, 1, "x"))).await, Verdict::Same);
        assert_eq!(port.put(put(&key, me, 1, version(3, 2, "w"))).await, Verdict::Older);
        assert_eq!(port.put(put(&key, me, 1, version(4, 2, "y"))).await, Verdict::Conflict);
        assert_eq!(port.record(&key).await.version, version(4, 1, "x"));
        assert_eq!(port.put(put(&key, me, 1, tombstone(5, 3))).await, Verdict::Applied);
        let record = port.record(&key).await;
        assert_eq!((record.version.clone(), record.deleted), (tombstone(5, 3), true));
        assert!(!record.has_vanished(NEVER));
        assert_eq!(server.ask::<u64>(&["EXISTS", key.value()]), 0);
        assert_eq!(port.put(put(&key, me, 1, version(6, 4, "z"))).await, Verdict::Applied);
        assert!(!port.record(&key).await.deleted);
    })
    .await;
}

#[tokio::test]
async fn values_expire_and_sidecars_do_not() {
    on_each_version(async |server, port| {
        let key = key("7");
        port.owning(&key, caller(A, 3)).await;
        let ttl = |name: &str| server.ask::<i64>(&["PEXPIRETIME", name]);
        let living = Version { expires_ms: NEVER, ..version(1, 1, "x") };
        assert_eq!(port.put(put(&key, caller(A, 3), 1, living.clone())).await, Verdict::Applied);
        assert_eq!((ttl(key.value()), ttl(&key.sidecar())), (NEVER as i64, -1));
        assert_eq!(port.record(&key).await.version, living);

        let over = Version { expires_ms: 1_000, ..version(2, 2, "y") };
        assert_eq!(port.put(put(&key, caller(A, 3), 1, over.clone())).await, Verdict::Applied);
        let record = port.record(&key).await;
        assert_eq!((&record.version, record.deleted), (&Version { value: None, ..over }, false));
        assert!(!record.has_vanished(2_000));

        port.put(put(&key, caller(A, 3), 1, version(3, 3, "z"))).await;
        assert_eq!(ttl(key.value()), -1);
        server.ask::<()>(&["DEL", key.value()]);
        assert!(port.record(&key).await.has_vanished(2_000));
    })
    .await;
}

#[tokio::test]
async fn a_release_writes_and_opens_in_one_step() {
    on_each_version(async |_, port| {
        let key = key("7");
        let me = caller(A, 3);
        assert_eq!(port.released(release(&key, me, 1)).await, Verdict::Superseded);
        port.owning(&key, me).await;
        let mut late = me;
        late.deadline_ms = 1;
        assert_eq!(port.released(release(&key, late, 1)).await, Verdict::Late);
        assert_eq!(port.released(release(&key, caller(A, 2), 1)).await, Verdict::Stale);
        port.put(put(&key, me, 1, version(1, 1, "x"))).await;
        let with = |version| Release { version: Some(version), ..release(&key, me, 1) };
        assert_eq!(port.released(with(version(1, 2, "y"))).await, Verdict::Conflict);
        assert_eq!(owned(&port.record(&key).await), (A, 1), "a conflict releases nothing");
        assert_eq!(port.released(with(version(2, 2, "y"))).await, Verdict::Applied);
        let record = port.record(&key).await;
        assert_eq!((owned(&record), &record.version), ((Id::NONE, 1), &version(2, 2, "y")));
        assert_eq!(port.released(with(version(2, 2, "y"))).await, Verdict::Superseded);

        for (generation, version, expected) in [
            (2, Some(version(2, 2, "y")), Verdict::Same),
            (3, Some(tombstone(1, 1)), Verdict::Older),
            (4, None, Verdict::Applied),
        ] {
            assert_eq!(port.owning(&key, me).await, generation);
            let call = Release { version, ..release(&key, me, generation) };
            assert_eq!(port.released(call).await, expected);
            assert_eq!(owned(&port.record(&key).await), (Id::NONE, generation));
        }
        assert_eq!(text(&port.record(&key).await).as_deref(), Some("y"));
    })
    .await;
}

#[tokio::test]
async fn writes_go_by_their_base() {
    on_each_version(async |server, port| {
        let key = key("7");
        let me = caller(A, 5);
        let mut late = me;
        late.deadline_ms = 1;
        assert_eq!(port.written(write(&key, late, 0, version(0, 1, "x"))).await, Written::Late);
        assert_eq!(
            port.written(write(&key, me, 1, version(0, 1, "x"))).await,
            Written::Retry(Record::default())
        );
        assert_eq!(port.written(write(&key, me, 0, version(0, 1, "x"))).await, Written::Applied(1));
        assert_eq!(port.written(write(&key, me, 0, version(0, 1, "x"))).await, Written::Same(1));
        let record = Record { claim_epoch: 5, version: version(1, 1, "x"), ..Record::default() };
        assert_eq!(
            port.written(write(&key, me, 0, version(0, 2, "y"))).await,
            Written::Retry(record.clone())
        );
        let another =
            state_map::wire::call::Write { base_op: Id(9), ..write(&key, me, 1, version(0, 2, "y")) };
        assert_eq!(port.written(another).await, Written::Retry(record.clone()));
        assert_eq!(port.written(write(&key, caller(A, 4), 1, version(0, 2, "y"))).await, Written::Stale);
        assert_eq!(port.record(&key).await, record);

        assert_eq!(port.owning(&key, me).await, 1);
        assert_eq!(port.written(write(&key, caller(B, 6), 1, tombstone(0, 2))).await, Written::Applied(2));
        let opened = port.record(&key).await;
        assert_eq!((owned(&opened), opened.claim_epoch, opened.deleted), ((Id::NONE, 2), 6, true));
        assert_eq!(port.put(put(&key, me, 1, version(9, 9, "late"))).await, Verdict::Superseded);
        assert_eq!(port.claimed(claim(&key, me)).await, Claimed::Stale);
        assert_eq!(server.ask::<i64>(&["PTTL", &key.sidecar()]), -1);
    })
    .await;
}

#[tokio::test]
async fn a_write_counts_an_older_run_as_absent() {
    on_each_version(async |_, port| {
        let key = key("7");
        port.owning(&key, caller(A, 5)).await;
        port.put(put(&key, caller(A, 5), 1, version(3, 3, "old"))).await;
        let mut newer = caller(B, 4);
        newer.run = Id(0xb);
        assert_eq!(port.written(write(&key, newer, 0, version(0, 1, "x"))).await, Written::Stale);
        newer.epoch = 6;
        assert_eq!(
            port.written(write(&key, newer, 3, version(0, 1, "x"))).await,
            Written::Retry(Record::default())
        );
        assert_eq!(port.written(write(&key, newer, 0, version(0, 1, "x"))).await, Written::Applied(1));
        let Reply::Record(record, _) = port.made(Call::Read(Read { key, run: newer.run })).await else {
            panic!()
        };
        let expected =
            Record { claim_epoch: 6, generation: 1, version: version(1, 1, "x"), ..Record::default() };
        assert_eq!(record, expected);
    })
    .await;
}

#[tokio::test]
async fn sidecars_expire_with_their_values_in_the_end() {
    on_each_version(async |server, port| {
        let key = key("7");
        let me = caller(A, 8);
        let ending = |base, version| state_map::wire::call::Write {
            expiring_sidecar: true,
            ..write(&key, me, base, version)
        };
        let life = || server.ask::<i64>(&["PEXPIRETIME", &key.sidecar()]);
        let living = Version { expires_ms: NEVER, ..version(0, 1, "x") };
        port.written(ending(0, living)).await;
        assert_eq!(life(), NEVER as i64);
        port.written(ending(1, version(0, 2, "y"))).await;
        assert_eq!(life(), -1, "a value for ever has a sidecar for ever");
        port.written(ending(2, tombstone(0, 3))).await;
        let left = server.ask::<u64>(&["PTTL", &key.sidecar()]);
        assert!(left <= TOMBSTONE_MS && left > TOMBSTONE_MS - 60_000, "{left}");
        port.written(write(&key, me, 3, version(0, 4, "z"))).await;
        assert_eq!(life(), -1, "a neighbour's phase keeps sidecars");
    })
    .await;
}

#[tokio::test]
async fn owners_and_those_who_wait_are_told() {
    use state_map::wire::message::Message;
    on_each_version(async |_, port| {
        let key = key("{7}");
        await_event(port, A, &Event::Steered).await;
        port.owning(&key, caller(A, 3)).await;
        assert!(matches!(port.claimed(claim(&key, caller(B, 3))).await, Claimed::Owned { .. }));
        await_event(port, A, &Event::Message(Message::Wanted { key: key.clone(), to: B })).await;
        await_event(port, B, &Event::Steered).await;
        let told = Release { to: B, ..release(&key, caller(A, 3), 1) };
        assert_eq!(port.released(told).await, Verdict::Applied);
        await_event(port, B, &Event::Message(Message::Free { key })).await;
    })
    .await;
}
