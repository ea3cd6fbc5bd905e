//! A run: its cast, its troubles, its end, and what is asked of it.

use std::sync::{Arc, Mutex};

use history_check::Action;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::balancer::Balancer;
use super::executor::WORLD;
use super::fleet::Fleet;
use super::ledger::Ledger;
use super::network::Network;
use super::stage::{Stage, be_client};
use super::steering::{be_operator, step_towards, tool};
use super::trouble::{Troubles, heal, key, make_trouble, restart_retired};
use super::weather::Weather;
use super::world::World;
use crate::phase::Phase;
use crate::sync::lock;

/// Time in which everything must be at its goal when nothing goes wrong any more.
const CALM_US: u64 = 60_000_000;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Script {
    pub instances: usize,
    pub keys: usize,
    pub clients: usize,
    pub operators: usize,
    pub shards: usize,
    pub replicas: u32,
    pub goals: Vec<Phase>,
    pub goal: Phase,
    pub troubled_us: u64,
    /// The longest time between two attempts of an operator.
    pub pause_ms: u64,
    pub weather: Weather,
    pub troubles: Option<Troubles>,
}

/// What became of a run.
#[derive(Debug)]
pub struct Ended {
    pub seed: u64,
    /// What was violated.
    pub failure: Option<String>,
    pub acknowledged: usize,
    pub steps: u64,
    pub digest: u64,
    pub trace: Vec<String>,
}

impl Script {
    /// A run of this seed. One in four is about steering, one about silent owners.
    pub fn any(network: &mut Network) -> Self {
        let rng = &mut network.rng;
        let phases = &Phase::ALL[..=Phase::PrimaryNew as usize];
        let goals = (0..rng.random_range(1..5)).map(|_| phases[rng.random_range(0..phases.len())]).collect();
        let script = Self {
            instances: rng.random_range(2..=4),
            keys: rng.random_range(1..=4),
            clients: rng.random_range(2..=4),
            operators: if rng.random_bool(0.15) { 2 } else { 1 },
            shards: rng.random_range(1..=2),
            replicas: 1,
            goals,
            goal: Phase::ALL[rng.random_range(Phase::PrimaryNew as usize..Phase::ALL.len())],
            troubled_us: rng.random_range(3..15) * 1_000_000,
            pause_ms: 200,
            weather: Weather::any(rng),
            troubles: None,
        };
        match rng.random_range(0..4) {
            0 => script.about_steering(rng),
            1 => script.about_silence(rng),
            _ => script,
        }
    }

    /// The record goes up and down fast, and the control shard fails over.
    fn about_steering(self, rng: &mut ChaCha8Rng) -> Self {
        let turns = [Phase::ReadNew, Phase::PrimaryNew, Phase::Shadow, Phase::Strict, Phase::PrimaryNew];
        let goals = (0..12).map(|_| turns[rng.random_range(0..turns.len())]).collect();
        let troubles = Troubles {
            pause_ms: 600,
            pauses: rng.random_bool(0.5),
            crashes: rng.random_bool(0.2),
            cuts: rng.random_bool(0.3),
            outages: false,
            failovers: true,
            moves: true,
        };
        Self { operators: rng.random_range(1..=2), goals, pause_ms: 40, troubles: Some(troubles), ..self }
    }

    /// Owners fall silent for longer than their leases, with the record in one phase, while others want their keys.
    fn about_silence(self, rng: &mut ChaCha8Rng) -> Self {
        let phases = [Phase::Shadow, Phase::ReadNew, Phase::Strict];
        let goals = vec![phases[rng.random_range(0..phases.len())]];
        let troubles = Troubles {
            pause_ms: 700,
            pauses: true,
            crashes: false,
            cuts: true,
            outages: false,
            failovers: false,
            moves: true,
        };
        Self { keys: self.keys.min(2), operators: 1, goals, troubles: Some(troubles), ..self }
    }
}

/// Runs a seed.
pub fn run(seed: u64, is_traced: bool) -> Ended {
    let mut network = Network::new(seed, 2, Weather::CALM, is_traced);
    let script = Script::any(&mut network);
    play(seed, network, &script)
}

