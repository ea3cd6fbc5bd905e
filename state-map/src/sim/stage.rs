//! What the tasks of a run share, and what clients do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use history_check::{Action, Value};
use rand::RngExt;
use tokio::sync::oneshot;

use super::balancer::Balancer;
use super::executor::WORLD;
use super::fleet::{Fleet, Games, PREFIX};
use super::ledger::Ledger;
use super::network::Network;
use super::port::sleep;
use crate::control::Id;
use crate::error::Refused;
use crate::map::Change;
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::sync::lock;
use crate::wire::key::Key;

/// What a client asks for.
#[derive(Clone)]
pub struct Wish {
    action: Action,
    /// How long a value that is set lives.
    life: Option<Duration>,
}

impl From<Action> for Wish {
    fn from(action: Action) -> Self {
        Self { action, life: None }
    }
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Stage {
    pub network: Arc<Mutex<Network>>,
    pub ledger: Arc<Mutex<Ledger>>,
    pub fleet: Arc<Mutex<Fleet>>,
    pub balancer: Arc<Mutex<Balancer>>,
    /// Operators who may be at work at once.
    pub operators: usize,
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

    /// Never more than two phases are served at once, and they are neighbours.
    pub fn inspect(&self) {
        let dead: Vec<Id> = self.network().store.control().dead.keys().copied().collect();
        let fleet = self.fleet();
        let served = fleet.running().map(|(_, instance)| instance.node.status());
        let served = served.filter(|status| status.registered && !dead.contains(&status.incarnation));
        let phases: BTreeSet<Phase> = served.map(|status| status.phase).collect();
        let (Some(first), Some(last)) = (phases.first(), phases.last()) else { return };
        if *last as usize - *first as usize > 1 {
            let phases = format!("{first} and {last} are served at once");
            self.network().note(|| phases.clone());
            self.ledger().set_apart(phases);
        }
    }

    /// One request of a client, at the process that serves the key. Whether it was acknowledged.
    pub async fn request(&self, client: &str, key: &Key, at: usize, wish: impl Into<Wish>) -> bool {
        self.inspect();
        let wish = wish.into();
        let (done, answer) = oneshot::channel();
        let era = self.balancer().begin();
        let over = self.await_expiry(key, &wish);
        {
            let fleet = self.fleet();
            let Some(instance) = fleet.get(at) else {
                drop(fleet);
                self.balancer().end(era);
                return false;
            };
            let (games, process, ledger) =
                (instance.games.clone(), instance.process, Arc::clone(&self.ledger));
            let begun = self.ledger().begin(key, client, wish.action.clone());
            self.network().note(|| {
                let Wish { action, life } = &wish;
                let life = life.map(|life| format!(" for {life:?}")).unwrap_or_default();
                format!("{client}: {action}{life} of {key} at {}", Fleet::name(at))
            });
            let key = key.clone();
            self.network().spawn(process, async move {
                let result = carry_out(&games, &key, &wish).await;
                lock(&ledger).end(&key, begun, &result);
                drop(done.send(result));
            });
        }
        let result = answer.await;
        self.balancer().end(era);
        self.network().note(|| format!("{client}: {result:?} for {key}"));
        let acknowledged = matches!(result, Ok(Ok(_)));
        if let Some(over) = over {
            let _gone = over.send(acknowledged);
        }
        acknowledged
    }

    /// Writes the end of a value that lives for a time into the history. What is given is told when the request is
    /// over whether it was acknowledged.
    fn await_expiry(&self, key: &Key, wish: &Wish) -> Option<oneshot::Sender<bool>> {
        let (Action::Set(list), Some(life)) = (&wish.action, wish.life) else { return None };
        let (over, is_over) = oneshot::channel();
        let expiry = expire(self.clone(), key.clone(), list.clone(), life, is_over);
        self.network().spawn(WORLD, expiry);
        Some(over)
    }
}

/// How far two clocks may be apart: each is measured to half of the longest round trip that counts.
const APART: Duration = Duration::from_millis(450);

/// A value ends about its life after it was set: that is after the request began and before it ended. One that may be
/// set later still ends then or at once.
async fn expire(stage: Stage, key: Key, list: Vec<u64>, life: Duration, over: oneshot::Receiver<bool>) {
    sleep(&stage.network, life.saturating_sub(APART)).await;
    let expiry = stage.ledger().begin_expiry(&key, list);
    if over.await == Ok(true) {
        sleep(&stage.network, life + APART).await;
        stage.ledger().end_expiry(&key, expiry);
    }
}

/// What a request does in its process. Gives what it found.
async fn carry_out(games: &Games, key: &Key, wish: &Wish) -> Result<Value, Refused> {
    let Wish { action, life } = wish;
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
                Some(after) => Change::Set(after, life.filter(|_| matches!(action, Action::Set(_)))),
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
        let wish = choose_wish(&stage, key);
        let acknowledged = stage.request(&name, key, at, wish).await;
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

fn choose_wish(stage: &Stage, key: &Key) -> Wish {
    let dice = stage.below(100);
    let number = stage.ledger().number();
    match dice {
        0..40 => Action::Get.into(),
        40..58 => Action::Set(vec![number]).into(),
        58..65 => {
            let life = Duration::from_millis(600 + stage.below(2_000));
            Wish { action: Action::Set(vec![number]), life: Some(life) }
        }
        65..85 => Action::Append(number).into(),
        85..93 => Action::Delete.into(),
        _ => Action::DeleteIf(last_set(stage, key)).into(),
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
