//! Keys of which this process held another value than somebody else (C6). The value is kept aside and reported; the
//! operator decides which one stays.

use std::sync::Arc;
use std::time::Duration;

use super::held::Held;
use super::{Attempt, Change};
use crate::memory::Standing;
use crate::node::View;
use crate::port::Port;
use crate::sync::lock;
use crate::wire::call::{Bytes, Call, Record, Reply};
use crate::wire::key::Key;
use crate::wire::message::{Conflict, Keep};

/// A value kept aside.
pub struct Aside<V> {
    ours: Arc<V>,
    stored: Option<Bytes>,
    /// What was decided is carried out; the report of it may still be there.
    settled: bool,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Keeps a value aside and reports it.
    pub async fn set_aside(&self, view: View, key: &Key, ours: Arc<V>, record: Option<&Record>) {
        let stored = record.and_then(|record| record.version.value.clone());
        lock(&self.asides).insert(key.clone(), Aside { ours, stored, settled: false });
        tracing::warn!(%key, run = %view.run, "two instances held different values: the operator decides");
        if matches!(self.look_up(key).await, Some(None)) {
            self.report(key).await;
        }
    }

    /// The report that is there, if any; nothing when Redis does not answer.
    async fn look_up(&self, key: &Key) -> Option<Option<Box<Conflict>>> {
        match self.shared.call(Call::Decision { key: key.clone() }).await {
            Ok(Reply::Conflict(found)) => Some(found),
            _ => None,
        }
    }

    /// Reports what is not reported yet, and does what was decided on the rest.
    pub async fn settle_asides(&self) {
        let keys: Vec<_> = lock(&self.asides).keys().cloned().collect();
        for key in keys {
            self.settle_aside(&key).await;
        }
    }

    async fn settle_aside(&self, key: &Key) {
        let Some(found) = self.look_up(key).await else { return };
        let settled = lock(&self.asides).get(key).is_some_and(|aside| aside.settled);
        match found {
            // What the operator has not seen is not decided: another instance's value comes first.
            Some(conflict) if conflict.incarnation != self.shared.view().incarnation => {}
            Some(_) if settled => self.close(key).await,
            Some(conflict) => match conflict.keep {
                Some(Keep::Held) if self.put_back(key).await => self.close(key).await,
                Some(Keep::Stored) => self.close(key).await,
                Some(Keep::Held) | None => {}
            },
            None if settled => drop(lock(&self.asides).swap_remove(key)),
            // It is new, or a fail-over has forgotten the report.
            None => self.report(key).await,
        }
    }

    async fn report(&self, key: &Key) {
        let report = {
            let asides = lock(&self.asides);
            let Some(aside) = asides.get(key) else { return };
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            Conflict {
                map: self.spec.name.into(),
                instance: self.shared.settings.name.clone(),
                incarnation: self.shared.view().incarnation,
                held: text(&self.spec.codec.encode(&aside.ours).unwrap_or_default()),
                stored: aside.stored.as_ref().map(text),
                keep: None,
            }
        };
        // Whether it has arrived, the next look tells.
        drop(self.shared.call(Call::Conflict { key: key.clone(), report: Some(Box::new(report)) }).await);
    }

    /// Makes the value that was kept aside the key's next version.
    async fn put_back(&self, key: &Key) -> bool {
        let Some(ours) = lock(&self.asides).get(key).map(|aside| Arc::clone(&aside.ours)) else {
            return false;
        };
        let deadline = self.deadline();
        let Ok(permit) = self.shared.enter(deadline).await else { return false };
        let mut change = |_: Option<&V>| (Change::Set((*ours).clone(), None::<Duration>), ());
        matches!(self.change_owned(&permit, key, deadline, &mut change).await, Ok(Attempt::Done(())))
    }

    /// Takes the report away: once carried out, a decision is not carried out again, whatever becomes of this.
    async fn close(&self, key: &Key) {
        if let Some(aside) = lock(&self.asides).get_mut(key) {
            aside.settled = true;
        }
        let call = Call::Conflict { key: key.clone(), report: None };
        if matches!(self.shared.call(call).await, Ok(Reply::Done)) {
            lock(&self.asides).swap_remove(key);
        }
    }

    /// Back in `off` every process has its own values again.
    pub fn take_back_asides(&self) {
        let asides = std::mem::take(&mut *lock(&self.asides));
        let (now, mut memory) = (self.shared.port.now(), lock(&self.memory));
        for (key, aside) in asides {
            if memory.get(&key).is_none() {
                memory.enter(&key, now, |entry| {
                    (entry.value, entry.standing) = (Some(aside.ours), Standing::Unclaimed);
                });
            }
        }
    }
}
