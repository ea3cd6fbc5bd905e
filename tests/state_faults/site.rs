//! A migration with everything that takes part: Redis, instances, the operator, a router, and the ledger.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use history_check::Action;
use serde_json::Value;
use state_map::Phase;

use super::calls::steers;
use super::instance::{Answer, Instance, Line};
use super::ledger::{Ledger, request};
use super::routes::Addresses;
use super::steering::{CLEAN_ROUNDS, Steering, is_acknowledged};
use super::store::{Store, wait_for};
use super::turn::Turn;
use crate::support::{Act, RedisProxy, Scalectl, Which, WorkDir};

/// A migration in `off`.
pub struct Site {
    // Instances end before the servers do.
    /// The processes.
    pub instances: Vec<Instance>,
    /// The operator.
    pub steering: Steering,
    /// Between each instance and Redis, where it is one address.
    pub proxies: Vec<RedisProxy>,
    /// Redis.
    pub store: Store,
    /// What was done.
    pub ledger: Arc<Ledger>,
    /// Where each instance listens; a restart changes it.
    pub addresses: Addresses,
    dir: Arc<WorkDir>,
    _turn: Turn,
}

impl Site {
    /// So many instances before this store, all registered.
    #[track_caller]
    pub fn start(instances: usize, store: impl FnOnce() -> Store) -> Self {
        let turn = Turn::take();
        let store = store();
        let proxies: Vec<_> = store
            .port()
            .map_or(Vec::new(), |port| (0..=instances).map(|_| RedisProxy::before(port)).collect());
        let url = |at: usize| proxies.get(at).map_or_else(|| store.url(), RedisProxy::url);
        let steering = Steering::new(&url(instances), store.replicas());
        let running: Vec<_> = (0..instances).map(|at| Instance::start(&name(at), &url(at))).collect();
        let addresses = Addresses::of(&running);
        let ledger = Arc::new(Ledger::new());
        let mut site = Self {
            instances: running,
            steering,
            proxies,
            store,
            ledger,
            addresses,
            dir: Arc::new(WorkDir::new("operator")),
            _turn: turn,
        };
        site.wait_until_registered(instances);
        site
    }

    /// The same, already in this phase.
    #[track_caller]
    pub fn in_phase(phase: Phase, instances: usize, store: impl FnOnce() -> Store) -> Self {
        let mut site = Self::start(instances, store);
        site.steering.go_to(phase);
        site
    }

    /// `scalectl migrate state` with these words; all commands of a site share a folder and a journal.
    pub fn command(&self, words: &[&str]) -> Scalectl {
        let base = words.iter().fold(Scalectl::new(["migrate", "state"]), Scalectl::arg);
        base.env("SCALECTL_REDIS_URL", self.store.url()).dir(&self.dir)
    }

    /// An operator beside the first, on another machine: with a journal and a proxy of its own.
    pub fn another_operator(&mut self) -> Steering {
        let port = self.store.port().expect("the store has one address");
        let proxy = RedisProxy::before(port);
        let steering = Steering::new(&proxy.url(), self.store.replicas());
        self.proxies.push(proxy);
        steering
    }

    /// Waits until Redis knows so many instances.
    #[track_caller]
    pub fn wait_until_registered(&mut self, count: usize) {
        wait_for("the instances to register", || {
            self.steering.survey().is_ok_and(|view| view.members.len() == count)
        });
    }

    /// Waits until no instance owes Redis anything.
    #[track_caller]
    pub fn wait_until_stored(&mut self) {
        wait_for("everything to be stored", || {
            let instances = self.instances.iter().filter(|instance| instance.is_running());
            let statuses: Vec<Value> = instances.map(|instance| instance.status()).collect();
            let maps = statuses.iter().flat_map(|status| status["maps"].as_object().into_iter().flatten());
            let owed = maps.map(|(_, counts)| [&counts["owed"], &counts["dirty"]].map(Value::as_u64));
            owed.flatten().all(|count| count == Some(0))
        });
    }

    /// Waits until everybody is registered and has acknowledged, and nothing is owed.
    #[track_caller]
    pub fn wait_until_settled(&mut self) {
        let running = self.instances.iter().filter(|instance| instance.is_running()).count();
        wait_for("everybody to acknowledge", || {
            self.steering.survey().is_ok_and(|view| is_acknowledged(&view) && view.members.len() == running)
        });
    }

    /// Waits in `shadow` until the gate to `read-new` has seen enough clean compares of everybody.
    #[track_caller]
    pub fn wait_for_compares(&mut self) {
        for at in 0..self.instances.len() {
            self.steering.wait_for_member(&name(at), |member| member.report.clean_rounds >= CLEAN_ROUNDS);
        }
    }

    /// A step of the operator whose change the replica does not hear of: it lags from between the check and the change.
    #[track_caller]
    pub fn step_unheard<T: Send>(&mut self, step: impl FnOnce(&mut Steering) -> T + Send) -> T {
        let held = self.proxies[self.instances.len()].gated(Which::next(steers()), Act::Hold);
        let (store, steering) = (&self.store, &mut self.steering);
        thread::scope(|scope| {
            let stepping = scope.spawn(|| step(steering));
            held.wait();
            store.lag();
            held.release();
            stepping.join().expect("the operator does not panic")
        })
    }

    /// Takes in an instance that was started beside the others. It asks Redis without a proxy.
    pub fn adopt(&mut self, instance: Instance) {
        self.addresses.push(instance.address);
        self.instances.push(instance);
    }

