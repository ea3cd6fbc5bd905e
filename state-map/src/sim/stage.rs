//! What the tasks of a run share, and what clients do.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use history_check::{Action, Value};
use rand::RngExt;
use tokio::sync::oneshot;

use super::balancer::Balancer;
use super::fleet::{Fleet, Games, PREFIX};
use super::ledger::Ledger;
use super::network::Network;
use super::port::sleep;
use crate::error::Refused;
use crate::map::Change;
use crate::plant::{Bug, planted};
use crate::sync::lock;
use crate::wire::key::Key;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Stage {
    pub network: Arc<Mutex<Network>>,
    pub ledger: Arc<Mutex<Ledger>>,
    pub fleet: Arc<Mutex<Fleet>>,
    pub balancer: Arc<Mutex<Balancer>>,
}

impl Stage {
    pub fn network(&self) -> MutexGuard<'_, Network> {
        lock(&self.network)
    }

    pub fn fleet(&self) -> MutexGuard<'_, Fleet> {
        lock(&self.fleet)
    }

    pub fn balancer(&self) -> MutexGuard<'_, Balancer> {
        lock(&self.balancer)
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub fn now_us(&self) -> u64 {
        self.network().now_us
    }

    /// A number below this one.
    pub fn below(&self, most: u64) -> u64 {
        self.network().rng.random_range(0..most.max(1))
    }

    pub async fn wait_ms(&self, millis: u64) {
        sleep(&self.network, Duration::from_millis(millis)).await;
    }

    /// One request of a client, at the process that serves the key. Whether it was acknowledged.
    pub async fn request(&self, client: &str, key: &Key, at: usize, action: Action) -> bool {
        let (done, answer) = oneshot::channel();
        let era = self.balancer().begin();
        {
            let fleet = self.fleet();
            let Some(instance) = fleet.get(at) else {
                drop(fleet);
                self.balancer().end(era);
                return false;
            };
            let (games, process, ledger) =
                (instance.games.clone(), instance.process, Arc::clone(&self.ledger));
            let begun = self.ledger().begin(key, client, action.clone());
            self.network().note(|| format!("{client}: {action} of {key} at {}", Fleet::name(at)));
            let key = key.clone();
            self.network().spawn(process, async move {
                let result = carry_out(&games, &key, &action).await;
                lock(&ledger).end(&key, begun, &result);
                drop(done.send(result));
            });
        }
        let result = answer.await;
        self.balancer().end(era);
        self.network().note(|| format!("{client}: {result:?} for {key}"));
        matches!(result, Ok(Ok(_)))
    }
}

/// What a request does in its process. Gives what it found.
async fn carry_out(games: &Games, key: &Key, action: &Action) -> Result<Value, Refused> {
    let id = key.id(PREFIX).unwrap_or_default();
    if *action == Action::Get {
        return Ok(games.get(&id).await?.map(|value| (*value).clone()));
    }
    games
        .update(&id, |found| {
            let found = found.cloned();
            let change = match action.apply(&found) {
                _ if matches!(action, Action::DeleteIf(_)) && planted(Bug::UnconditionalPresenceDelete) => {
                    Change::Delete
                }
                after if after == found => Change::Keep,
                Some(after) => Change::Set(after, None),
                None => Change::Delete,
            };
            (change, found)
        })
        .await
}

/// A client: one request after another, until the curtain falls.
pub async fn be_client(stage: Stage, name: String, until_us: u64) {
    let keys: Vec<Key> = stage.balancer().homes().into_iter().map(|(key, _)| key).collect();
    while stage.now_us() < until_us {
        let key = &keys[stage.below(keys.len() as u64) as usize];
        let at = choose_process(&stage, key);
        let action = choose_action(&stage, key);
        let acknowledged = stage.request(&name, key, at, action).await;
        let most = if acknowledged { 300 } else { 100 };
        let pause = stage.below(most);
        stage.wait_ms(pause + u64::from(!acknowledged) * 20).await;
    }
}

fn choose_process(stage: &Stage, key: &Key) -> usize {
    let (is_open, home) = {
        let balancer = stage.balancer();
        (balancer.is_open, balancer.home(key))
    };
    if is_open { stage.below(stage.fleet().len() as u64) as usize } else { home }
}

fn choose_action(stage: &Stage, key: &Key) -> Action {
    let dice = stage.below(100);
    let number = stage.ledger().number();
    match dice {
        0..40 => Action::Get,
        40..65 => Action::Set(vec![number]),
        65..85 => Action::Append(number),
        85..93 => Action::Delete,
        _ => Action::DeleteIf(last_set(stage, key)),
    }
}

/// A value that the key had once.
fn last_set(stage: &Stage, key: &Key) -> Vec<u64> {
    let mut ledger = stage.ledger();
    let sets = ledger.history(key).operations.iter().rev();
    let set = sets.filter_map(|operation| match &operation.action {
        Action::Set(list) => Some(list.clone()),
        _ => None,
    });
    set.take(2).last().unwrap_or_default()
}
