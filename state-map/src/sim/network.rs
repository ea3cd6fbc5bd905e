//! Time, chance, and the way between processes and servers: calls are delayed, lost, doubled and overtaken, also
//! after their senders have given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;

use super::executor::{Process, WORLD, Work};
use super::line::Line;
use super::store::{Server, Store};
use super::telling;
use super::weather::Weather;
use crate::control::Id;
use crate::port::Event;
use crate::wire::call::{Call, Failure, Reply};

/// Wall clock of the servers when a run begins.
pub const EPOCH_MS: u64 = 1_700_000_000_000;

/// Time after which a port gives up a call.
pub const TIMEOUT_US: u64 = 400_000;

/// A call under way.
#[derive(Debug, Clone)]
pub struct Sent {
    port: usize,
    number: u64,
    pub call: Arc<Call>,
    replicas: u32,
    /// Whether there are two of it.
    is_doubled: bool,
    /// Whether the other one was there before: whoever sent it hears the answer to that one, or none.
    is_copy: bool,
}

/// What happens at some time.
pub enum Happening {
    /// A timer is over.
    Wake(oneshot::Sender<()>),
    /// Nothing but that time passes.
    Tick,
    /// A task that was put off goes on.
    GoOn(usize),
    /// A call arrives at its server.
    Arrive(Sent),
    /// The replicas should have what a call has written, which this history of the server has answered so.
    Confirm(Sent, Server, u32, Reply),
    /// An answer arrives.
    Answer(u64, Result<Reply, Failure>),
    /// A message arrives.
    Deliver(usize, Id, Event),
    /// A port notices that a server is another one.
    Notice(usize, Server),
}

/// Sees the store, a call that it has carried out, the answer, and when.
pub type Watcher = Box<dyn FnMut(&Store, &Call, &Reply, u64) + Send>;

/// The world that all ports share.
pub struct Network {
    pub now_us: u64,
    pub rng: ChaCha8Rng,
    pub weather: Weather,
    pub store: Store,
    pub lines: Vec<Line>,
    /// Servers that do not answer before a time.
    pub down_until: BTreeMap<Server, u64>,
    /// Servers whose replicas stand still before a time.
    pub alone_until: BTreeMap<Server, u64>,
    pub spawned: Vec<(Process, Work)>,
    /// Processes that were killed, their tasks still to be dropped.
    pub killed: Vec<Process>,
    /// Processes that stand still until a time.
    pub paused: BTreeMap<Process, u64>,
    pub is_over: bool,
    /// Sees what each call has done.
    pub watcher: Option<Watcher>,
    waiting: BTreeMap<u64, oneshot::Sender<Result<Reply, Failure>>>,
    /// Doubled calls of which one has arrived.
    arrived: BTreeSet<u64>,
    pub agenda: BTreeMap<(u64, u64), Happening>,
    count: u64,
    digest: u64,
    trace: Option<Vec<String>>,
}

impl Network {
    pub fn new(seed: u64, shards: usize, weather: Weather, is_traced: bool) -> Self {
        Self {
            now_us: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            weather,
            store: Store::new(shards),
            lines: Vec::new(),
            down_until: BTreeMap::new(),
            alone_until: BTreeMap::new(),
            spawned: Vec::new(),
            killed: Vec::new(),
            paused: BTreeMap::new(),
            is_over: false,
            watcher: None,
            waiting: BTreeMap::new(),
            arrived: BTreeSet::new(),
            agenda: BTreeMap::new(),
            count: 0,
            digest: 0,
            trace: is_traced.then(Vec::new),
        }
    }

    /// Redis' clock.
    pub fn redis_ms(&self) -> u64 {
        EPOCH_MS + self.now_us / 1_000
    }

    /// Something is to happen after a time.
    pub fn after(&mut self, delay_us: u64, happening: Happening) {
        self.count += 1;
        self.agenda.insert((self.now_us + delay_us, self.count), happening);
    }

    /// The next thing that happens before this time, and the time has come.
    pub fn next(&mut self, end_us: u64) -> Option<Happening> {
        loop {
            let entry = self.agenda.first_entry().filter(|entry| entry.key().0 <= end_us)?;
            let ((time, _), happening) = entry.remove_entry();
            if matches!(&happening, Happening::Wake(sleeper) if sleeper.is_closed()) {
                continue;
            }
            self.now_us = time;
            return Some(happening);
        }
    }

