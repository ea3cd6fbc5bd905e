//! Which instance a key goes to, and where that listens.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::instance::Instance;

/// Where instances listen; a restart changes it. Clones share it.
#[derive(Clone, Debug)]
pub struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    /// Where these listen.
    pub fn of(instances: &[Instance]) -> Self {
        Self(Arc::new(Mutex::new(instances.iter().map(|instance| instance.address).collect())))
    }

    /// Where an instance listens now.
    pub fn get(&self, at: usize) -> SocketAddr {
        self.with(|addresses| addresses[at])
    }

    /// An instance listens there from now on.
    pub fn set(&self, at: usize, address: SocketAddr) {
        self.with(|addresses| addresses[at] = address);
    }

    /// One more instance listens there.
    pub fn push(&self, address: SocketAddr) {
        self.with(|addresses| addresses.push(address));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<SocketAddr>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which instance each key goes to.
#[derive(Debug)]
pub struct Router(Vec<AtomicUsize>);

impl Router {
    /// Keys are spread over the instances.
    pub fn new(keys: usize, instances: usize) -> Self {
        Self((0..keys).map(|key| AtomicUsize::new(key % instances)).collect())
    }

    /// The instance of a key.
    pub fn at(&self, key: usize) -> usize {
        self.0[key].load(Ordering::Relaxed)
    }

    /// From now on the key goes there.
    pub fn move_to(&self, key: usize, instance: usize) {
        self.0[key].store(instance, Ordering::Relaxed);
    }
}