    /// Kills an instance. What it acknowledged from its memory is forgiven where Redis had not accepted it: up to
    /// `read-new` memory is the promise. Call it when nothing is on its way from this instance but by its death.
    #[track_caller]
    pub fn kill(&mut self, at: usize) {
        let status = self.instances[at].status();
        let phase: Phase = serde_json::from_value(status["phase"].clone()).expect("a status names a phase");
        let incarnation = status["incarnation"].as_str().unwrap_or_default().to_owned();
        let killed = self.ledger.now();
        self.instances[at].kill();
        if phase > Phase::ReadNew {
            return;
        }
        for key in self.ledger.keys() {
            let owner = self.store.sidecar(&key, "owner");
            if owner == incarnation {
                let fallback = self.store.list(&key);
                self.ledger.lost(&key, fallback, killed, self.ledger.now());
            }
        }
    }

    /// Starts a killed instance again under its name.
    #[track_caller]
    pub fn restart(&mut self, at: usize) {
        self.instances[at].restart();
        self.addresses.set(at, self.instances[at].address);
    }

    /// An operation, written down, from a client of its own.
    pub fn perform(&self, at: usize, key: &str, action: Action) -> Answer {
        let client = format!("{} {key}", name(at));
        let answer = self.ledger.perform(&mut None, self.address(at), &client, key, action);
        answer.unwrap_or_else(|| Answer::Unknown("the connection was lost".to_owned()))
    }

    /// Appends a number of its own, which is returned; fails the test when it is not acknowledged.
    #[track_caller]
    pub fn append(&self, at: usize, key: &str) -> u64 {
        let item = self.ledger.item();
        self.perform(at, key, Action::Append(item)).ok();
        item
    }

    /// Reads; fails the test when it is refused.
    #[track_caller]
    pub fn get(&self, at: usize, key: &str) -> Value {
        self.perform(at, key, Action::Get).ok()
    }

    /// Begins an operation whose answer comes later.
    #[track_caller]
    pub fn begin(&self, at: usize, key: &str, action: Action) -> Begun {
        let mut line = Line::to(self.address(at)).expect("the instance accepts a connection");
        let asked = request(key, &action);
        let number = self.ledger.begin(&name(at), key, action, self.ledger.now());
        line.send(&asked).expect("the instance takes a request");
        Begun { line, key: key.to_owned(), number }
    }

    /// Begins to append, and stops when it has read and has not written.
    #[track_caller]
    pub fn stop_in_append(&self, at: usize, key: &str) -> Begun {
        let mut line = Line::to(self.address(at)).expect("the instance accepts a connection");
        let item = self.ledger.item();
        let number = self.ledger.begin(&name(at), key, Action::Append(item), self.ledger.now());
        let request = serde_json::json!({"op": "slow-append", "key": key, "item": item});
        assert_eq!(line.ask(&request).expect("the instance answers"), Answer::Paused);
        Begun { line, key: key.to_owned(), number }
    }

    /// What becomes of an operation that was begun.
    pub fn end(&self, mut begun: Begun) -> Answer {
        let answer = begun.line.hear().ok();
        self.ledger.end(&begun.key, begun.number, answer.as_ref());
        answer.unwrap_or_else(|| Answer::Unknown("the connection was lost".to_owned()))
    }

    /// Lets an append that has stopped go on.
    pub fn let_go(&self, mut begun: Begun) -> Answer {
        let sent = begun.line.send(&serde_json::json!({"op": "go"}));
        sent.expect("the instance takes a request");
        self.end(begun)
    }

    /// Where an instance listens.
    pub fn address(&self, at: usize) -> SocketAddr {
        self.addresses.get(at)
    }

    /// Another server takes over by hand; what the replica has not heard is lost.
    #[track_caller]
    pub fn fail_over(&mut self) {
        self.forgive_at_death(Store::fail_over);
        let port = self.store.port().expect("a pair has one address");
        self.proxies.iter().for_each(|proxy| proxy.point_to(port));
    }

    /// Lets a server die, after which reads of what nobody was promised count no more.
    #[track_caller]
    pub fn forgive_at_death(&mut self, dies: impl FnOnce(&mut Store, &mut dyn FnMut())) {
        let (ledger, mut died) = (&self.ledger, 0);
        dies(&mut self.store, &mut || died = ledger.now());
        ledger.forgive_early_reads(died);
    }

    /// Goes on to `stop-old`, where Redis alone has the state, writes down what each key has there, at Redis and at
    /// each instance, and checks all histories.
    #[track_caller]
    pub fn finish(&mut self, what: &str) {
        self.steering.go_to(Phase::StopOld);
        self.check(what);
    }

    /// Writes down what each instance and Redis have, and checks all histories.
    #[track_caller]
    pub fn check(&mut self, what: &str) {
        self.look();
        let lost = self.ledger.unexplained();
        assert!(lost.is_empty(), "{what}: acknowledged operations were lost:\n{}", lost.join("\n"));
    }

    /// Writes down what each instance and Redis have.
    #[track_caller]
    pub fn look(&mut self) {
        let phase = self.steering.phase();
        for key in self.ledger.keys() {
            for at in 0..self.instances.len() {
                if self.instances[at].is_running() {
                    wait_for(&format!("{key} to be read at {}", name(at)), || {
                        matches!(self.perform(at, &key, Action::Get), Answer::Ok(_))
                    });
                }
            }
            if phase >= Phase::Strict {
                self.ledger.found(&key, self.store.list(&key));
            }
        }
    }
}

/// An operation that was begun.
pub struct Begun {
    line: Line,
    key: String,
    number: usize,
}

/// Name of an instance.
pub fn name(at: usize) -> String {
    format!("i{at}")
}

/// Long enough for what is not to happen; short enough for a test.
pub const MOMENT: Duration = Duration::from_millis(300);
