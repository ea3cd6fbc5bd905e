//! Following the control record: what must be done before requests are served in the next phase, and before that is
//! acknowledged (C6, C7, C11).

use std::time::Duration;

use super::Node;
use super::beat::view_of;
use super::shared::View;
use crate::control::ControlRecord;
use crate::phase::{Phase, Service};
use crate::port::Port;
use crate::sync::{before, until};
use crate::wire::call::{Call, Reply};

/// Pause between two looks at what a phase still waits for.
const PAUSE: Duration = Duration::from_millis(20);

/// Keys that are on their way to Redis at any moment under live writes: with the door shut they arrive.
const UNDER_WAY: u64 = 1_024;

/// Pause after replicas did not have everything: requests go on meanwhile.
const RETRY: Duration = Duration::from_millis(500);

impl<P: Port> Node<P> {
    /// Follows each new record.
    pub(super) async fn keep_following(&self) {
        loop {
            let target = until(&self.shared.changed, || {
                self.shared.state(|state| state.target.clone().filter(|_| state.registered && !state.retired))
            })
            .await;
            self.follow(&target).await;
            self.shared.state(|state| {
                if state.target.as_ref() == Some(&target) {
                    state.target = None;
                }
                state.waiting_for.clear();
            });
            self.shared.tell();
            self.shared.poke.notify_one();
        }
    }

    async fn follow(&self, target: &ControlRecord) {
        let from = self.shared.view();
        if !self.switch(target, from).await {
            return;
        }
        if target.phase.service() == Service::Owner && !self.claim_held(target).await {
            return;
        }
        self.shared.state(|state| {
            if state.view.incarnation == from.incarnation {
                state.acked = target.stamp;
            }
        });
    }

    /// Serves requests in the target's phase, once those of the phase before have left. Whether that came about:
    /// a newer target or an eviction comes first.
    async fn switch(&self, target: &ControlRecord, from: View) -> bool {
        let needs_barrier = matches!(target.phase, Phase::Strict | Phase::PrimaryNew)
            && from.phase.service() != Service::Redis
            && from.phase < target.phase;
        let mut limit = self.shared.settings.operation / 2;
        loop {
            if needs_barrier && !self.flush(target).await {
                return false;
            }
            if target.phase == Phase::Off && !self.hand_over(target).await {
                return false;
            }
            self.waits_for(|| "requests of the phase before to end".into());
            let latest = self.shared.port.now() + limit;
            let Some(held) = before(&*self.shared.port, latest, self.shared.hold()).await else {
                // One hangs: nobody else is to wait for it behind a shut door, unless there always is one.
                limit *= 2;
                self.shared.port.sleep(PAUSE).await;
                continue;
            };
            if !self.is_wanted(target) {
                return false;
            }
            if target.phase == Phase::Off && self.is_giving() {
                continue;
            }
            if needs_barrier && !self.is_durable().await {
                drop(held);
                self.waits_for(|| "Redis and its replicas to have all writes".into());
                self.shared.port.sleep(RETRY).await;
                continue;
            }
            if self.shared.view().incarnation != from.incarnation {
                return false;
            }
            let to = view_of(target, from);
            self.shared.state(|state| {
                state.view = to;
                if to.drops_memory(from) {
                    state.dropped_epoch = to.epoch;
                }
            });
            self.turn(from, to);
            return true;
        }
    }

    /// Writes what Redis lacks while requests go on, up to what is always under way, and makes sure that the replicas
    /// have it: with the door shut only the rest is left to wait for.
    async fn flush(&self, target: &ControlRecord) -> bool {
        self.wards().iter().for_each(|ward| ward.owe_dirty());
        loop {
            if !self.is_wanted(target) {
                return false;
            }
            let counts = self.counts();
            if counts.owed > 0 || counts.unclaimed > 0 || counts.dirty > UNDER_WAY {
                self.waits_for(|| format!("{} keys to be written to Redis", counts.dirty.max(counts.owed)));
                self.shared.port.sleep(PAUSE).await;
            } else if matches!(self.shared.call(Call::Barrier).await, Ok(Reply::Done)) {
                return true;
            } else {
                self.waits_for(|| "Redis and its replicas to have all writes".into());
                self.shared.port.sleep(RETRY).await;
            }
        }
    }

    /// Waits until each key that was asked for is given: what is left of it here would be a second copy in `off`.
    async fn hand_over(&self, target: &ControlRecord) -> bool {
        while self.is_giving() {
            if !self.is_wanted(target) {
                return false;
            }
            self.waits_for(|| "keys to be given to other instances".into());
            self.shared.port.sleep(PAUSE).await;
        }
        true
    }

    fn is_giving(&self) -> bool {
        self.wards().iter().any(|ward| ward.is_giving())
    }

    /// Whether Redis and its replicas have everything, now that nothing changes.
    async fn is_durable(&self) -> bool {
        let is_flushed = || self.wards().iter().all(|ward| ward.is_flushed());
        if !is_flushed() {
            return false;
        }
        matches!(self.shared.call(Call::Barrier).await, Ok(Reply::Done)) && is_flushed()
    }

    /// Claims what is held since `off`.
    async fn claim_held(&self, target: &ControlRecord) -> bool {
        loop {
            if !self.is_wanted(target) {
                return false;
            }
            let mut left = false;
            for ward in self.wards() {
                left |= !ward.claim_held().await;
            }
            if !left {
                return self.is_wanted(target);
            }
            let unclaimed: u64 = self.wards().iter().map(|ward| ward.counts().unclaimed).sum();
            self.waits_for(|| format!("{unclaimed} keys to be claimed"));
            self.shared.port.sleep(PAUSE).await;
        }
    }

    fn is_wanted(&self, target: &ControlRecord) -> bool {
        self.shared.state(|state| state.target.as_ref() == Some(target))
    }

    fn waits_for(&self, cause: impl FnOnce() -> String) {
        self.shared.state(|state| state.waiting_for = cause());
    }
}
