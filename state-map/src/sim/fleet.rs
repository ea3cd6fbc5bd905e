//! The processes of the application: started, paused, killed, and started anew under the same name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::executor::Process;
use super::ledger::Ledger;
use super::network::{Happening, Network};
use super::port::SimPort;
use crate::map::Map;
use crate::node::{Node, Settings};
use crate::phase::Phase;
use crate::spec::{Json, MapSpec};
use crate::sync::lock;
use crate::wire::key::Key;

/// Start of the keys' names.
pub const PREFIX: &str = "game:";

/// A process's map.
pub type Games = Map<Vec<u64>, SimPort>;

/// A running process.
pub struct Instance {
    pub process: Process,
    pub line: usize,
    pub node: Arc<Node<SimPort>>,
    pub games: Games,
}

/// How processes take part: all times are short, so that a run has many of each.
pub fn settings(name: &str) -> Settings {
    Settings {
        lease: Duration::from_secs(2),
        operation: Duration::from_secs(1),
        call_life: Duration::from_millis(1_500),
        compare_every: Duration::from_millis(200),
        compared: 4,
        at_once: 8,
        idle: Duration::from_secs(3),
        ..Settings::named(name)
    }
}

/// All processes, by the number of their name.
pub struct Fleet {
    pub network: Arc<Mutex<Network>>,
    pub ledger: Arc<Mutex<Ledger>>,
    instances: Vec<Option<Instance>>,
    skews: Vec<i64>,
    processes: usize,
}

impl Fleet {
    pub fn new(network: Arc<Mutex<Network>>, ledger: Arc<Mutex<Ledger>>, skews: Vec<i64>) -> Self {
        let instances = skews.iter().map(|_| None).collect();
        Self { network, ledger, instances, skews, processes: 0 }
    }

    pub fn len(&self) -> usize {
        self.instances.len()
    }

    pub fn name(number: usize) -> String {
        format!("node-{number}")
    }

    pub fn get(&self, number: usize) -> Option<&Instance> {
        self.instances[number].as_ref()
    }

    pub fn running(&self) -> impl Iterator<Item = (usize, &Instance)> {
        self.instances.iter().enumerate().filter_map(|(number, instance)| Some((number, instance.as_ref()?)))
    }

    /// Starts a process under a name, if none runs.
    pub fn start(&mut self, number: usize) {
        if self.instances[number].is_some() {
            return;
        }
        self.processes += 1;
        let process = Process(self.processes);
        let line = lock(&self.network).open_line(process, self.skews[number]);
        let node = Node::new(SimPort::new(&self.network, line), settings(&Self::name(number)));
        let games = node.map(MapSpec::new("games", PREFIX, Json)).expect("it is the only map");
        let running = Arc::clone(&node);
        let mut network = lock(&self.network);
        network.spawn(process, async move { running.run().await });
        network.note(|| format!("{} starts on line {line}", Self::name(number)));
        drop(network);
        self.instances[number] = Some(Instance { process, line, node, games });
    }

    /// SIGKILL: tasks and memory are gone where they stand. What was sent is on its way.
    pub fn crash(&mut self, number: usize, homes: &[(Key, usize)]) {
        let Some(instance) = self.instances[number].take() else { return };
        let status = instance.node.status();
        let mut network = lock(&self.network);
        network.note(|| format!("{} crashes in {}", Self::name(number), status.phase));
        network.kill(instance.process, instance.line);
        let (now_ms, run) = (network.redis_ms(), network.store.control().record.run);
        let mut ledger = lock(&self.ledger);
        let forgiven = homes.iter().filter(|_| !status.retired);
        for (key, home) in forgiven {
            let record = network.store.shard(key).cell(key).record(run, now_ms).unwrap_or_default();
            let is_home = *home == number;
            let owns = record.owner == status.incarnation
                || (is_home && record.owner.is_none() && !record.is_written());
            match status.phase {
                Phase::Off if is_home => ledger.forgive_now(key, None),
                Phase::Dual | Phase::Backfill | Phase::Shadow | Phase::ReadNew if owns => {
                    ledger.orphan(key, status.incarnation, &network.store, now_ms);
                }
                _ => {}
            }
        }
    }

    /// SIGSTOP for a while.
    pub fn pause(&self, number: usize, time: Duration) {
        let Some(instance) = self.get(number) else { return };
        let mut network = lock(&self.network);
        network.note(|| format!("{} is paused for {time:?}", Self::name(number)));
        network.pause(instance.process, time);
    }
}

impl Network {
    /// Adds a task to a process.
    pub fn spawn(&mut self, process: Process, work: impl Future<Output = ()> + Send + 'static) {
        self.spawned.push((process, Box::pin(work)));
    }

    fn kill(&mut self, process: Process, line: usize) {
        self.lines[line].is_gone = true;
        self.killed.push(process);
    }

    fn pause(&mut self, process: Process, time: Duration) {
        let micros = time.as_micros().try_into().unwrap_or(u64::MAX / 4);
        self.paused.insert(process, self.now_us + micros);
        self.after(micros, Happening::Tick);
    }
}
