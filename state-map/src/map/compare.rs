//! Sampled compares of memory with Redis in `shadow` and `read-new`. A difference counts when it is there again,
//! unchanged, a round later.

use indexmap::IndexMap;

use super::held::Held;
use crate::phase::Phase;
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Call, Read, Record, Reply, Version};
use crate::wire::key::Key;

/// Keys that a round looks at for each that it compares.
const LOOKED_AT: usize = 16;

/// What compares have shown.
#[derive(Default)]
pub struct Compared {
    place: usize,
    suspects: IndexMap<Key, Version>,
    pub compared: u64,
    pub differences: u64,
    pub clean_rounds: u64,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Compares those that differed a round ago, and a sample of the others.
    pub async fn compare_some(&self) {
        let (suspects, sample) = self.sample();
        let (mut clean, mut again) = (true, IndexMap::new());
        for key in suspects.keys().chain(&sample) {
            let Some((generation, ours)) = self.settled_version(key) else { continue };
            let Some((record, now_ms)) = self.recorded(key).await else {
                clean = false;
                continue;
            };
            if record.generation < generation {
                self.unclaim(key, generation);
                clean = false;
                continue;
            }
            if record.generation > generation {
                // Somebody has taken it while this process slept: what is left here is nobody's.
                self.lose(key, generation);
                continue;
            }
            let is_still = self.settled_version(key).is_some_and(|(_, now)| now == ours);
            if is_same(&ours, &record.version, now_ms) || !is_still {
                continue;
            }
            if suspects.get(key) == Some(&ours) {
                tracing::error!(%key, seq = ours.seq, "memory and Redis differ");
                lock(&self.compared).differences += 1;
            }
            clean = false;
            again.insert(key.clone(), ours);
        }
        let mut compared = lock(&self.compared);
        compared.compared += (suspects.len() + sample.len()) as u64;
        compared.clean_rounds = if clean { compared.clean_rounds + 1 } else { 0 };
        compared.suspects = again;
    }

    fn sample(&self) -> (IndexMap<Key, Version>, Vec<Key>) {
        let mut compared = lock(&self.compared);
        let most = self.shared.settings.compared * LOOKED_AT;
        let (mut sample, place) = lock(&self.memory)
            .window(compared.place, most, |entry| entry.generation().is_some() && entry.seq > 0);
        compared.place = place;
        sample.truncate(self.shared.settings.compared);
        (std::mem::take(&mut compared.suspects), sample)
    }

    /// What memory has of an owned key that Redis should have too, by now.
    fn settled_version(&self, key: &Key) -> Option<(u64, Version)> {
        let memory = lock(&self.memory);
        let entry = memory.get(key).filter(|entry| !entry.is_dirty())?;
        Some((entry.generation()?, self.version(entry)))
    }

    /// What Redis has, and its clock; nothing when it does not answer.
    async fn recorded(&self, key: &Key) -> Option<(Record, u64)> {
        let read = Call::Read(Read { key: key.clone(), run: self.shared.view().run });
        match self.shared.call(read).await {
            Ok(Reply::Record(record, now_ms)) => Some((record, now_ms)),
            _ => None,
        }
    }

    /// Rounds count anew in each phase that has them.
    pub fn begin_rounds(&self, phase: Phase) {
        if matches!(phase, Phase::Shadow | Phase::ReadNew) {
            lock(&self.compared).clean_rounds = 0;
        }
    }

    /// Rounds without a difference, in a row.
    pub fn rounds(&self) -> u64 {
        lock(&self.compared).clean_rounds
    }
}

/// Whether both are the same version. An expired value is none on both sides.
fn is_same(ours: &Version, theirs: &Version, now_ms: u64) -> bool {
    let expired = ours.expires_ms != 0 && ours.expires_ms <= now_ms;
    let same_value = expired || theirs.value == ours.value;
    (theirs.seq, theirs.op, theirs.expires_ms) == (ours.seq, ours.op, ours.expires_ms) && same_value
}
