//! Sampled compares of memory with Redis in `shadow` and `read-new`. A difference counts when it is there again,
//! unchanged, a round later.

use indexmap::IndexMap;

use super::held::Held;
use crate::phase::Phase;
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Call, Read, Reply, Version};
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
            let Some(ours) = self.settled_version(key) else { continue };
            let Some(same) = self.has_same(key, &ours).await else {
                clean = false;
                continue;
            };
            if same || self.settled_version(key).as_ref() != Some(&ours) {
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
    fn settled_version(&self, key: &Key) -> Option<Version> {
        let memory = lock(&self.memory);
        let entry = memory.get(key).filter(|entry| entry.generation().is_some() && !entry.is_dirty())?;
        Some(self.version(entry))
    }

    /// Whether Redis has the same; nothing when it does not answer. An expired value is none on both sides.
    async fn has_same(&self, key: &Key, ours: &Version) -> Option<bool> {
        let read = Call::Read(Read { key: key.clone(), run: self.shared.view().run });
        let Ok(Reply::Record(record, now_ms)) = self.shared.call(read).await else { return None };
        let expired = ours.expires_ms != 0 && ours.expires_ms <= now_ms;
        let theirs = record.version;
        let same_value = expired || theirs.value == ours.value;
        Some((theirs.seq, theirs.op, theirs.expires_ms) == (ours.seq, ours.op, ours.expires_ms) && same_value)
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
