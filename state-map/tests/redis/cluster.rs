//! A Cluster: every key where it belongs, also while slots move and masters end.

use std::sync::Arc;
use std::time::Duration;

use redis_fixture::{Cluster, Version};
use state_map::control::Stamp;
use state_map::redis::RedisPort;
use state_map::wire::call::{Call, Claimed, Failure, Reply, Steer, Steered, Verdict, Written};
use state_map::wire::key::Key;
use state_map::{ControlRecord, Event, Port};
use tokio::task::JoinSet;

use crate::support::*;

const IDS: [&str; 8] = ["7", "{7}", "a}b", "{a}b", "{}", "}{", "100%", "ü{"];

/// Keys of one slot, some of them with braces.
fn keys_of_slot(slot: u16) -> Vec<Key> {
    let ids = (0..).flat_map(|number| [format!("{number}"), format!("{{{number}}}")]);
    ids.map(|id| key(&id)).filter(|key| key.slot() == slot).take(4).collect()
}

#[tokio::test]
async fn keys_with_braces_lie_with_their_sidecars() {
    for installed in Version::ALL {
        let cluster = Cluster::start(installed);
        let port = port(cluster.url());
        for id in IDS {
            let key = key(id);
            assert_eq!(port.owning(&key, caller(A, 3)).await, 1);
            assert_eq!(port.put(put(&key, caller(A, 3), 1, version(1, 1, id))).await, Verdict::Applied);
            let owner = cluster.owner_of(key.slot()).unwrap();
            assert_eq!(cluster.nodes[owner].ask::<String>(&["GET", key.value()]), id);
            assert_eq!(cluster.nodes[owner].ask::<u64>(&["EXISTS", &key.sidecar()]), 1);
        }
        let record = ControlRecord { run: RUN, ..ControlRecord::default() };
        let steering = Call::Steer(Box::new(Steer { expected: Stamp::default(), record, fencing: 0 }));
        await_event(&port, A, &Event::Steered).await;
        assert_eq!(port.call(steering, 1).await, Ok(Reply::Steered(Steered::Done)));
        await_event(&port, A, &Event::Steered).await;
        assert_eq!(port.call(Call::Barrier, 1).await, Ok(Reply::Done));

        cluster.nodes.iter().skip(3).for_each(redis_fixture::Server::stop);
        assert!(matches!(hasty_port(cluster.url()).call(Call::Barrier, 1).await, Err(Failure::Unknown(_))));
        cluster.nodes.iter().skip(3).for_each(redis_fixture::Server::cont);
    }
}

/// Writes a key again and again until told to stop: the operations that were acknowledged, in their order, and the
/// ones of which nobody knows.
async fn keep_writing(
    port: Arc<RedisPort>,
    key: Key,
    seed: u128,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> u64 {
    let me = caller(A, 6);
    let mut seq = port.record(&key).await.version.seq;
    let mut op = seed;
    while !*stop.borrow_and_update() {
        op += 1;
        let call = Call::Write(write(&key, me, seq, version(0, op, &op.to_string())));
        // The same operation until it is answered: applied once, wherever its slot is by then.
        let (reply, failures) = until_done(&port, &call, 0).await;
        let is_expected = match &reply {
            Reply::Written(Written::Applied(new)) => *new == seq + 1,
            Reply::Written(Written::Same(same)) => {
                *same == seq + 1 && failures.iter().any(|failure| matches!(failure, Failure::Unknown(_)))
            }
            _ => false,
        };
        assert!(is_expected, "{key}: {seq} then {reply:?} after {failures:?}");
        seq += 1;
        let record = loop {
            let read = Call::Read(state_map::wire::call::Read { key: key.clone(), run: RUN });
            if let (Reply::Record(record, _), _) = until_done(&port, &read, 0).await {
                break record;
            }
        };
        assert_eq!(record.version, version(seq, op, &op.to_string()), "{key}");
    }
    seq
}

#[tokio::test]
async fn writes_survive_the_move_of_their_slot() {
    for installed in Version::ALL {
        let cluster = Cluster::start(installed);
        let port = port(cluster.url());
        let slot = key("{7}").slot();
        let keys = keys_of_slot(slot);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut writers = JoinSet::new();
        for (number, key) in keys.iter().enumerate() {
            let seed = u128::try_from(number + 1).unwrap() << 64;
            writers.spawn(keep_writing(Arc::clone(&port), key.clone(), seed, stopped.clone()));
        }
        let cluster = Arc::new(cluster);
        for _ in 0..4 {
            wait_for_writes(&port, &keys).await;
            let from = cluster.owner_of(slot).unwrap();
            let (moving, to) = (Arc::clone(&cluster), (from + 1) % 3);
            let moved = tokio::task::spawn_blocking(move || move_slot(&moving, slot, from, to));
            moved.await.unwrap();
        }
        wait_for_writes(&port, &keys).await;
        stop.send_replace(true);
        let mut total = 0;
        while let Some(seq) = writers.join_next().await {
            total += seq.unwrap();
        }
        assert!(total > 20, "{total} writes");
        // What moved was not forgotten.
        assert_eq!(port.call(Call::Barrier, 1).await, Ok(Reply::Done));
    }
}

/// Waits until each key was written again.
async fn wait_for_writes(port: &RedisPort, keys: &[Key]) {
    for key in keys {
        let before = port.record(key).await.version.seq;
        let more = async { while port.record(key).await.version.seq <= before {} };
        assert!(tokio::time::timeout(redis_fixture::PATIENCE, more).await.is_ok(), "{key} is not written");
    }
}

/// One key after another, so that calls meet a slot whose keys are on two nodes.
fn move_slot(cluster: &Cluster, slot: u16, from: usize, to: usize) {
    cluster.begin_move(slot, from, to);
    loop {
        let keys: Vec<String> =
            cluster.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "1"]);
        let [key] = keys.as_slice() else { break };
        cluster.move_keys(from, to, &[key]);
    }
    cluster.end_move(slot, from, to);
}