    /// Writes a line of the trace, if there is one.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let now_us = self.now_us;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.3} {}", now_us as f64 / 1_000.0, line()));
        }
    }

    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.replace(Vec::new()).unwrap_or_default()
    }

    /// All that was to happen.
    pub fn take_agenda(&mut self) -> BTreeMap<(u64, u64), Happening> {
        std::mem::take(&mut self.agenda)
    }

    /// A number that is the same for the same course of things.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn mix(&mut self, what: u64) {
        self.digest = (self.digest ^ what ^ self.now_us).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    }

    pub fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1_000) < per_mille
    }

    /// Sends a call. The answer comes through the receiver, at the latest when the port gives up.
    pub fn send(
        &mut self,
        port: usize,
        call: Call,
        replicas: u32,
    ) -> oneshot::Receiver<Result<Reply, Failure>> {
        let (sender, receiver) = oneshot::channel();
        self.count += 1;
        let is_doubled = self.chance(self.weather.doubled);
        let (number, call) = (self.count, Arc::new(call));
        let sent = Sent { port, number, call, replicas, is_doubled, is_copy: false };
        self.waiting.insert(sent.number, sender);
        self.note(|| format!("{} #{} {}", name(port), sent.number, telling::call(&sent.call)));
        self.notice(port, self.store.server(&sent.call));
        let gave_up = Err(Failure::Unknown("no answer in time".to_owned()));
        self.after(TIMEOUT_US, Happening::Answer(sent.number, gave_up));
        if is_doubled {
            let delay = self.weather.late_us(&mut self.rng);
            self.after(delay, Happening::Arrive(sent.clone()));
        }
        if !self.chance(self.weather.lost) {
            let delay = self.weather.delay_us(&mut self.rng);
            self.after(delay, Happening::Arrive(sent));
        }
        receiver
    }

    /// Lets something happen.
    pub fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(sleeper) => {
                let _gone = sleeper.send(());
            }
            Happening::Tick | Happening::GoOn(_) => {}
            Happening::Arrive(sent) => self.arrive(sent),
            Happening::Confirm(sent, server, history, reply) => self.confirm(&sent, server, history, reply),
            Happening::Answer(number, result) => self.answer(number, result),
            Happening::Deliver(port, to, event) => {
                if to.is_none() || self.lines[port].listens == to {
                    self.deliver(port, event);
                }
            }
            Happening::Notice(port, server) => self.notice(port, server),
        }
    }

    fn is_down(&self, server: Server) -> bool {
        self.down_until.get(&server).is_some_and(|until| *until > self.now_us)
    }

    fn is_alone(&self, server: Server) -> bool {
        self.alone_until.get(&server).is_some_and(|until| *until > self.now_us)
    }

    fn arrive(&mut self, mut sent: Sent) {
        if *sent.call == Call::Barrier {
            return self.barrier(&sent);
        }
        let server = self.store.server(&sent.call);
        let cut_until = self.lines[sent.port].cut_until;
        if self.is_down(server) || cut_until > self.now_us {
            return self.stray(sent, server, cut_until);
        }
        sent.is_copy = sent.is_doubled && !self.arrived.insert(sent.number);
        let now_ms = self.redis_ms();
        let reply = self.store.carry_out(&sent.call, now_ms);
        if let Some(watch) = &mut self.watcher {
            watch(&self.store, &sent.call, &reply, now_ms);
        }
        self.mix(sent.number);
        self.note(|| {
            format!("{server:?} #{} of {} -> {}", sent.number, name(sent.port), telling::reply(&reply))
        });
        self.publish();
        if sent.call.is_durable() && sent.replicas > 0 {
            let (delay, history) = (self.weather.delay_us(&mut self.rng), self.store.history(server));
            self.after(delay, Happening::Confirm(sent, server, history, reply));
        } else {
            self.reply(&sent, Ok(reply));
        }
    }

    /// A call that does not get through is refused, lost, or comes later.
    fn stray(&mut self, sent: Sent, server: Server, cut_until: u64) {
        let until = self.down_until.get(&server).copied().unwrap_or_default().max(cut_until);
        match self.rng.random_range(0..4) {
            0 => {
                let delay = until.saturating_sub(self.now_us) + self.weather.delay_us(&mut self.rng);
                self.after(delay, Happening::Arrive(sent));
            }
            1 if cut_until <= self.now_us && !sent.is_doubled => {
                let refused = Failure::Refused("connection refused".to_owned());
                self.after(300, Happening::Answer(sent.number, Err(refused)));
            }
            _ => {}
        }
    }

    fn confirm(&mut self, sent: &Sent, server: Server, history: u32, reply: Reply) {
        if self.store.history(server) != history {
            return self.reply(sent, Err(Failure::Unknown("the connection was lost".to_owned())));
        }
        if self.is_alone(server) || self.is_down(server) {
            return self.reply(sent, Err(Failure::Unknown("0 of 1 replicas".to_owned())));
        }
        self.store.replicate(server);
        self.reply(sent, Ok(reply));
    }

    /// WAIT on every server. What was written over an earlier connection is not known to be there.
    fn barrier(&mut self, sent: &Sent) {
        let servers: Vec<_> = self.store.servers().collect();
        let line = &self.lines[sent.port];
        let is_same =
            servers.iter().all(|server| line.known.get(server) == Some(&self.store.history(*server)));
        // An operator has nothing in memory that Redis may have forgotten.
        let is_told = line.process == WORLD.0 || !line.events.contains(&Event::Forgot);
        let reaches = line.cut_until <= self.now_us && !servers.iter().any(|server| self.is_down(*server));
        let waits = sent.replicas == 0 || !servers.iter().any(|server| self.is_alone(*server));
        if !is_same {
            servers.iter().for_each(|server| self.notice(sent.port, *server));
        }
        if !(is_same && is_told && reaches && waits) {
            return self.reply(sent, Err(Failure::Unknown("not all replicas have all".to_owned())));
        }
        if sent.replicas > 0 {
            servers.iter().for_each(|server| self.store.replicate(*server));
        }
        self.reply(sent, Ok(Reply::Done));
    }

    fn reply(&mut self, sent: &Sent, result: Result<Reply, Failure>) {
        if self.chance(self.weather.lost) || self.lines[sent.port].is_gone || sent.is_copy {
            return;
        }
        let delay = self.weather.delay_us(&mut self.rng);
        self.after(delay, Happening::Answer(sent.number, result));
    }

    fn answer(&mut self, number: u64, result: Result<Reply, Failure>) {
        let Some(waiting) = self.waiting.remove(&number) else { return };
        if waiting.is_closed() {
            return;
        }
        self.mix(number);
        self.note(|| match &result {
            Ok(_) => format!("#{number} is answered"),
            Err(failure) => format!("#{number} fails: {failure}"),
        });
        drop(waiting.send(result));
    }
}

/// Name of a line in the trace.
fn name(port: usize) -> String {
    format!("line {port}")
}
