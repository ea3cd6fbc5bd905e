//! Calls by chance, most often such as fit what is there.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{INCARNATIONS, NAMES, NEVER, Pair, RUNS};
use crate::control::{ControlRecord, Id, Proof, Report, Stamp};
use crate::phase::Phase;
use crate::port::Port;
use crate::wire::call::{
    Beat, Call, Caller, Claim, Evict, Inquire, Put, Read, Record, Release, Steer, Version, Write,
};
use crate::wire::key::Key;
use crate::wire::message::{Conflict, Keep};

impl Pair {
    pub fn key(&mut self) -> Key {
        self.keys.choose(&mut self.rng).unwrap().clone()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        *all.choose(&mut self.rng).unwrap()
    }

    fn caller(&mut self) -> Caller {
        let deadline_ms = if self.rng.random_bool(0.04) { 1 } else { NEVER };
        let run = RUNS[usize::from(self.rng.random_bool(0.2))];
        let epoch = self.rng.random_range(3..7);
        Caller { run, epoch, incarnation: self.one_of(&INCARNATIONS), deadline_ms }
    }

    fn version(&mut self, seq: u64) -> Version {
        let op = Id(self.rng.random_range(1..6));
        let value = self.rng.random_bool(0.75).then(|| format!("{seq} {op}").as_bytes().into());
        let expires_ms = if value.is_some() { self.one_of(&[0, 0, NEVER, 1_000]) } else { 0 };
        Version { seq, op, value, expires_ms }
    }

    /// What is there, of whichever run.
    fn there(&self, key: &Key) -> (Id, Record) {
        let cell = self.store.shard(key).cell(key);
        let records = RUNS.map(|run| (run, cell.record(run, self.port.wall_ms())));
        let found = records.into_iter().find_map(|(run, record)| Some((run, record?)));
        found.unwrap_or((RUNS[0], Record::default()))
    }

    /// A call on a key, most often one that fits what is there.
    pub fn keyed(&mut self) -> Call {
        let key = self.key();
        let (run, there) = self.there(&key);
        let mut caller = self.caller();
        if self.rng.random_bool(0.7) {
            caller.run = run;
            caller.epoch = caller.epoch.max(there.claim_epoch);
        }
        let fits = self.rng.random_bool(0.8);
        let generation = if fits { there.generation } else { self.rng.random_range(0..5) };
        let seq = (there.version.seq + self.rng.random_range(0..4)).saturating_sub(1);
        let what = self.rng.random_range(0..10);
        if (3..7).contains(&what) && fits && !there.owner.is_none() {
            caller.incarnation = there.owner;
        }
        match what {
            0..3 => {
                let in_place_of = self.rng.random_bool(0.4).then_some((there.owner, generation));
                Call::Claim(Claim { key, caller, in_place_of, by_force: self.rng.random_bool(0.1) })
            }
            3..6 => {
                let version = self.version(seq);
                Call::Put(Put { key, caller, generation, version, durable: false })
            }
            6 => {
                let version = self.rng.random_bool(0.7).then(|| self.version(seq));
                let to = self.one_of(&[Id::NONE, INCARNATIONS[0]]);
                Call::Release(Release { key, caller, generation, version, to })
            }
            7..9 => {
                let version = self.version(0);
                let base = if fits { there.version.seq } else { seq };
                let base_op = self.one_of(&[there.version.op, there.version.op, Id::NONE, Id(1)]);
                let expiring_sidecar = self.rng.random_bool(0.1);
                Call::Write(Write { key, caller, base, base_op, version, expiring_sidecar })
            }
            _ => Call::Read(Read { key, run: caller.run }),
        }
    }

    fn stamp(&mut self) -> Stamp {
        let control = self.store.control();
        if self.rng.random_bool(0.8) {
            return control.record.stamp;
        }
        Stamp { epoch: self.rng.random_range(0..4), nonce: Id(self.rng.random_range(0..3)) }
    }

    pub fn steering(&mut self) -> Call {
        let (name, incarnation) = self.someone();
        let fencing = self.one_of(&[0, 0, 0, 0, 7]);
        match self.rng.random_range(0..10) {
            0..4 => self.beat(name, incarnation),
            4 => self.steer(fencing),
            5 => {
                let proof = self.one_of(&[Proof::Lapsed, Proof::Stopped]);
                Call::Evict(Evict { name, incarnation, proof, fencing })
            }
            6 => Call::Survey,
            7 => self.conflict(),
            8 => Call::Decision { key: self.key() },
            _ => Call::Inquire(Inquire { incarnation }),
        }
    }

    /// An instance: most often one that is known, dead or alive.
    fn someone(&mut self) -> (String, Id) {
        let control = self.store.control();
        let members = control.members.iter().map(|(name, member)| (name.clone(), member.incarnation));
        let dead = control.dead.iter().map(|(incarnation, evicted)| (evicted.name.clone(), *incarnation));
        let mut known: Vec<_> = members.collect();
        if known.is_empty() || self.rng.random_bool(0.2) {
            known.extend(dead);
        }
        if known.is_empty() || self.rng.random_bool(0.3) {
            // Each dies once, so there are many.
            let incarnation = Id(0xc0 + self.rng.random_range(0..200));
            return (self.one_of(&NAMES).to_owned(), incarnation);
        }
        known.choose(&mut self.rng).cloned().unwrap_or_default()
    }

    fn beat(&mut self, name: String, incarnation: Id) -> Call {
        let mut report =
            Report { serving: self.one_of(&[Phase::Shadow, Phase::Strict]), ..Report::default() };
        report.counts.held = self.rng.random_range(0..9);
        Call::Beat(Box::new(Beat {
            incarnation,
            name,
            run: RUNS[0],
            ack: self.stamp(),
            replid: "the one it knew".to_owned(),
            lease_ms: self.one_of(&[0, 1_000_000]),
            report,
            registering: self.rng.random_bool(0.5),
            replaces: self.found_or_none(),
        }))
    }

    fn found_or_none(&mut self) -> Id {
        let found: Vec<_> = self.store.control().members.values().map(|member| member.incarnation).collect();
        found.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn steer(&mut self, fencing: u64) -> Call {
        let phase = self.one_of(&[Phase::Dual, Phase::Strict, Phase::PrimaryNew]);
        let stamp = Stamp { epoch: self.rng.random_range(0..4), nonce: Id(self.rng.random_range(0..3)) };
        let record = ControlRecord {
            run: RUNS[0],
            stamp,
            phase,
            prev: phase.back(),
            replid: String::new(),
            replicas: 1,
        };
        Call::Steer(Box::new(Steer { expected: self.stamp(), record, fencing }))
    }

    fn conflict(&mut self) -> Call {
        let (held, stored) = ("a \"b\"".to_owned(), self.one_of(&[None, Some("x")]).map(str::to_owned));
        let (map, instance) = ("games".to_owned(), "one".to_owned());
        let keep = self.one_of(&[None, Some(Keep::Held), Some(Keep::Stored)]);
        let report = Conflict { map, instance, incarnation: INCARNATIONS[0], held, stored, keep };
        let report = self.rng.random_bool(0.8).then(|| Box::new(report));
        Call::Conflict { key: self.key(), report }
    }
}
