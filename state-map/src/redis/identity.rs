//! Which server answered last, to notice that another one does (C14).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::events::Events;
use crate::port::Event;
use crate::sync::lock;

/// A server's replication history and process, as far as they were seen.
#[derive(Debug)]
pub struct Identity {
    known: Mutex<Option<String>>,
    turns: AtomicU64,
    alarm: Arc<Alarm>,
}

impl Identity {
    /// Of a server that was not seen yet.
    pub fn new(alarm: &Arc<Alarm>) -> Self {
        Self { known: Mutex::default(), turns: AtomicU64::new(0), alarm: Arc::clone(alarm) }
    }

    /// Takes what a server says of itself.
    pub fn learn(&self, seen: &str) {
        let before = lock(&self.known).replace(seen.to_owned());
        if before.is_some_and(|before| before != seen) {
            self.turn();
            self.alarm.raise();
        }
    }

    /// All connections to the server are to be made anew: one was lost, or leads to another server than before.
    pub fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

/// Tells that a server may have forgotten.
#[derive(Debug)]
pub struct Alarm {
    events: Arc<Events>,
    raised: watch::Sender<u64>,
}

impl Alarm {
    /// One that goes to these events.
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, raised: watch::Sender::new(0) }
    }

    /// A server is another one than before.
    pub fn raise(&self) {
        self.events.put(Event::Forgot);
        self.raised.send_modify(|raised| *raised += 1);
    }

    /// Notices each time.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.raised.subscribe()
    }
}
