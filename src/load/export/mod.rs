//! A run's figures, second by second, for systems that keep them: Prometheus by remote write, others by OTLP.
//!
//! [`figures`] sums up what is to be told, [`prometheus`] and [`otlp`] write it down, [`push`] delivers it from a bounded
//! queue in a task of its own. Whoever receives it, or does not, changes nothing for the run.

pub mod figures;
pub mod otlp;
pub mod prometheus;
mod push;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

use self::figures::{Figures, Moment, Subject};
use self::push::{Courier, Delivery};
use super::ledger::Second;
use super::onlooker::Onlooker;
use super::scenario::Plan;
use super::tally::Tally;
use crate::lock::lock;
use crate::text::thousands;

/// Seconds that wait for a receiver; of more, the oldest are lost.
const QUEUE: usize = 300;

/// How figures are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Prometheus remote write, version 1.
    Prometheus,
    /// OTLP over HTTP.
    Otlp,
}

/// A receiver.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it understands.
    pub protocol: Protocol,
    /// Where it is, without user and password.
    pub url: Url,
    /// The value of the `Authorization` header, where it asks for one.
    pub authorization: Option<SecretString>,
}

/// A run that is being told of.
#[derive(Debug)]
pub struct Export {
    shared: Arc<Shared>,
    url: Url,
    task: JoinHandle<Delivery>,
}

/// What the run puts in and the courier takes out.
#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Moment>,
    /// Seconds that had to make room for later ones.
    dropped: u64,
    is_over: bool,
}

/// Puts a run's figures into the queue.
#[derive(Debug)]
struct Teller {
    figures: Figures,
    shared: Arc<Shared>,
}

impl Protocol {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Otlp => "otlp",
        }
    }

    /// Where receivers listen when only their host is named.
    pub fn usual_path(self) -> &'static str {
        match self {
            Self::Prometheus => "/api/v1/write",
            Self::Otlp => "/v1/metrics",
        }
    }
}

impl Export {
    /// Begins to deliver to `place` what an onlooker of this run will tell; `labels` stand on every figure.
    pub fn start(place: Place, plan: &Plan, labels: &[(String, String)]) -> (Self, Box<dyn Onlooker>) {
        let shared = Arc::new(Shared::default());
        let subject = Arc::new(Subject::new(plan, labels));
        let url = place.url.clone();
        let courier = Courier::new(place, Arc::clone(&subject), Arc::clone(&shared));
        let task = tokio::spawn(courier.work());
        let teller = Teller { figures: Figures::new(&subject), shared: Arc::clone(&shared) };
        (Self { shared, url, task }, Box::new(teller))
    }

    /// The run is over: what still waits is delivered, as far as that is possible. What went wrong, if anything did.
    pub async fn finish(self) -> Option<String> {
        self.shared.locked(|queue| queue.is_over = true);
        self.shared.changed.notify_one();
        let Ok(delivery) = self.task.await else {
            return Some(format!("export to {}: ended by a mistake of scalectl; please report it", self.url));
        };
        let lost = delivery.lost + self.shared.locked(|queue| queue.dropped);
        let Delivery { pushes, failed, reason, .. } = delivery;
        let reason = reason.unwrap_or_default();
        (failed > 0 || lost > 0).then(|| {
            let (failed, pushes) = (thousands(failed), thousands(pushes));
            let lost = match lost {
                0 => "nothing was lost".to_owned(),
                lost => format!("{} seconds were lost", thousands(lost)),
            };
            format!("export to {}: {failed} of {pushes} pushes failed: {reason}; {lost}", self.url)
        })
    }
}

impl Shared {
    fn locked<T>(&self, see: impl FnOnce(&mut Queue) -> T) -> T {
        see(&mut lock(&self.queue))
    }

    fn put(&self, moment: Moment) {
        self.locked(|queue| {
            if queue.waiting.len() >= QUEUE {
                queue.waiting.pop_front();
                queue.dropped += 1;
            }
            queue.waiting.push_back(moment);
        });
        self.changed.notify_one();
    }

    /// The oldest, so many at most; nothing when the run is over and all is taken.
    async fn take(&self, most: usize) -> Option<Vec<Moment>> {
        loop {
            let (taken, is_over) = self.locked(|queue| {
                let count = queue.waiting.len().min(most);
                (queue.waiting.drain(..count).collect::<Vec<_>>(), queue.is_over)
            });
            match taken.is_empty() {
                false => return Some(taken),
                true if is_over => return None,
                true => self.changed.notified().await,
            }
        }
    }

    async fn until_over(&self) {
        while !self.locked(|queue| queue.is_over) {
            self.changed.notified().await;
        }
    }
}

impl Onlooker for Teller {
    fn begin(&mut self, start: Instant) {
        self.figures.begin(start);
    }

    fn see(&mut self, second: &Second) {
        let moment = self.figures.take(second);
        self.shared.put(moment);
    }

    fn add(&mut self, tally: &Tally) {
        if let Some(moment) = self.figures.add(tally) {
            self.shared.put(moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::figures::Moment;
    use super::{QUEUE, Shared};

    #[tokio::test]
    async fn a_full_queue_loses_its_oldest_and_counts_them() {
        let shared = Shared::default();
        (0..QUEUE as u64 + 3).for_each(|at| shared.put(Moment { at, ..Moment::default() }));
        assert_eq!(shared.locked(|queue| queue.dropped), 3);
        let taken = shared.take(2).await.unwrap();
        assert_eq!(taken.iter().map(|moment| moment.at).collect::<Vec<_>>(), [3, 4]);
        shared.locked(|queue| queue.is_over = true);
        assert_eq!(shared.take(QUEUE).await.unwrap().len(), QUEUE - 2);
        assert!(shared.take(1).await.is_none());
    }
}
