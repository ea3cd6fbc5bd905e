//! One process in a migration. (Skeleton: signatures only.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::control::{Counts, Id, Stamp};
use crate::map::Map;
use crate::phase::Phase;
use crate::port::Port;
use crate::spec::MapSpec;

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
    /// Clean rounds of sampled compares are this far apart.
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
    /// Counts by name of the map.
    pub maps: BTreeMap<&'static str, Counts>,
}

/// One process in a migration: its maps follow one control record together.
pub struct Node<P> {
    _port: Arc<P>,
}

impl<P: Port> Node<P> {
    /// A process that is not registered yet: [`Self::run`] does that.
    pub fn new(_port: Arc<P>, _settings: Settings) -> Arc<Self> {
        todo!()
    }

    /// Adds a map. All maps must be there before [`Self::run`].
    pub fn map<V: Clone + PartialEq + Send + Sync + 'static>(
        self: &Arc<Self>,
        _spec: MapSpec<V>,
    ) -> Map<V, P> {
        todo!()
    }

    /// Registers, follows the control record, answers other instances and repairs, until it is dropped.
    pub async fn run(self: Arc<Self>) {
        todo!()
    }

    /// Waits until the process is registered: before, every operation is refused.
    pub async fn registered(&self) {
        todo!()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        todo!()
    }

    /// Stops for good: takes no more operations, writes what is owed, gives all keys back, within this time.
    /// Whether all was written.
    pub async fn leave(&self, _within: Duration) -> bool {
        todo!()
    }
}
