//! What counts only when replicas have it.

use std::time::{Duration, Instant};

use redis_fixture::{Replicated, Version};
use state_map::Port;
use state_map::wire::call::{Call, Claimed, Failure, Put, Reply, Verdict, Written};

use crate::support::*;

fn is_unknown<T>(result: &Result<T, Failure>) -> bool {
    matches!(result, Err(Failure::Unknown(_)))
}

#[tokio::test]
async fn a_write_that_replicas_lack_is_unknown_and_may_be_repeated() {
    for installed in Version::ALL {
        let servers = Replicated::start(installed, 1);
        let port = hasty_port(servers.url());
        let key = key("7");
        let me = caller(A, 6);
        let writing = Call::Write(write(&key, me, 0, version(0, 1, "x")));
        servers.replicas[0].stop();
        let short = port.call(writing.clone(), 1).await;
        assert_eq!(short, Err(Failure::Unknown("0 of 1 replicas have it".to_owned())));
        assert_eq!(port.record(&key).await.version, version(1, 1, "x"), "it may be there");
        assert!(is_unknown(&port.call(writing.clone(), 1).await), "nor does its repetition count");
        assert!(is_unknown(&port.call(Call::Barrier, 1).await));

        servers.replicas[0].cont();
        let (reply, _) = until_done(&port, &writing, 1).await;
        assert_eq!(reply, Reply::Written(Written::Same(1)));
        assert_eq!(port.call(Call::Barrier, 1).await, Ok(Reply::Done));
        let replica = &servers.replicas[0];
        assert_eq!(replica.ask::<Option<String>>(&["GET", key.value()]).as_deref(), Some("x"));
        assert!(is_unknown(&port.call(Call::Barrier, 2).await), "there are not so many");
    }
}

#[tokio::test]
async fn a_repetition_moves_the_replicas() {
    for installed in Version::ALL {
        let servers = Replicated::start(installed, 1);
        let port = port(servers.url());
        let key = key("7");
        let me = caller(A, 3);
        let generation = port.owning(&key, me).await;
        port.put(put(&key, me, generation, version(2, 1, "x"))).await;
        let offset = || servers.master.info("master_repl_offset").parse::<u64>().unwrap();
        for (seq, verdict) in [(2, Verdict::Same), (1, Verdict::Older)] {
            let before = offset();
            assert_eq!(port.put(put(&key, me, generation, version(seq, 1, "x"))).await, verdict);
            assert!(offset() > before, "{verdict:?} writes");
        }
        port.written(write(&key, me, 2, version(0, 7, "y"))).await;
        let before = offset();
        assert_eq!(port.written(write(&key, me, 2, version(0, 7, "y"))).await, Written::Same(3));
        assert!(offset() > before);
    }
}

#[tokio::test]
async fn plain_calls_do_not_wait_for_durable_ones() {
    let servers = Replicated::start(Version::Installed, 1);
    let port = port_within(servers.url(), Duration::from_secs(20), Duration::from_secs(10));
    let key = key("7");
    let me = caller(A, 3);
    let generation = port.owning(&key, me).await;
    assert_eq!(port.call(Call::Barrier, 1).await, Ok(Reply::Done));
    servers.replicas[0].stop();
    let begun = Instant::now();
    let durable = Call::Put(Put { durable: true, ..put(&key, me, generation, version(1, 1, "x")) });
    let mut waiting = std::pin::pin!(port.call(durable, 1));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let newer = async { while port.record(&key).await.version.seq == 0 {} };
    tokio::select! {
        _ = &mut waiting => panic!("no replica has it"),
        () = newer => {}
    }
    assert_eq!(port.put(put(&key, me, generation, version(2, 2, "y"))).await, Verdict::Applied);
    assert!(begun.elapsed() < Duration::from_secs(9));
    servers.replicas[0].cont();
    assert_eq!(waiting.await, Ok(Reply::Verdict(Verdict::Applied)));
}

#[tokio::test]
async fn what_gathers_shares_one_wait_and_keeps_its_own_answers() {
    let servers = Replicated::start(Version::Redis8, 2);
    let port = port(servers.url());
    let keys: Vec<_> = (0..300).map(|number| key(&number.to_string())).collect();
    let calls = keys.iter().map(|key| port.call(Call::Claim(claim(key, caller(A, 3))), 2));
    for claimed in futures_util::future::join_all(calls).await {
        assert!(matches!(claimed, Ok(Reply::Claimed(Claimed::Yours(_)))), "{claimed:?}");
    }
    let waits = servers.master.info("cmdstat_wait");
    let calls: u64 = waits.split(',').next().unwrap().strip_prefix("calls=").unwrap().parse().unwrap();
    assert!(calls < 30, "{calls} waits for 300 claims");
    // One call of the group that is refused does not refuse the others.
    let [first, second] =
        [caller(B, 3), caller(B, 2)].map(|caller| port.call(Call::Claim(claim(&keys[0], caller)), 1));
    let (first, second) = futures_util::join!(first, second);
    assert!(matches!(first, Ok(Reply::Claimed(Claimed::Owned { .. }))));
    assert_eq!(second, Ok(Reply::Claimed(Claimed::Stale)));
}
