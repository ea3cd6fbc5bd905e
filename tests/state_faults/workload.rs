//! Clients that read and write all the time, each operation written down.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use history_check::Action;

use super::chance::Chance;
use super::instance::{Answer, Line};
use super::ledger::{Ledger, content};
use super::routes::{Addresses, Router};
use super::site::Site;

/// Time between two operations of a client.
const PACE: Duration = Duration::from_millis(4);

/// A list that has become so long is set anew.
const LONG: usize = 12;

/// Clients at work, until this is stopped or dropped.
#[derive(Debug)]
pub struct Workload {
    /// Which instance each key goes to.
    pub router: Arc<Router>,
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Workload {
    /// So many clients on so many keys, which are spread over the instances of a site.
    pub fn start(site: &Site, clients: usize, keys: usize, seed: u64) -> Self {
        let router = Arc::new(Router::new(keys, site.instances.len()));
        let is_over = Arc::new(AtomicBool::new(false));
        let mut seeds = Chance::new(seed);
        let start = |number: usize| {
            let client = Client {
                name: format!("c{number}"),
                ledger: Arc::clone(&site.ledger),
                addresses: site.addresses.clone(),
                router: Arc::clone(&router),
                chance: Chance::new(seeds.next()),
                keys,
                lines: HashMap::new(),
                seen: HashMap::new(),
            };
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || client.run(&is_over))
        };
        let clients = (0..clients).map(start).collect();
        Self { router, is_over, clients }
    }

    /// Waits until so many more operations have succeeded.
    #[track_caller]
    pub fn go_on(&self, site: &Site, operations: usize) {
        let before = site.ledger.counts().0;
        super::store::wait_for("operations to succeed", || site.ledger.counts().0 >= before + operations);
    }

    /// Ends it, and waits for the operations under way.
    #[track_caller]
    pub fn stop(mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            client.join().expect("a client does not panic");
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

struct Client {
    name: String,
    ledger: Arc<Ledger>,
    addresses: Addresses,
    router: Arc<Router>,
    chance: Chance,
    keys: usize,
    lines: HashMap<SocketAddr, Option<Line>>,
    /// What it saw of each key last.
    seen: HashMap<usize, Vec<u64>>,
}

impl Client {
    fn run(mut self, is_over: &AtomicBool) {
        while !is_over.load(Ordering::SeqCst) {
            let key = self.chance.below(self.keys);
            let action = self.action(key);
            let to = self.addresses.get(self.router.at(key));
            let line = self.lines.entry(to).or_default();
            let name = format!("room-{key}");
            if let Some(Answer::Ok(found)) = self.ledger.perform(line, to, &self.name, &name, action) {
                self.seen.insert(key, content(&found).unwrap_or_default());
            }
            thread::sleep(PACE);
        }
    }

    fn action(&mut self, key: usize) -> Action {
        let seen = self.seen.get(&key).cloned().unwrap_or_default();
        match self.chance.below(100) {
            _ if seen.len() > LONG => Action::Set(vec![self.ledger.item()]),
            0..40 => Action::Get,
            40..84 => Action::Append(self.ledger.item()),
            84..90 => Action::Set(vec![self.ledger.item()]),
            90..95 => Action::Delete,
            _ => Action::DeleteIf(seen),
        }
    }
}
