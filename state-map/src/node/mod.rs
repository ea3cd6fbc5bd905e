//! One process in a migration: it registers, follows the control record with all its maps together, answers other
//! processes, and repairs.

mod beat;
mod follow;
mod inform;
pub(crate) mod shared;
mod tend;
pub(crate) mod ward;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

pub(crate) use self::shared::{Permit, Shared, View};
pub(crate) use self::ward::Ward;
use crate::control::{Counts, Id, Proof, Stamp};
use crate::error::Misfit;
use crate::map::Map;
use crate::phase::Phase;
use crate::port::Port;
use crate::spec::MapSpec;
use crate::sync::{before, lock, until};
use crate::verify::respond;
use crate::wire::call::{Call, Evict, Reply, Steered};

/// How a process takes part.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this instance. It must be this process's alone: a new process under it proves that the old is gone.
    pub name: String,
    /// How long others count this process as there without hearing of it. Heartbeats go five times as often.
    pub lease: Duration,
    /// Time that one operation may take, waiting for an owner included.
    pub operation: Duration,
    /// Life of a call: after it, Redis refuses the call by its own clock.
    pub call_life: Duration,
    /// Time between two rounds of sampled compares. A difference must outlast one to count.
    pub compare_every: Duration,
    /// Keys that are compared in a round.
    pub compared: usize,
    /// Repairs, claims and backfills that are under way together.
    pub at_once: usize,
    /// Time without use after which an owned key without a value is given back.
    pub idle: Duration,
}

impl Settings {
    /// The defaults under this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            lease: Duration::from_secs(10),
            operation: Duration::from_secs(2),
            call_life: Duration::from_secs(10),
            compare_every: Duration::from_secs(1),
            compared: 64,
            at_once: 64,
            idle: Duration::from_secs(60),
        }
    }
}

/// What a process can tell of itself, for its metrics and its health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether it is registered, and serves at all.
    pub registered: bool,
    /// Whether another process has taken its name.
    pub retired: bool,
    /// Its incarnation.
    pub incarnation: Id,
    /// The phase that requests are served in.
    pub phase: Phase,
    /// The change of the control record that it has acknowledged.
    pub acknowledged: Stamp,
    /// Why it has not acknowledged a newer one yet; empty when it has.
    pub waiting_for: String,
    /// Requests refused for want of Redis.
    pub unavailable: u64,
    /// Counts by name of the map.
    pub maps: BTreeMap<&'static str, Counts>,
}

/// The least lease: shorter ones would be heartbeats without a pause.
const LEAST_LEASE: Duration = Duration::from_millis(50);

/// One process in a migration.
pub struct Node<P> {
    shared: Arc<Shared<P>>,
    wards: Mutex<Vec<Arc<dyn Ward>>>,
}

impl<P: Port> Node<P> {
    /// A process that is not registered yet: [`Self::run`] does that. Settings of nothing count as the least that works.
    pub fn new(port: Arc<P>, settings: Settings) -> Arc<Self> {
        let settings =
            Settings { lease: settings.lease.max(LEAST_LEASE), at_once: settings.at_once.max(1), ..settings };
        Arc::new(Self { shared: Arc::new(Shared::new(port, settings)), wards: Mutex::default() })
    }

    /// Adds a map. All maps must be there before [`Self::run`].
    ///
    /// # Errors
    /// [`Misfit`]: each key must belong to one map alone.
    pub fn map<V: Clone + PartialEq + Send + Sync + 'static>(
        &self,
        spec: MapSpec<V>,
    ) -> Result<Map<V, P>, Misfit> {
        let (map, prefix) = (spec.name, spec.prefix);
        if prefix.is_empty() || prefix.contains(['{', '}']) {
            return Err(Misfit::Prefix { map, prefix });
        }
        let mut wards = lock(&self.wards);
        if self.shared.state(|state| state.running) {
            return Err(Misfit::Late { map });
        }
        let is_near = |other: &str| other.starts_with(prefix) || prefix.starts_with(other);
        if let Some(other) = wards.iter().find(|ward| is_near(ward.prefix())) {
            return Err(Misfit::Overlap { map, other: other.prefix().to_owned() });
        }
        let map = Map::new(Arc::clone(&self.shared), spec);
        wards.push(map.ward());
        Ok(map)
    }

    /// Registers, follows the control record, answers other processes and repairs, until it is dropped.
    pub async fn run(self: Arc<Self>) {
        self.shared.state(|state| state.running = true);
        let repairs = self.wards().into_iter().map(|ward| self.keep_repairing(ward));
        let tending = futures_util::future::join(self.keep_comparing(), self.keep_tidy());
        let steering =
            futures_util::future::join3(self.keep_beating(), self.keep_following(), self.keep_answering());
        let informing = respond(&*self.shared.port, &*self);
        futures_util::future::join4(steering, tending, informing, join_all(repairs)).await;
    }

    /// Waits until the process is registered: before, every operation waits.
    pub async fn registered(&self) {
        until(&self.shared.changed, || self.shared.state(|state| state.registered.then_some(()))).await;
    }

    /// The phase that requests are served in: of [`Self::status`] what may be asked for each request.
    pub fn phase(&self) -> Phase {
        self.shared.view().phase
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let maps = self.wards().iter().map(|ward| (ward.name(), ward.counts())).collect();
        self.shared.state(|state| Status {
            registered: state.registered,
            retired: state.retired,
            incarnation: state.view.incarnation,
            phase: state.view.phase,
            acknowledged: state.acked,
            waiting_for: state.waiting_for.clone(),
            unavailable: state.unavailable,
            maps,
        })
    }

    /// Stops for good: takes no more operations, writes what is owed and gives all keys back, and says so to
    /// the others, within this time. Whether all of that succeeded. [`Self::run`] must go on meanwhile.
    pub async fn leave(&self, within: Duration) -> bool {
        self.shared.state(|state| state.leaving = true);
        self.shared.tell();
        let given = async {
            until(&self.shared.changed, || self.shared.state(|state| (state.inside == 0).then_some(())))
                .await;
            let mut all = true;
            for ward in self.wards() {
                all &= ward.give_all().await;
            }
            all && self.deregister().await
        };
        let deadline = self.shared.port.now() + within;
        before(&*self.shared.port, deadline, given).await.unwrap_or(false)
    }

    /// A process that has given everything back is stopped for all that the others need to know.
    async fn deregister(&self) -> bool {
        let (name, incarnation) = (self.shared.settings.name.clone(), self.shared.view().incarnation);
        self.shared.state(|state| state.gone = true);
        let evict = Evict { name, incarnation, proof: Proof::Stopped, fencing: 0 };
        matches!(self.shared.call(Call::Evict(evict)).await, Ok(Reply::Steered(Steered::Done)))
    }

    fn wards(&self) -> Vec<Arc<dyn Ward>> {
        lock(&self.wards).clone()
    }

    fn turn(&self, from: View, to: View) {
        self.wards().iter().for_each(|ward| ward.turn(from, to));
    }

    /// Counts of all maps together.
    fn counts(&self) -> Counts {
        let unavailable = self.shared.state(|state| state.unavailable);
        let sum = self.wards().iter().map(|ward| ward.counts()).fold(Counts::default(), Counts::and);
        Counts { unavailable, ..sum }
    }
}
