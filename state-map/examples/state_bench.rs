//! What `benches/state-verify.sh` needs beside scalectl: processes that hold many keys, and a plain read to compare with.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench tells its figures, and ends where it cannot go on"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Pipeline;
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::call::{Call, Reply, Steer};
use state_map::wire::key::{Key, Space};
use state_map::{Map, MapSpec, Node, Phase, Port, Settings, Text};

const INSTANCES: usize = 4;
const PAGE: usize = 1_000;

type Instance = (Arc<Node<RedisPort>>, Map<String, RedisPort>);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [what, url, keys] if what == "hold" => hold(url, keys.parse().unwrap()).await,
        [what, url] if what == "read" => read(url).await,
        _ => println!("state_bench hold URL KEYS | read URL"),
    }
}

/// Holds keys in the memory of several processes and in Redis, until it is ended.
async fn hold(url: &str, keys: usize) {
    let port = port(url);
    let instances: Vec<Instance> = (0..INSTANCES).map(|number| start(url, number)).collect();
    for (node, _) in &instances {
        node.registered().await;
    }
    for key in 0..keys {
        let value = format!("{key:0200}");
        instances[key % INSTANCES].1.set(&format!("{key}"), value, None).await.unwrap();
    }
    for phase in [Phase::Dual, Phase::Backfill] {
        steer(&port, phase).await;
        let is_there = |(node, _): &Instance| {
            let status = node.status();
            status.phase == phase && status.waiting_for.is_empty()
        };
        while !instances.iter().all(is_there) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let stored = |(node, _): &Instance| node.status().maps.values().map(|counts| counts.stored).sum::<u64>();
    while instances.iter().map(stored).sum::<u64>() < keys as u64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("ready");
    std::future::pending::<()>().await;
}

fn start(url: &str, number: usize) -> Instance {
    let settings = Settings { at_once: 512, ..Settings::named(format!("bench-{number}")) };
    let node = Node::new(port(url), settings);
    let map = node.map(MapSpec::new("bench", "bench:", Text)).unwrap();
    tokio::spawn(Arc::clone(&node).run());
    (node, map)
}

async fn steer(port: &RedisPort, phase: Phase) {
    let Ok(Reply::Surveyed(surveyed)) = port.call(Call::Survey, 0).await else { return };
    let mut record = surveyed.record.clone();
    record.run = if record.run.is_none() { port.random() } else { record.run };
    (record.stamp.epoch, record.stamp.nonce) = (record.stamp.epoch + 1, port.random());
    (record.prev, record.phase) = (Some(record.phase), phase);
    let steer = Steer { expected: surveyed.record.stamp, record, fencing: 0 };
    port.call(Call::Steer(Box::new(steer)), 0).await.unwrap();
}

fn port(url: &str) -> Arc<RedisPort> {
    let timeout = Duration::from_secs(10);
    let settings = RedisSettings {
        url: url.to_owned(),
        space: Space::default(),
        timeout,
        replicate_within: timeout / 2,
    };
    RedisPort::new(settings).unwrap()
}

/// Reads every value, its sidecar and its expiry, a page after the other, and does nothing with them.
async fn read(url: &str) {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let (begun, mut keys, mut cursor) = (Instant::now(), 0_u64, 0_u64);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("COUNT").arg(PAGE);
        let (next, names): (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
        let found: Vec<Key> = names.iter().filter_map(|name| Key::of_sidecar(name)).collect();
        let mut pipeline = Pipeline::with_capacity(found.len() * 3);
        for key in &found {
            pipeline.cmd("HGETALL").arg(key.sidecar());
            pipeline.cmd("GET").arg(key.value());
            pipeline.cmd("PEXPIRETIME").arg(key.value());
        }
        let _: Vec<redis::Value> = pipeline.query_async(&mut connection).await.unwrap();
        keys += found.len() as u64;
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    println!("{keys} {:.3}", begun.elapsed().as_secs_f64());
}
