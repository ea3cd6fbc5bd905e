//! What all tests here use: calls with few words, and a port to a server.

use std::sync::Arc;
use std::time::Duration;

use redis_fixture::{Options, Server, Version};
use state_map::control::{Report, Stamp};
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::call::{
    Beat, Beaten, Call, Caller, Claim, Claimed, Failure, Put, Read, Record, Release, Reply, Surveyed,
    Verdict, Write, Written,
};
use state_map::wire::key::{Key, Space};
use state_map::{Event, Id, Port};

/// A time that no test reaches.
pub const NEVER: u64 = 9_000_000_000_000;

pub const RUN: Id = Id(0xa);
pub const A: Id = Id(0xaa);
pub const B: Id = Id(0xbb);

/// Prefix of the keys.
pub const PREFIX: &str = "chessGameState:";

pub fn key(id: &str) -> Key {
    Key::new(PREFIX, id)
}

/// One that is patient: for what succeeds in the end on a busy machine.
pub fn port(url: String) -> Arc<RedisPort> {
    port_within(url, Duration::from_secs(20), Duration::from_secs(10))
}

/// One that gives up soon: for what cannot succeed.
pub fn hasty_port(url: String) -> Arc<RedisPort> {
    port_within(url, Duration::from_secs(2), Duration::from_millis(300))
}

pub fn port_within(url: String, timeout: Duration, replicate_within: Duration) -> Arc<RedisPort> {
    let space = Space::default();
    RedisPort::new(RedisSettings { url, space, timeout, replicate_within }).unwrap()
}

/// Runs a test on each version.
pub async fn on_each_version(test: impl AsyncFn(&Server, &RedisPort)) {
    for version in Version::ALL {
        let server = Server::start_with(Options::of(version));
        test(&server, &*port(server.url())).await;
    }
}

/// A value of this text.
pub fn version(seq: u64, op: u128, text: &str) -> state_map::wire::call::Version {
    state_map::wire::call::Version { seq, op: Id(op), value: Some(text.as_bytes().into()), expires_ms: 0 }
}

pub fn tombstone(seq: u64, op: u128) -> state_map::wire::call::Version {
    state_map::wire::call::Version { seq, op: Id(op), value: None, expires_ms: 0 }
}

pub fn caller(incarnation: Id, epoch: u64) -> Caller {
    Caller { run: RUN, epoch, incarnation, deadline_ms: NEVER }
}

pub fn claim(key: &Key, caller: Caller) -> Claim {
    Claim { key: key.clone(), caller, in_place_of: None, by_force: false }
}

pub fn put(key: &Key, caller: Caller, generation: u64, version: state_map::wire::call::Version) -> Put {
    Put { key: key.clone(), caller, generation, version, durable: false }
}

pub fn release(key: &Key, caller: Caller, generation: u64) -> Release {
    Release { key: key.clone(), caller, generation, version: None, to: Id::NONE }
}

pub fn write(key: &Key, caller: Caller, base: u64, version: state_map::wire::call::Version) -> Write {
    Write { key: key.clone(), caller, base, base_op: Id::NONE, version, expiring_sidecar: false }
}

pub fn beat(name: &str, incarnation: Id) -> Beat {
    Beat {
        name: name.to_owned(),
        incarnation,
        run: RUN,
        ack: Stamp::default(),
        replid: String::new(),
        lease_ms: 10_000,
        report: Report::default(),
        registering: true,
        replaces: Id::NONE,
    }
}

/// Calls whose replies have one kind each.
pub trait Calls {
    async fn made(&self, call: Call) -> Reply;
    async fn claimed(&self, claim: Claim) -> Claimed;
    async fn put(&self, put: Put) -> Verdict;
    async fn released(&self, release: Release) -> Verdict;
    async fn written(&self, write: Write) -> Written;
    async fn record(&self, key: &Key) -> Record;
    async fn beaten(&self, beat: Beat) -> Beaten;
    async fn survey(&self) -> Surveyed;
    /// Claims a free key: the generation.
    async fn owning(&self, key: &Key, caller: Caller) -> u64;
}

impl Calls for RedisPort {
    async fn made(&self, call: Call) -> Reply {
        self.call(call, 0).await.unwrap()
    }

    async fn claimed(&self, claim: Claim) -> Claimed {
        let Reply::Claimed(claimed) = self.made(Call::Claim(claim)).await else { panic!() };
        claimed
    }

    async fn put(&self, put: Put) -> Verdict {
        let Reply::Verdict(verdict) = self.made(Call::Put(put)).await else { panic!() };
        verdict
    }

    async fn released(&self, release: Release) -> Verdict {
        let Reply::Verdict(verdict) = self.made(Call::Release(release)).await else { panic!() };
        verdict
    }

    async fn written(&self, write: Write) -> Written {
        let Reply::Written(written) = self.made(Call::Write(write)).await else { panic!() };
        written
    }

    async fn record(&self, key: &Key) -> Record {
        let call = Call::Read(Read { key: key.clone(), run: RUN });
        let Reply::Record(record, now_ms) = self.made(call).await else { panic!() };
        assert!(now_ms > 1_600_000_000_000, "{now_ms} is a time");
        record
    }

    async fn beaten(&self, beat: Beat) -> Beaten {
        let Reply::Beaten(beaten) = self.made(Call::Beat(Box::new(beat))).await else { panic!() };
        *beaten
    }

    async fn survey(&self) -> Surveyed {
        let Reply::Surveyed(surveyed) = self.made(Call::Survey).await else { panic!() };
        *surveyed
    }

    async fn owning(&self, key: &Key, caller: Caller) -> u64 {
        let Claimed::Yours(record) = self.claimed(claim(key, caller)).await else { panic!() };
        record.generation
    }
}

/// Makes a call again until it is carried out. How often it was not.
pub async fn until_done(port: &RedisPort, call: &Call, replicas: u32) -> (Reply, Vec<Failure>) {
    let begun = std::time::Instant::now();
    let mut failures = Vec::new();
    loop {
        match port.call(call.clone(), replicas).await {
            Ok(reply) => return (reply, failures),
            Err(failure) => failures.push(failure),
        }
        assert!(begun.elapsed() < redis_fixture::PATIENCE, "{failures:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for this event; others are passed over.
pub async fn await_event(port: &RedisPort, incarnation: Id, wanted: &Event) {
    let waiting = async { while port.event(incarnation).await != *wanted {} };
    let waited = tokio::time::timeout(redis_fixture::PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{wanted:?} does not come");
}