/// Runs a script.
pub fn play(seed: u64, mut network: Network, script: &Script) -> Ended {
    network.note(|| format!("{script:?}"));
    network.store = super::store::Store::new(script.shards);
    network.weather = script.weather;
    let (mut world, stage) = set_up(network, script.instances, script.keys, script.operators);
    let failure = act(&mut world, &stage, script);
    let acknowledged = stage.ledger().acknowledged();
    let mut network = stage.network();
    network.watcher = None;
    let (digest, trace) = (network.digest(), network.take_trace());
    Ended { seed, failure, acknowledged, steps: world.steps(), digest, trace }
}

/// A world in which nothing has begun.
pub fn set_up(mut network: Network, instances: usize, keys: usize, operators: usize) -> (World, Stage) {
    let skews = (0..instances).map(|_| network.rng.random_range(-60_000..60_000)).collect();
    let homes: Vec<_> =
        (0..keys).map(|number| (key(number), network.rng.random_range(0..instances))).collect();
    let world = World::new(network);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let watching = Arc::clone(&ledger);
    lock(&world.network).watcher =
        Some(Box::new(move |store, call, reply, now_ms| lock(&watching).watch(store, call, reply, now_ms)));
    let fleet = Fleet::new(Arc::clone(&world.network), Arc::clone(&ledger), skews);
    let stage = Stage {
        network: Arc::clone(&world.network),
        ledger,
        fleet: Arc::new(Mutex::new(fleet)),
        balancer: Arc::new(Mutex::new(Balancer::new(homes))),
        operators,
    };
    (world, stage)
}

fn act(world: &mut World, stage: &Stage, script: &Script) -> Option<String> {
    (0..script.instances).for_each(|number| stage.fleet().start(number));
    let troubles = script.troubles.unwrap_or_else(|| Troubles::any(stage));
    let until = script.troubled_us;
    let spawn = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| stage.network().spawn(WORLD, work);
    for number in 0..script.clients {
        spawn(Box::pin(be_client(stage.clone(), format!("client-{number}"), until)));
    }
    for number in 0..script.operators {
        let goals = script.goals.iter().skip(number).copied().collect();
        spawn(Box::pin(be_operator(stage.clone(), goals, script.clone())));
    }
    spawn(Box::pin(make_trouble(stage.clone(), troubles, until)));
    world.run(until);
    heal(stage);
    let reached = Arc::new(Mutex::new(Err("nothing came to an end".to_owned())));
    spawn(Box::pin(finish(stage.clone(), script.clone(), Arc::clone(&reached))));
    world.run(until + CALM_US);
    let outcome = lock(&reached).clone();
    let unexplained = stage.ledger().judge().err();
    unexplained.or(outcome.err())
}

/// The migration comes to its goal, and every process gives every key.
async fn finish(stage: Stage, script: Script, outcome: Arc<Mutex<Result<(), String>>>) {
    let mut tool = tool(&stage);
    let deadline = stage.now_us() + CALM_US - 10_000_000;
    while !step_towards(&stage, &mut tool, script.goal, script.replicas).await {
        if stage.now_us() > deadline {
            *lock(&outcome) = Err(stuck(&stage, script.goal));
            stage.network().is_over = true;
            return;
        }
        stage.wait_ms(100).await;
        restart_retired(&stage);
    }
    let result = read_all(&stage).await;
    *lock(&outcome) = result;
    stage.network().is_over = true;
}

fn stuck(stage: &Stage, goal: Phase) -> String {
    let fleet = stage.fleet();
    let stands = fleet.running().map(|(_, instance)| format!("\n  {:?}", instance.node.status()));
    let stands: String = stands.collect();
    let record = stage.network().store.control().record.clone();
    format!("the migration does not get to {goal}: {record:?}{stands}")
}

async fn read_all(stage: &Stage) -> Result<(), String> {
    let count = stage.fleet().len();
    let homes = stage.balancer().homes();
    for (key, _) in homes {
        for number in 0..count {
            let mut attempts = 0;
            while !stage.request("reader", &key, number, Action::Get).await {
                attempts += 1;
                if attempts > 20 {
                    let status = stage.fleet().get(number).map(|instance| instance.node.status());
                    return Err(format!("{key} cannot be read at {}: {status:?}", Fleet::name(number)));
                }
                stage.wait_ms(200).await;
            }
        }
    }
    let conflicts = stage.network().store.control().conflicts.clone();
    if conflicts.is_empty() { Ok(()) } else { Err(format!("conflicts: {conflicts:?}")) }
}
