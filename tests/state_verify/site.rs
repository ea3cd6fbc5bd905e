//! Processes of a migration in this one: each with a port, a node and the maps of the chess games.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use state_map::redis::{RedisPort, RedisSettings};
use state_map::wire::call::{Call, Reply, Steer, Steered, Surveyed};
use state_map::wire::key::Space;
use state_map::{ControlRecord, Json, Map, MapSpec, Node, Phase, Port, Settings, Stamp, Text};
use tokio::runtime::Runtime;

use crate::support::wait_until;

/// How long anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

struct Instance {
    node: Arc<Node<RedisPort>>,
    games: Map<Value, RedisPort>,
    active: Map<String, RedisPort>,
}

/// Processes around one Redis.
pub struct Site {
    url: String,
    runtime: Arc<Runtime>,
    port: Arc<RedisPort>,
    instances: Vec<Arc<Instance>>,
}

impl Site {
    /// Starts processes of these names and waits until they are registered.
    pub fn start(url: &str, names: &[&str]) -> Self {
        let runtime = Arc::new(Runtime::new().unwrap());
        let _inside = runtime.enter();
        let instances = names.iter().map(|name| Arc::new(Instance::start(url, name))).collect();
        let site = Self { url: url.to_owned(), runtime: Arc::clone(&runtime), port: port(url), instances };
        for instance in &site.instances {
            runtime.block_on(instance.node.registered());
        }
        site
    }

    /// The address of Redis.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The incarnation of an instance.
    pub fn incarnation(&self, instance: usize) -> String {
        self.instances[instance].node.status().incarnation.to_string()
    }

    /// Takes step after step until all have acknowledged this phase.
    pub fn steer_to(&self, phase: Phase) {
        loop {
            let now = self.survey().record;
            if now.phase == phase {
                return;
            }
            let next = now.phase.next().expect("the phase lies ahead");
            let run = if now.run.is_none() { self.port.random() } else { now.run };
            let stamp = Stamp { epoch: now.stamp.epoch + 1, nonce: self.port.random() };
            let record = ControlRecord { run, stamp, phase: next, prev: Some(now.phase), ..now.clone() };
            let steer = Call::Steer(Box::new(Steer { expected: now.stamp, record, fencing: 0 }));
            assert_eq!(self.call(steer), Reply::Steered(Steered::Done));
            wait_until("every instance acknowledges", PATIENCE, || {
                self.instances.iter().all(|instance| instance.node.status().acknowledged == stamp)
            });
            wait_until("Redis knows it", PATIENCE, || {
                self.survey().members.values().all(|member| member.ack == stamp)
            });
        }
    }

    fn survey(&self) -> Surveyed {
        match self.call(Call::Survey) {
            Reply::Surveyed(surveyed) => *surveyed,
            other => panic!("{other:?} is no answer to a survey"),
        }
    }

    fn call(&self, call: Call) -> Reply {
        self.runtime.block_on(self.port.call(call, 0)).unwrap()
    }

    /// An instance has this game.
    pub fn play(&self, instance: usize, game: &str, state: Value) {
        self.runtime.block_on(self.instances[instance].games.set(game, state, None)).unwrap();
    }

    /// An instance knows that a player is in this game.
    pub fn sit(&self, instance: usize, player: &str, game: &str) {
        let active = &self.instances[instance].active;
        self.runtime.block_on(active.set(player, game.to_owned(), None)).unwrap();
    }

    /// Writes past the protocol, wherever the key is.
    pub fn overwrite(&self, key: &str, value: &str) {
        let nodes = self.url.replace("redis+cluster://", "redis://");
        let nodes: Vec<String> =
            nodes.split(',').map(|node| format!("redis://{}", node.trim_start_matches("redis://"))).collect();
        if self.url.starts_with("redis+cluster") {
            let mut cluster = redis::cluster::ClusterClient::new(nodes).unwrap().get_connection().unwrap();
            redis::cmd("SET").arg(key).arg(value).exec(&mut cluster).unwrap();
        } else {
            let mut server = redis::Client::open(nodes[0].as_str()).unwrap().get_connection().unwrap();
            redis::cmd("SET").arg(key).arg(value).exec(&mut server).unwrap();
        }
    }

    /// Waits until Redis has all that memory has.
    pub fn wait_until_stored(&self) {
        wait_until("Redis has everything", PATIENCE, || {
            let statuses = self.instances.iter().map(|instance| instance.node.status());
            statuses
                .flat_map(|status| status.maps.into_values())
                .all(|counts| counts.owed == 0 && counts.dirty == 0)
        });
    }

    /// Writes from all instances, on a few keys and on new ones, until it is stopped.
    pub fn play_on(&self) -> Traffic {
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let (runtime, instances) = (Arc::clone(&self.runtime), self.instances.clone());
        let writes = std::thread::spawn(move || {
            let mut written = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let instance = &instances[written as usize % 2];
                // Games of one instance stay there, as a load balancer that keeps users would have it.
                let (number, move_number) = (written % 10, written / 10);
                let state = json!({"white": {"id": "ada"}, "black": {"id": "bob"}, "moves": move_number});
                runtime.block_on(instance.games.set(&format!("g{number}"), state.clone(), None)).unwrap();
                let new = format!("n{}-{}", written % 2, written % 200);
                if written.is_multiple_of(3) {
                    runtime.block_on(instance.games.remove(&new)).unwrap();
                } else {
                    runtime.block_on(instance.games.set(&new, state, Some(PATIENCE))).unwrap();
                }
                written += 1;
                // As fast as it goes, the machine would be too busy for the rounds that this is there for.
                std::thread::sleep(Duration::from_millis(1));
            }
            written
        });
        Traffic { ended, writes }
    }
}

/// Writes that go on.
pub struct Traffic {
    ended: Arc<AtomicBool>,
    writes: JoinHandle<u64>,
}

impl Traffic {
    /// Ends them; how many there were.
    pub fn stop(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.writes.join().unwrap()
    }
}

impl Instance {
    fn start(url: &str, name: &str) -> Self {
        let node = Node::new(port(url), Settings::named(name));
        let games = node.map(MapSpec::new("chessGameStates", "chessGameState:", Json)).unwrap();
        let active = node.map(MapSpec::new("activeChessGames", "activeChessGame:", Text)).unwrap();
        tokio::spawn(Arc::clone(&node).run());
        Self { node, games, active }
    }
}

fn port(url: &str) -> Arc<RedisPort> {
    let timeout = Duration::from_secs(5);
    let settings = RedisSettings {
        url: url.to_owned(),
        space: Space::default(),
        timeout,
        replicate_within: timeout / 2,
    };
    RedisPort::new(settings).unwrap()
}
