//! The scripts on real servers and the model of them: the same calls, the same replies, the same records.

mod calls;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redis_fixture::{Options, Server, Version as Servers};

use super::store::Store;
use crate::control::Id;
use crate::port::Port;
use crate::redis::{RedisPort, RedisSettings};
use crate::wire::call::{Call, Read, Reply};
use crate::wire::key::{Key, Space};

/// A time that is not reached.
const NEVER: u64 = 9_000_000_000_000;

/// Calls of one run.
const CALLS: usize = 1_500;

const RUNS: [Id; 2] = [Id(0xa1), Id(0xa2)];
const INCARNATIONS: [Id; 3] = [Id(0xb1), Id(0xb2), Id(0xb3)];
const NAMES: [&str; 2] = ["one", "two"];

/// Both sides, and the chance that feeds them.
struct Pair {
    server: Server,
    port: std::sync::Arc<RedisPort>,
    store: Store,
    rng: StdRng,
    keys: Vec<Key>,
    seen: BTreeSet<String>,
}

impl Pair {
    fn start(servers: Servers, seed: u64) -> Self {
        let server = Server::start_with(Options::of(servers));
        let settings = RedisSettings {
            url: server.url(),
            space: Space::default(),
            timeout: Duration::from_secs(5),
            replicate_within: Duration::from_secs(1),
        };
        let keys = ["1", "{2}"].map(|id| Key::new("game:", id)).to_vec();
        let port = RedisPort::new(settings).unwrap();
        Self {
            server,
            port,
            store: Store::new(1),
            rng: StdRng::seed_from_u64(seed),
            keys,
            seen: BTreeSet::new(),
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..40) {
            0 => self.collect(),
            1 => self.evict_value(),
            _ => {
                let call = if self.rng.random_bool(0.75) { self.keyed() } else { self.steering() };
                self.compare(call).await;
            }
        }
    }

    async fn compare(&mut self, call: Call) {
        // A lease of no time is over in the next millisecond, on both sides.
        let begun_ms = self.port.wall_ms();
        while self.port.wall_ms() <= begun_ms {
            self.port.sleep(Duration::from_micros(200)).await;
        }
        let now_ms = self.port.wall_ms();
        let expected = normal(self.store.carry_out(&call, now_ms));
        let given = normal(self.port.call(call.clone(), 0).await.unwrap());
        assert_eq!(given, expected, "{call:?}");
        let kind = format!("{given:?}");
        self.seen.insert(kind.split([' ', '{', ',']).next().unwrap_or_default().to_owned());
    }

    /// What the operator's collection does in the end, here at any time.
    fn collect(&mut self) {
        let (key, epoch) = (self.key(), self.rng.random_range(1..6));
        self.store.tamper(&key).collect(&key, epoch);
        self.server.ask::<()>(&["DEL", key.value(), &key.sidecar()]);
        let known: u64 = self.server.ask::<Option<u64>>(&["GET", &key.fence()]).unwrap_or_default();
        self.server.ask::<()>(&["SET", &key.fence(), &known.max(epoch).to_string()]);
    }

    fn evict_value(&mut self) {
        let key = self.key();
        self.store.tamper(&key).evict_value(&key);
        self.server.ask::<()>(&["DEL", key.value()]);
    }
}

/// A reply without the server's identity and its clock.
fn normal(reply: Reply) -> Reply {
    match reply {
        Reply::Record(record, _) => Reply::Record(record, 0),
        Reply::Beaten(mut beaten) => {
            (beaten.now_ms, beaten.replid, beaten.record.replid) = Default::default();
            Reply::Beaten(beaten)
        }
        Reply::Surveyed(mut surveyed) => {
            (surveyed.now_ms, surveyed.replid, surveyed.record.replid) = Default::default();
            for member in surveyed.members.values_mut() {
                (member.seen_ms, member.lease_until_ms) = Default::default();
            }
            surveyed.dead.values_mut().for_each(|evicted| evicted.at_ms = 0);
            Reply::Surveyed(surveyed)
        }
        other => other,
    }
}

/// What each run must have met, so that its agreement means something.
const MET: [&str; 23] = [
    "Claimed(Yours(Record",
    "Claimed(Owned",
    "Claimed(Stale)",
    "Claimed(Late)",
    "Verdict(Applied)",
    "Verdict(Same)",
    "Verdict(Older)",
    "Verdict(Conflict)",
    "Verdict(Superseded)",
    "Verdict(Forgotten)",
    "Verdict(Stale)",
    "Verdict(Late)",
    "Written(Applied(",
    "Written(Same(",
    "Written(Retry(Record",
    "Written(Stale)",
    "Written(Late)",
    "Standing(Gone)",
    "Standing(Lapsed)",
    "Standing(Alive)",
    "Steered(Done)",
    "Steered(Changed)",
    "Steered(Fenced)",
];

#[tokio::test]
async fn real_servers_do_what_the_model_does() {
    for servers in Servers::ALL {
        let mut seen = BTreeSet::new();
        for seed in 0..4 {
            let mut pair = Pair::start(servers, seed);
            for _ in 0..CALLS {
                pair.step().await;
            }
            let keys = pair.keys.clone();
            for (key, run) in keys.into_iter().flat_map(|key| RUNS.map(|run| (key.clone(), run))) {
                pair.compare(Call::Read(Read { key, run })).await;
            }
            seen.append(&mut pair.seen);
        }
        for met in MET {
            assert!(seen.iter().any(|kind| kind.starts_with(met)), "{servers:?} never gave {met}: {seen:?}");
        }
    }
}
