//! The port of a simulated process.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::oneshot;

use super::network::{EPOCH_MS, Happening, Network};
use crate::control::Id;
use crate::port::{Event, Port};
use crate::sync::lock;
use crate::wire::call::{Call, Failure, Reply};

/// A process's port: a line of the network.
pub struct SimPort {
    network: Arc<Mutex<Network>>,
    line: usize,
}

impl SimPort {
    pub fn new(network: &Arc<Mutex<Network>>, line: usize) -> Arc<Self> {
        Arc::new(Self { network: Arc::clone(network), line })
    }
}

/// Waits in virtual time.
pub async fn sleep(network: &Mutex<Network>, time: Duration) {
    let (sender, receiver) = oneshot::channel();
    let micros = time.as_micros().try_into().unwrap_or(u64::MAX / 4);
    lock(network).after(micros, Happening::Wake(sender));
    drop(receiver.await);
}

impl Port for SimPort {
    async fn call(&self, call: Call, replicas: u32) -> Result<Reply, Failure> {
        let answer = lock(&self.network).send(self.line, call, replicas);
        answer.await.unwrap_or_else(|_| Err(Failure::Unknown("the connection was lost".to_owned())))
    }

    fn now(&self) -> Duration {
        let network = lock(&self.network);
        Duration::from_micros(network.now_us - network.lines[self.line].started_us)
    }

    fn wall_ms(&self) -> u64 {
        let network = lock(&self.network);
        (EPOCH_MS + network.now_us / 1_000).saturating_add_signed(network.lines[self.line].wall_skew_ms)
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        sleep(&self.network, time)
    }

    fn random(&self) -> Id {
        Id(lock(&self.network).rng.random_range(1..=u128::from(u64::MAX)))
    }

    async fn event(&self, incarnation: Id) -> Event {
        loop {
            let news = lock(&self.network).event(self.line, incarnation);
            match news {
                Ok(event) => return event,
                Err(receiver) => drop(receiver.await),
            }
        }
    }
}
