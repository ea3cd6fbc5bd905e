//! Looks again at what differs until it agrees, or has persisted unchanged for long enough.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use state_map::Id;
use state_map::wire::key::Key;
use tokio::time::{Instant, sleep};

use super::Progress;
use super::class::{Class, Terms, Weight};
use super::inquire::Asking;
use super::invariant::{Bound, Ends, Finding};
use super::look::{Sides, look_at};
use super::round::Round;
use super::scan::read_keys;
use super::settle::{Look, Settling};
use crate::state::StateError;

/// Looks in a settling time.
const LOOKS: u32 = 5;
/// Settling times after which a key that is never still is given up.
const PATIENCE: u32 = 4;
/// And in any case this long, for the instances to answer.
const AT_LEAST: Duration = Duration::from_secs(3);

/// What differs, and what became of it.
pub struct Persistence<'a> {
    round: &'a Round<'a>,
    asking: &'a Asking,
    terms: Terms,
    begun: Instant,
    /// Keys.
    pub keys: Settling<Key>,
    /// Keys of which a rule does not hold, by number of the rule.
    pub rules: Settling<(usize, Key)>,
    bound: Vec<Bound>,
    /// What was seen last of some keys that did not agree.
    pub seen: BTreeMap<Key, Sides>,
    /// What was found last of some keys of which a rule does not hold.
    pub findings: BTreeMap<(usize, Key), Finding>,
    /// Who did not answer every question.
    pub silent: BTreeSet<Id>,
}

impl<'a> Persistence<'a> {
    /// Nothing differs yet.
    pub fn new(round: &'a Round<'a>, asking: &'a Asking, terms: Terms) -> Self {
        let wanted = round.settings.settle;
        Self {
            round,
            asking,
            terms,
            begun: Instant::now(),
            keys: Settling::new(wanted),
            rules: Settling::new(wanted),
            bound: Vec::new(),
            seen: BTreeMap::new(),
            findings: BTreeMap::new(),
            silent: BTreeSet::new(),
        }
    }

    /// Takes in what was found in buckets, and keys that do not agree with their records.
    pub fn begin(&mut self, found: BTreeMap<Key, Sides>, suspicious: &[Key]) {
        let at = self.begun.elapsed();
        for (key, sides) in found {
            self.observe(&key, sides, at);
        }
        for key in suspicious {
            let suspected = Look { class: Some(Class::Unsettled), print: 0, memory_seq: 0, redis_seq: 0 };
            self.keys.observe(key, suspected, at);
        }
    }

    /// Takes in keys of which rules do not seem to hold.
    pub fn begin_rules(&mut self, ends: &[Ends]) {
        self.bound = ends.iter().map(|ends| ends.bound().clone()).collect();
        let at = self.begun.elapsed();
        for (number, ends) in ends.iter().enumerate() {
            for key in ends.suspicious() {
                let suspected = Look { class: Some(Class::Invariant), print: 0, memory_seq: 0, redis_seq: 0 };
                self.rules.observe(&(number, key), suspected, at);
            }
        }
    }

    /// Looks again and again, until nothing is open or time is up.
    pub async fn run(&mut self) -> Result<(), StateError> {
        let settle = self.round.settings.settle;
        let until = settle * PATIENCE + AT_LEAST.max(self.round.settings.patience);
        let pause = (settle / LOOKS).max(Duration::from_millis(20));
        loop {
            let left = self.keys.left() + self.rules.left();
            if left == 0 {
                return Ok(());
            }
            if self.begun.elapsed() >= until {
                break;
            }
            (self.round.watcher)(Progress::Settling { keys: left });
            sleep(pause).await;
            self.look_at_keys().await?;
            self.look_at_rules().await?;
        }
        self.keys.give_up();
        self.rules.give_up();
        Ok(())
    }

    async fn look_at_keys(&mut self) -> Result<(), StateError> {
        let open = self.keys.open();
        let servers = self.round.servers;
        self.terms.now_ms = servers.now_ms().await?;
        let (sides, silent) = look_at(servers, self.asking, &open).await?;
        self.silent.extend(silent);
        let at = self.begun.elapsed();
        for (key, sides) in sides {
            self.observe(&key, sides, at);
        }
        Ok(())
    }

    fn observe(&mut self, key: &Key, sides: Sides, at: Duration) {
        let look = sides.look(self.asking, self.terms);
        self.keys.observe(key, look, at);
        let is_told = look.class.is_none_or(|class| class.weight() == Weight::Told);
        if is_told {
            self.seen.remove(key);
        } else if self.seen.len() < self.round.settings.samples || self.seen.contains_key(key) {
            self.seen.insert(key.clone(), sides);
        }
    }

    async fn look_at_rules(&mut self) -> Result<(), StateError> {
        let open = self.rules.open();
        let servers = self.round.servers;
        let keys: Vec<Key> = open.iter().map(|(_, key)| key.clone()).collect();
        let stored = read_keys(servers, &keys).await?;
        let mut targets = Vec::new();
        for ((rule, _), (_, stored)) in open.iter().zip(&stored) {
            targets.push(self.bound.get(*rule).and_then(|bound| bound.target(stored)));
        }
        let wanted: Vec<Key> = targets.iter().flatten().cloned().collect();
        let mut found = read_keys(servers, &wanted).await?.into_iter();
        let at = self.begun.elapsed();
        for ((what, (key, stored)), target) in open.iter().zip(stored).zip(targets) {
            let target = target.and_then(|_| found.next()).map(|(_, stored)| stored);
            let Some(bound) = self.bound.get(what.0) else { continue };
            let finding = bound.judge(&key, &stored, target.as_ref());
            let class = (finding != Finding::Holds).then_some(Class::Invariant);
            let mut hasher = DefaultHasher::new();
            (stored.value_print(), target.map(|target| target.value_print())).hash(&mut hasher);
            self.rules.observe(
                what,
                Look { class, print: hasher.finish().into(), memory_seq: 0, redis_seq: 0 },
                at,
            );
            self.findings.insert(what.clone(), finding);
        }
        Ok(())
    }

    /// The keys that differ, of whatever weight.
    pub fn bad_keys(&self) -> Vec<Key> {
        self.keys.ended().keys().cloned().collect()
    }
}