#[tokio::test]
async fn a_slot_half_moved_refuses_or_serves_but_never_half() {
    let cluster = Cluster::start(Version::Installed);
    let short = Duration::from_millis(300);
    let port = port_within(cluster.url(), short, short);
    let key = key("{7}");
    let me = caller(A, 3);
    assert_eq!(port.owning(&key, me).await, 1);
    port.put(put(&key, me, 1, version(1, 1, "x"))).await;
    let (slot, from) = (key.slot(), cluster.owner_of(key.slot()).unwrap());
    let to = (from + 1) % 3;
    // A key that is on neither node may be on the other one, as far as either knows: with a fence all keys are there.
    cluster.nodes[from].ask::<()>(&["SET", &key.fence(), "0"]);
    cluster.begin_move(slot, from, to);
    cluster.move_keys(from, to, &[key.value()]);
    let putting = Call::Put(put(&key, me, 1, version(2, 2, "y")));
    let given_up = port.call(putting.clone(), 0).await;
    assert!(given_up.is_err(), "its sidecar is elsewhere: {given_up:?}");
    cluster.move_keys(from, to, &[&key.sidecar(), &key.fence()]);
    let (applied, _) = until_done(&port, &putting, 0).await;
    assert_eq!(applied, Reply::Verdict(Verdict::Applied), "by ASKING the new node, and never before");
    cluster.end_move(slot, from, to);
    let Reply::Claimed(claimed) = until_done(&port, &Call::Claim(claim(&key, caller(B, 3))), 0).await.0
    else {
        panic!()
    };
    assert_eq!(claimed, Claimed::Owned { owner: A, generation: 1 });
    assert_eq!(port.record(&key).await.version, version(2, 2, "y"));
}

#[tokio::test]
async fn another_master_of_a_shard_is_found_and_told_of() {
    for installed in Version::ALL {
        let mut cluster = Cluster::start(installed);
        let port = port(cluster.url());
        let key = key("{7}");
        let first = Call::Write(write(&key, caller(A, 6), 0, version(0, 1, "x")));
        assert_eq!(port.call(first, 1).await, Ok(Reply::Written(Written::Applied(1))));
        let owner = cluster.owner_of(key.slot()).unwrap();
        cluster.nodes[owner].kill9();
        let second = Call::Write(write(&key, caller(A, 6), 1, version(0, 2, "y")));
        let (reply, failures) = until_done(&port, &second, 0).await;
        assert_eq!(reply, Reply::Written(Written::Applied(2)), "{failures:?}");
        await_event(&port, A, &Event::Forgot).await;
    }
}
