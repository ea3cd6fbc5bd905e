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
    reported: bool,
}

impl<V: Clone + PartialEq + Send + Sync + 'static, P: Port> Held<V, P> {
    /// Keeps a value aside and reports it.
    pub async fn set_aside(&self, view: View, key: &Key, ours: Arc<V>, record: Option<&Record>) {
        let stored = record.and_then(|record| record.version.value.clone());
        lock(&self.asides).insert(key.clone(), Aside { ours, stored, reported: false });
        tracing::warn!(%key, run = %view.run, "two instances held different values: the operator decides");
        self.report(key).await;
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
                held: text(&self.spec.codec.encode(&aside.ours)),
                stored: aside.stored.as_ref().map(text),
                keep: None,
            }
        };
        let call = Call::Conflict { key: key.clone(), report: Some(Box::new(report)) };
        let reported = matches!(self.shared.call(call).await, Ok(Reply::Done));
        if let Some(aside) = lock(&self.asides).get_mut(key) {
            aside.reported = reported;
        }
    }

    /// Reports what is not reported yet, and does what was decided on the rest.
    pub async fn settle_asides(&self) {
        let keys: Vec<_> =
            lock(&self.asides).iter().map(|(key, aside)| (key.clone(), aside.reported)).collect();
        for (key, reported) in keys {
            if !reported {
                self.report(&key).await;
                continue;
            }
            match self.shared.call(Call::Decision { key: key.clone() }).await {
                Ok(Reply::Conflict(Some(conflict))) => match conflict.keep {
                    Some(Keep::Held) if self.put_back(&key).await => self.close(&key).await,
                    Some(Keep::Stored) => self.close(&key).await,
                    Some(Keep::Held) | None => {}
                },
                // A fail-over has forgotten the report.
                Ok(Reply::Conflict(None)) => self.report(&key).await,
                _ => {}
            }
        }
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

    async fn close(&self, key: &Key) {
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
