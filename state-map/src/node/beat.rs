//! Heartbeats: they register the process, tell how it stands, and bring the control record (C12-C14, C17).

use std::sync::Arc;

use super::Node;
use super::shared::View;
use crate::control::{ControlRecord, Id, Proof, Report, Stamp};
use crate::phase::Phase;
use crate::plant::{Bug, planted};
use crate::port::Port;
use crate::sync::before;
use crate::wire::PROTOCOL;
use crate::wire::call::{Beat, Beaten, Call, Reply};

/// Heartbeats in the life of a lease.
const BEATS: u32 = 5;

impl<P: Port> Node<P> {
    /// Sends heartbeats, the next one at once when something has changed.
    pub(super) async fn keep_beating(self: &Arc<Self>) {
        loop {
            if self.shared.state(|state| state.gone) {
                return;
            }
            self.beat().await;
            let next = self.shared.port.now() + self.shared.settings.lease / BEATS;
            before(&*self.shared.port, next, self.shared.poke.notified()).await;
            if self.shared.state(|state| state.retired) {
                return;
            }
        }
    }

    async fn beat(&self) {
        let (registered, forgotten) = self.shared.state(|state| (state.registered, state.forgotten));
        let replaces = match registered && !forgotten {
            true => Id::NONE,
            false => match self.predecessor().await {
                Some(found) => found,
                None => return,
            },
        };
        let beat = self.compose(replaces);
        let (incarnation, sent) = (beat.incarnation, self.shared.port.now());
        let Ok(Reply::Beaten(answer)) = self.shared.call(Call::Beat(Box::new(beat))).await else { return };
        // A clock that was measured across a pause is far off, and so would be all expiry times (C18).
        if !registered && self.shared.port.now().saturating_sub(sent) > self.shared.settings.lease / BEATS {
            return;
        }
        if let Some(shift) = self.shared.clock.measure(sent, self.shared.port.now(), answer.now_ms) {
            self.wards().iter().for_each(|ward| ward.shift(shift));
        }
        if self.shared.view().incarnation != incarnation {
            return;
        }
        let wall_skew_ms = skew(self.shared.port.wall_ms(), self.shared.now_ms());
        self.shared.state(|state| state.wall_skew_ms = wall_skew_ms);
        match answer.dead {
            // Somebody else has registered under the name since it was looked up: the next attempt looks anew.
            Some(_) if !registered => {}
            Some(Proof::Succeeded) if self.is_forgotten().await => {
                self.shared.state(|state| state.forgotten = true);
                self.shared.poke.notify_one();
            }
            Some(proof) => self.die(proof),
            None if !registered => self.begin(*answer, replaces),
            None => self.learn(*answer),
        }
    }

    /// Whether a fail-over has brought the one back that this process had replaced.
    async fn is_forgotten(&self) -> bool {
        let replaced = self.shared.state(|state| state.replaced);
        !replaced.is_none() && self.predecessor().await == Some(replaced)
    }

    /// Who is known under this process's name; nothing when Redis does not answer.
    async fn predecessor(&self) -> Option<Id> {
        let Ok(Reply::Surveyed(surveyed)) = self.shared.call(Call::Survey).await else { return None };
        // The registration is to outlive a fail-over from now on.
        self.shared.state(|state| state.view.replicas = surveyed.record.replicas);
        let incarnation = self.shared.view().incarnation;
        if let Some(dead) = surveyed.dead.get(&incarnation) {
            // Its registration was carried out, unknown to it, and has ended since.
            self.die(dead.proof);
            return None;
        }
        let known = surveyed.members.get(&self.shared.settings.name);
        Some(known.map_or(Id::NONE, |member| member.incarnation))
    }

    fn compose(&self, replaces: Id) -> Beat {
        let counts = self.counts();
        let clean_rounds = self.wards().iter().map(|ward| ward.clean_rounds()).min().unwrap_or_default();
        self.shared.state(|state| Beat {
            name: self.shared.settings.name.clone(),
            incarnation: state.view.incarnation,
            run: state.view.run,
            ack: state.acked,
            replid: state.replid.clone(),
            lease_ms: self.shared.settings.lease.as_millis().try_into().unwrap_or(u64::MAX),
            report: Report {
                serving: state.view.phase,
                served: Stamp { epoch: state.view.epoch, nonce: state.view.nonce },
                waiting_for: state.waiting_for.clone(),
                counts,
                clean_rounds,
                wall_skew_ms: state.wall_skew_ms,
                protocol: PROTOCOL,
                dropped_epoch: state.dropped_epoch,
                call_life_ms: self.shared.settings.call_life.as_millis().try_into().unwrap_or(u64::MAX),
            },
            registering: !state.registered || state.forgotten,
            replaces,
        })
    }

    /// Registered: a process that holds nothing begins where the record is.
    fn begin(&self, answer: Beaten, replaced: Id) {
        let Beaten { record, replid, .. } = answer;
        let turned = self.shared.state(|state| {
            let from = state.view;
            state.view = View { incarnation: from.incarnation, ..view_of(&record, from) };
            (state.registered, state.acked, state.replid) = (true, record.stamp, replid);
            state.replaced = replaced;
            (from, state.view)
        });
        self.turn(turned.0, turned.1);
        self.shared.tell();
        // Registering acknowledges nothing: the next heartbeat does.
        self.shared.poke.notify_one();
    }

    fn learn(&self, answer: Beaten) {
        let Beaten { record, replid, .. } = answer;
        let forgot = self.shared.state(|state| {
            let forgot = state.replid != replid;
            state.forgotten = false;
            state.replid = replid;
            let is_newer = record.stamp.epoch > state.highest_epoch()
                || (planted(Bug::LowerEpochFollowed) && record.stamp != state.acked);
            if is_newer {
                state.target = Some(record);
            }
            forgot
        });
        if forgot {
            self.retell();
        }
        self.shared.tell();
    }

    /// This incarnation is dead to the others. Whatever it did not write is void.
    fn die(&self, proof: Proof) {
        let incarnation = self.shared.port.random();
        self.shared.state(|state| {
            tracing::warn!(instance = %self.shared.settings.name, ?proof, "this instance was evicted: it begins anew");
            state.view = View { incarnation, phase: Phase::Off, run: Id::NONE, epoch: 0, nonce: Id::NONE, ..state.view };
            (state.registered, state.target, state.acked) = (false, None, Stamp::default());
            (state.replaced, state.forgotten) = (Id::NONE, false);
            state.retired = proof == Proof::Succeeded;
            state.waiting_for.clear();
        });
        self.wards().iter().for_each(|ward| ward.forfeit());
        self.shared.tell();
        self.shared.poke.notify_one();
    }

    /// Redis may have forgotten writes.
    pub(super) fn retell(&self) {
        self.wards().iter().for_each(|ward| ward.retell());
    }
}

/// What requests see under this record.
pub(super) fn view_of(record: &ControlRecord, now: View) -> View {
    View {
        phase: record.phase,
        run: record.run,
        epoch: record.stamp.epoch,
        nonce: record.stamp.nonce,
        replicas: record.replicas,
        incarnation: now.incarnation,
    }
}

fn skew(wall_ms: u64, redis_ms: u64) -> i64 {
    let (wall, redis) = (i64::try_from(wall_ms), i64::try_from(redis_ms));
    wall.unwrap_or(i64::MAX).saturating_sub(redis.unwrap_or(i64::MAX))
}
